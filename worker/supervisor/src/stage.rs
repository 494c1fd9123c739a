//! Objects of S3 for a child that knows only files: its inputs are copied to this machine before it starts, what it
//! wrote is copied to the attempt's prefix after it has finished, and in its messages the names of the copies are
//! replaced by those of the objects. So the child needs neither network nor credentials. On one machine nothing is
//! copied.

use crate::attempt::{Context, Job, distinct};
use crate::delivery::insist;
use crate::own_user::is_plain_file;
use crate::refusal::Refusal;
use crate::state::Ending;
use spotmill_core::ids::Uri;
use spotmill_core::item::{FailureClass, InputFile, ItemReport, ItemSpec};
use spotmill_platform::ports::StoreError;
use spotmill_platform::several::several;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    let away: Vec<InputFile> = distinct(&job.reads).into_iter().filter(|f| f.uri.is_s3()).cloned().collect();
    if away.is_empty() {
        return Ok(());
    }
    copy_all(context, job, away).await.map_err(|error| match error {
        NotCopied::Later(why) => Refusal::Later(why),
        NotCopied::Ended(ending) => Refusal::Failed(Box::new(job.claim.clone()), ending),
    })?;
    for file in spec.inputs.iter_mut().chain(spec.tables.values_mut().flat_map(|t| &mut t.files)) {
        if let Ok(copy) = copy_of(&inputs(job), &file.uri) {
            file.uri = Uri::new(copy.to_string_lossy());
        }
    }
    Ok(())
}

/// Why an input is not on this machine.
enum NotCopied {
    /// The store does not answer.
    Later(String),
    Ended(Box<Ending>),
}

impl From<Box<Ending>> for NotCopied {
    fn from(ending: Box<Ending>) -> Self {
        NotCopied::Ended(ending)
    }
}

async fn copy_all(context: &Context, job: &Job, files: Vec<InputFile>) -> Result<(), NotCopied> {
    let named = files.into_iter().map(|file| Ok::<_, String>((copy_of(&inputs(job), &file.uri)?, file)));
    let named: Vec<(PathBuf, InputFile)> = named.collect::<Result<_, _>>().map_err(unnameable)?;
    let copies = several(COPIES, named, |(to, file)| {
        let store = Arc::clone(&context.ports.store);
        async move {
            let copied = match to.parent() {
                Some(parent) => tokio::fs::create_dir_all(parent).await,
                None => Ok(()),
            };
            match copied {
                Ok(()) => store.download(&file.uri, &file.etag, &to).await.map(drop).map_err(|e| not_copied(&file, e)),
                Err(e) => Err(infra(format!("{} cannot be copied to {}: {e}", file.uri, to.display())).into()),
            }
        }
    });
    copies.await.map(drop)
}

/// The path of the copy of `s3://bucket/key` is `bucket/key` below `folder`, so that folders of the key, such as
/// `dt=2024-03-10`, are folders of the copy. An error says why no file can have that path.
pub fn copy_of(folder: &Path, uri: &Uri) -> Result<PathBuf, String> {
    let name = uri.as_str().strip_prefix(S3).unwrap_or(uri.as_str());
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.len() > 255;
    match name.split('/').find(|part| bad(part)) {
        None => Ok(folder.join(name)),
        Some(part) => Err(format!("{uri} cannot be read: no file can have `{part}` as a part of its name")),
    }
}

fn unnameable(message: String) -> Box<Ending> {
    Box::new(Ending::new(FailureClass::BadData, message, "not started").remedy("give the object another key"))
}

fn infra(message: String) -> Box<Ending> {
    Box::new(Ending::new(FailureClass::Infra, message, "not started"))
}

fn not_copied(file: &InputFile, error: StoreError) -> NotCopied {
    let message = || format!("{} was not copied: {error}", file.uri);
    let what = match &error {
        StoreError::NotFound(_) => "went away since it was pinned",
        StoreError::Changed(_) => "was changed since it was pinned",
        StoreError::Transient { .. } | StoreError::Unknown { .. } => return NotCopied::Later(message()),
        _ => return infra(message()).into(),
    };
    let mut ending = Ending::new(FailureClass::InputChanged, format!("{} {what}", file.uri), "not started")
        .remedy("start the run again: it takes the input as it is now");
    ending.file = Some(file.uri.0.clone());
    Box::new(ending).into()
}

/// The child's text with the objects' names instead of the copies'.
pub fn renamed(job: &Job, text: &str) -> String {
    let copies = format!("{}/", inputs(job).to_string_lossy());
    let scratch = job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt);
    text.replace(&copies, S3).replace(&*outputs(job).to_string_lossy(), scratch.as_str())
}

/// Copies what the child wrote to the attempt's prefix, if that is not of this machine. Repeated until it succeeds: a
/// file is named by its attempt, so that doing it twice is doing it once. What the child did not write, or wrote as a
/// link, is its crash, also where nothing is copied: a receipt names files that are the child's.
pub async fn upload(context: &Context, job: &Job, mut report: ItemReport) -> Result<ItemReport, Ending> {
    let scratch = job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt);
    if let Some(file) = report.files.iter().chain(&report.rejects).find(|file| !file.stays_below()) {
        let what = format!("the child reported `{}`, which is not below its own prefix", file.path);
        return Err(Ending::new(FailureClass::Crash, what, "bad outcome file"));
    }
    for file in report.files.iter().chain(&report.rejects) {
        if let Err(e) = is_plain_file(&written(job), &file.path) {
            let why = match e.kind() {
                std::io::ErrorKind::NotFound => "is not there".to_owned(),
                _ => format!("cannot be read: {e}"),
            };
            let what = format!("the child reported {}, but it {why}", file.path);
            return Err(Ending::new(FailureClass::Crash, what, "bad outcome file"));
        }
    }
    if !scratch.is_s3() {
        if job.reads.iter().any(|file| file.uri.is_s3()) {
            name_objects(context, job, &mut report);
        }
        return Ok(report);
    }
    name_objects(context, job, &mut report);
    let paths = report.files.iter().chain(&report.rejects).map(|f| &f.path);
    let gate = Semaphore::new(COPIES);
    let copies = paths.map(|path| {
        let (from, to, gate) = (outputs(job).join(path), scratch.join(path), &gate);
        async move {
            let _permit = gate.acquire().await;
            insist(context, "copying what the child wrote", || context.ports.store.upload(&from, &to)).await;
        }
    });
    futures_util::future::join_all(copies).await;
    Ok(report)
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

#[cfg(test)]
mod tests {
    use super::copy_of;
    use spotmill_core::ids::Uri;
    use std::path::{Path, PathBuf};

    #[test]
    fn a_copy_keeps_the_folders_of_its_key() {
        let of = |uri: &str| copy_of(Path::new("/in"), &Uri::new(uri));
        assert_eq!(of("s3://b/dt=2024-03-10/x.csv"), Ok(PathBuf::from("/in/b/dt=2024-03-10/x.csv")));
        let long = format!("s3://b/{}", "x".repeat(256));
        for impossible in ["s3://b/../x", "s3://b/./x", "s3://b//x", "s3://b/x/", long.as_str()] {
            assert!(of(impossible).expect_err("no path").starts_with(impossible), "{impossible}");
        }
    }
}
