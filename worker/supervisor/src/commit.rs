//! The commit of an attempt: the child's report is compared with one listing of its files and its inputs with their
//! pins, and then the receipt is created if absent. After a lost reply the receipt is read until it states whose it
//! is. Files are never deleted in this module; the answer states whether they may be.

use crate::attempt::{Context, Job, objects};
use crate::delivery::insist;
use crate::stage;
use crate::state::Ending;
use spotmill_core::bundle;
use spotmill_core::digest::Content;
use spotmill_core::ids::{AttemptId, Uri};
use spotmill_core::item::{FailureClass, ItemReport};
use spotmill_core::records::{RECORD_VERSION, Receipt};
use spotmill_platform::ports::{Created, StoreError};
use spotmill_platform::records::{self, RecordError};
use spotmill_platform::several::several;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Concurrent requests while inputs are checked.
const HEADS: usize = 16;

pub enum Committed {
    /// This attempt's receipt stands.
    Won,
    /// Another's does.
    Lost(AttemptId),
    /// It must not be committed; no receipt was sent.
    Void(Ending),
}

pub async fn commit(context: &Context, job: &Job, report: &ItemReport) -> Committed {
    let sound = match adds_up(report) {
        Ok(()) => written(context, job, report).await,
        wrong => wrong,
    };
    if let Err(what) = sound {
        return Committed::Void(Ending::new(FailureClass::Crash, what, "bad outcome file"));
    }
    if let Some(changed) = changed_input(context, job).await {
        return Committed::Void(changed);
    }
    let receipt = receipt(context, job, report, contents(job, report).await);
    let key = job.claim.keys.receipt(job.claim.work.item);
    insist(context, "receipt", || Box::pin(send(context, &key, &receipt))).await
}

/// Sends the receipt; with an error, nobody's stands yet.
async fn send(context: &Context, key: &Uri, receipt: &Receipt) -> Result<Committed, String> {
    let unknown = match records::create(&*context.ports.store, key, receipt).await {
        Ok(Created::Now) => return Ok(Committed::Won),
        Ok(Created::Already) => "it came and went".to_owned(),
        // It may have been written, or may yet be: whoever's stands then decides.
        Err(e) => e.to_string(),
    };
    standing(context, key, &receipt.attempt).await?.ok_or(unknown)
}

/// Whose receipt stands.
async fn standing(context: &Context, key: &Uri, own: &AttemptId) -> Result<Option<Committed>, String> {
    let found: Result<_, RecordError> = records::load::<Receipt>(&*context.ports.store, key).await;
    Ok(found
        .map_err(|e| e.to_string())?
        .map(|(receipt, _)| if receipt.attempt == *own { Committed::Won } else { Committed::Lost(receipt.attempt) }))
}

/// Is all that was reported there, of the size that was reported?
async fn written(context: &Context, job: &Job, report: &ItemReport) -> Result<(), String> {
    let claim = &job.claim;
    let scratch = claim.keys.scratch(claim.work.item, &claim.attempt).join("");
    let listed = insist(context, "listing what the child wrote", || context.ports.store.list(&scratch)).await;
    let sizes: HashMap<&str, u64> =
        listed.iter().filter_map(|m| Some((m.uri.as_str().strip_prefix(scratch.as_str())?, m.bytes))).collect();
    let reported = bundle::objects(&report.files, report.rejects.as_ref());
    for (path, bytes) in reported.map_err(|why| format!("the child's report {why}"))? {
        match sizes.get(path) {
            None => return Err(format!("the child reported {path}, but it is not there")),
            Some(found) if *found != bytes => {
                return Err(format!("the child reported {bytes} bytes of {path}, but there are {found}"));
            }
            Some(_) => {}
        }
    }
    // All of them at once, whatever their number: a receipt never outlasts what it names.
    insist(context, "putting what the child wrote on the disk", || context.ports.store.flush(&scratch)).await;
    Ok(())
}

/// Raw rows are parsed or rejected; rows written are in files.
fn adds_up(report: &ItemReport) -> Result<(), String> {
    match report.rows.contradiction(&report.files) {
        Some(why) => Err(format!("the child's report {why}")),
        None => Ok(()),
    }
}

/// The first object that is not what it was when it was pinned.
async fn changed_input(context: &Context, job: &Job) -> Option<Ending> {
    let files: Vec<_> = objects(&job.reads).into_iter().map(|(object, file)| (object, file.clone())).collect();
    let heads = several(HEADS, files, |(object, file)| {
        let store = Arc::clone(&context.ports.store);
        async move {
            let seen = store.head(&object).await;
            Ok::<_, Infallible>((object, file, seen))
        }
    });
    let Ok(heads) = heads.await;
    for (object, file, mut seen) in heads {
        if !matches!(seen, Ok(_) | Err(StoreError::NotFound(_))) {
            let (store, uri) = (&context.ports.store, &object);
            seen = insist(context, "looking at an input again", || {
                Box::pin(async move {
                    match store.head(uri).await {
                        Err(StoreError::NotFound(uri)) => Ok(Err(StoreError::NotFound(uri))),
                        other => other.map(Ok),
                    }
                })
            })
            .await;
        }
        let what = match seen {
            Ok(meta) if meta.etag == file.etag => continue,
            Ok(_) => "was changed while it was read",
            Err(_) => "went away while it was read",
        };
        let message = format!("{} {what}; nothing of this attempt was kept", file.uri);
        let mut ending = Ending::new(FailureClass::InputChanged, message, "input changed")
            .remedy("start the run again: it takes the input as it is now");
        ending.file = Some(file.uri.0.clone());
        return Some(ending);
    }
    None
}

/// Digests of the files' contents, from the copies on this machine; empty if one cannot be read. Steps that read these
/// files do not rerun for a file that was rewritten with the same contents.
async fn contents(job: &Job, report: &ItemReport) -> Vec<String> {
    let folder = stage::written(job);
    let places = report.files.iter().map(|file| match file.offset {
        Some(offset) => (job.bundle(), offset, file.bytes),
        None => (folder.join(&file.path), 0, u64::MAX),
    });
    let places: Vec<(PathBuf, u64, u64)> = places.collect();
    let read = tokio::task::spawn_blocking(move || {
        places.iter().map(|(path, from, most)| content(path, *from, *most)).collect::<Result<_, _>>()
    });
    read.await.ok().and_then(std::io::Result::ok).unwrap_or_default()
}

/// Of at most so many bytes of a file.
fn content(path: &Path, from: u64, most: u64) -> std::io::Result<String> {
    let (mut file, mut content, mut page) = (File::open(path)?, Content::default(), vec![0; 1 << 18]);
    file.seek(SeekFrom::Start(from))?;
    let mut file = file.take(most);
    loop {
        match file.read(&mut page)? {
            0 => return Ok(content.hex()),
            n => content.update(&page[..n]),
        }
    }
}

fn receipt(context: &Context, job: &Job, report: &ItemReport, contents: Vec<String>) -> Receipt {
    let claim = &job.claim;
    Receipt {
        v: RECORD_VERSION,
        item: claim.work.item,
        attempt: claim.attempt.clone(),
        item_digest: job.item_digest.clone(),
        worker_digest: context.config.worker_digest.clone(),
        epoch: claim.work.epoch,
        scratch: claim.keys.scratch(claim.work.item, &claim.attempt),
        files: report.files.clone(),
        contents,
        rejects: report.rejects.clone(),
        rows: report.rows,
        columns: report.columns.clone(),
        violations: report.violations.clone(),
        notes: report.notes.clone(),
        usage: report.usage.clone(),
        rung: claim.work.rung,
        worker: context.config.worker.clone(),
        committed_ms: context.ports.clock.now_ms(),
    }
}
