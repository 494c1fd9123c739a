//! Objects of S3 for a child that knows only files: its inputs are copied to this machine before it starts, what it
//! wrote is copied to the attempt's prefix after it has finished, and in its messages the names of the copies are
//! replaced by those of the objects. So the child needs neither network nor credentials. On one machine nothing is
//! copied.

use crate::attempt::{Context, Job};
use crate::bundling::{self, Unbundled};
use crate::copies::{self, NotCopied};
use crate::delivery::insist;
use crate::own_user::is_plain_file;
use crate::refusal::Refusal;
use crate::state::Ending;
use spotmill_core::bundle;
use spotmill_core::ids::Uri;
use spotmill_core::item::{FailureClass, ItemReport, ItemSpec};
use spotmill_platform::ports::StoreError;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use tokio::sync::Semaphore;

/// Concurrent copies for one item.
const COPIES: usize = 8;
const S3: &str = "s3://";

/// Below it a copy of `s3://bucket/key` is `bucket/key`.
fn inputs(job: &Job) -> PathBuf {
    job.claim.directory.join("in")
}

/// Where the child writes if its prefix is not of this machine.
fn outputs(job: &Job) -> PathBuf {
    job.claim.directory.join("out")
}

/// Where on this machine a child's files are.
pub fn written(job: &Job) -> PathBuf {
    let scratch = job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt);
    if scratch.is_s3() { outputs(job) } else { PathBuf::from(scratch.as_str()) }
}

/// Copies what the child will read and lets the spec name the copies.
pub async fn fetch(context: &Context, job: &Job, spec: &mut ItemSpec) -> Result<(), Refusal> {
    if spec.scratch.is_s3() {
        spec.scratch = Uri::new(outputs(job).to_string_lossy());
    }
    let reads = spec.inputs.iter_mut().chain(spec.tables.values_mut().flat_map(|t| &mut t.files));
    copies::bring(&context.ports.store, &inputs(job), reads).await.map_err(|why| refusal(job, why))
}

fn infra(message: String) -> Ending {
    Ending::new(FailureClass::Infra, message, "not started")
}

fn refusal(job: &Job, why: NotCopied) -> Refusal {
    let ending = match why {
        NotCopied::Unnameable(what) => {
            Ending::new(FailureClass::BadData, what, "not started").remedy("give the object another key")
        }
        NotCopied::Here(path, e) => infra(format!("{} cannot be copied to this machine: {e}", path.display())),
        NotCopied::There(file, error) => {
            let what = match &error {
                StoreError::NotFound(_) => "went away since it was pinned",
                StoreError::Changed(_) => "was changed since it was pinned",
                StoreError::Transient { .. } | StoreError::Unknown { .. } => {
                    return Refusal::Later(format!("{file} was not copied: {error}"));
                }
                _ => {
                    let ending = infra(format!("{file} was not copied: {error}"));
                    return Refusal::Failed(Box::new(job.claim.clone()), Box::new(ending));
                }
            };
            let mut ending = Ending::new(FailureClass::InputChanged, format!("{file} {what}"), "not started")
                .remedy("start the run again: it takes the input as it is now");
            ending.file = Some(file.0);
            ending
        }
    };
    Refusal::Failed(Box::new(job.claim.clone()), Box::new(ending))
}

/// The child's text with the objects' names instead of the copies'.
pub fn renamed(job: &Job, text: &str) -> String {
    let copies = format!("{}/", inputs(job).to_string_lossy());
    let scratch = job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt);
    text.replace(&copies, S3).replace(&*outputs(job).to_string_lossy(), scratch.as_str())
}

/// Copies what the child wrote to the attempt's prefix, if that is not of this machine; as one object where only other
/// steps read it. Repeated until it succeeds: an object is named by its attempt, so that doing it twice is doing it once.
/// What the child did not write, or wrote as a link, is its crash, also where nothing is copied: a receipt names files
/// that are the child's.
pub async fn upload(context: &Context, job: &Job, mut report: ItemReport) -> Result<ItemReport, Ending> {
    let scratch = job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt);
    if let Some(file) = report.files.iter().chain(&report.rejects).find(|file| !file.stays_below()) {
        let what = format!("the child reported `{}`, which is not below its own prefix", file.path);
        return Err(bad_outcome(&what));
    }
    // Where a file lies is not the child's to say.
    report.files.iter_mut().chain(&mut report.rejects).for_each(|file| file.offset = None);
    for file in report.files.iter().chain(&report.rejects) {
        if let Err(e) = is_plain_file(&written(job), &file.path) {
            let why = match e.kind() {
                std::io::ErrorKind::NotFound => "is not there".to_owned(),
                _ => format!("cannot be read: {e}"),
            };
            let what = format!("the child reported {}, but it {why}", file.path);
            return Err(bad_outcome(&what));
        }
    }
    if !scratch.is_s3() {
        if job.reads.iter().any(|file| file.uri.is_s3()) {
            name_objects(context, job, &mut report);
        }
        return Ok(report);
    }
    name_objects(context, job, &mut report);
    if job.is_bundled {
        report = bundled(job, report).await?;
    }
    let is_bundle = report.files.iter().any(|file| file.offset.is_some());
    let objects = bundle::objects(&report.files, report.rejects.as_ref()).map_err(|what| bad_outcome(&what))?;
    let gate = Semaphore::new(COPIES);
    let copies = objects.into_iter().map(|(path, _)| {
        let from = if is_bundle && path == bundle::NAME { job.bundle() } else { outputs(job).join(path) };
        let (to, gate) = (scratch.join(path), &gate);
        async move {
            let _permit = gate.acquire().await;
            insist(context, "copying what the child wrote", || context.ports.store.upload(&from, &to)).await;
        }
    });
    futures_util::future::join_all(copies).await;
    Ok(report)
}

/// Puts all files into one, where they are several.
async fn bundled(job: &Job, mut report: ItemReport) -> Result<ItemReport, Ending> {
    if report.rejects.as_ref().is_some_and(|rejects| rejects.path == bundle::NAME) {
        return Err(bad_outcome(&format!(
            "the child reported rejected rows as `{}`, which is not its own",
            bundle::NAME
        )));
    }
    let (folder, to) = (outputs(job), job.bundle());
    let written = tokio::task::spawn_blocking(move || {
        let done = bundling::write(&folder, &mut report.files, &to);
        done.map(|_| report)
    });
    match written.await.unwrap_or_else(|e| Err(Unbundled::Io(std::io::Error::other(e)))) {
        Ok(report) => Ok(report),
        Err(Unbundled::Differs(what)) => Err(bad_outcome(&what)),
        Err(Unbundled::Io(e)) => {
            let what = format!("what the child wrote cannot be put into one file on this machine: {e}");
            Err(Ending::new(FailureClass::Infra, what, "not copied"))
        }
    }
}

fn bad_outcome(what: &str) -> Ending {
    Ending::new(FailureClass::Crash, what, "bad outcome file")
}

/// Rejected rows name the objects that they stand in, not the copies.
fn name_objects(context: &Context, job: &Job, report: &mut ItemReport) {
    let Some(rejects) = &mut report.rejects else { return };
    match rename_rejects(job, &written(job).join(&rejects.path)) {
        Ok(bytes) => rejects.bytes = bytes,
        Err(e) => context.note(format!("{}: {e}; it names copies of the inputs", rejects.path)),
    }
}

/// Rejected rows name their file; returns the new size.
fn rename_rejects(job: &Job, path: &Path) -> std::io::Result<u64> {
    let beside = path.with_extension("renamed");
    // Nothing that the child left there is written through.
    if let Err(e) = std::fs::remove_file(&beside)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(e);
    }
    let mut to = BufWriter::new(File::create_new(&beside)?);
    for line in BufReader::new(File::open(path)?).lines() {
        writeln!(to, "{}", renamed(job, &line?))?;
    }
    to.flush()?;
    std::fs::rename(&beside, path)?;
    Ok(std::fs::metadata(path)?.len())
}
