//! What a step reads, as it is now: objects that match a path, or the sealed files of another step. Sealed files get
//! the ETags of one listing, which also tells that they are still there.

use crate::{Ctx, HandlerError, Program};
use spotmill_core::calls::errors;
use spotmill_core::ids::{RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::listing::PathPattern;
use spotmill_core::model::{Read, Source};
use spotmill_core::plan::{Found, FoundFile};
use spotmill_core::records::{Lease, Seal, SealedFile};
use spotmill_platform::ports::ObjectMeta;
use spotmill_platform::records;
use std::collections::HashMap;

/// The files of a source, and its seal if it is a step.
pub async fn find(
    ctx: &Ctx,
    run: &RunId,
    lease: &Lease,
    source: &Source,
) -> Result<(Found, Option<Seal>), HandlerError> {
    match source {
        Source::Path(path) => Ok((find_path(ctx, path).await?, None)),
        Source::Step { step, .. } => {
            let (keys, seal) = sealed(ctx, run, lease, step).await?;
            let files = find_sealed(ctx, step, &keys, &seal).await?;
            Ok((Found { files, if_empty: format!("step `{step}` wrote no files") }, Some(seal)))
        }
    }
}

/// What a path means now.
pub async fn listed(ctx: &Ctx, path: &str) -> Result<Vec<InputFile>, HandlerError> {
    let pattern = PathPattern::new(path).map_err(HandlerError::invalid)?;
    let listed = ctx.store.list(&pattern.prefix).await?;
    Ok(listed.into_iter().filter(|o| pattern.matches(&o.uri)).map(|o| input_file(o, None)).collect())
}

async fn find_path(ctx: &Ctx, path: &str) -> Result<Found, HandlerError> {
    let pattern = PathPattern::new(path).map_err(HandlerError::invalid)?;
    let listed = ctx.store.list(&pattern.prefix).await?;
    let files: Vec<FoundFile> = listed
        .into_iter()
        .filter(|o| pattern.matches(&o.uri))
        .map(|o| FoundFile { file: input_file(o, None), partition: String::new() })
        .collect();
    let if_empty = if files.is_empty() { nearest(ctx, &pattern).await? } else { String::new() };
    Ok(Found { files, if_empty })
}

fn input_file(object: ObjectMeta, rows: Option<u64>) -> InputFile {
    InputFile { uri: object.uri, etag: object.etag, bytes: object.bytes, rows }
}

/// What is there instead of what the pattern asks for.
async fn nearest(ctx: &Ctx, pattern: &PathPattern) -> Result<String, HandlerError> {
    for folder in pattern.folders() {
        let listed: Vec<Uri> = ctx.store.list(&folder).await?.into_iter().map(|o| o.uri).collect();
        if !listed.is_empty() {
            return Ok(pattern.nothing(Some((&folder, &listed))));
        }
    }
    Ok(pattern.nothing(None))
}

/// The seal of a step's present generation.
pub async fn sealed(ctx: &Ctx, run: &RunId, lease: &Lease, step: &str) -> Result<(StepKeys, Seal), HandlerError> {
    let incomplete = |why: String| HandlerError::new(errors::UPSTREAM_INCOMPLETE, why);
    let Some(generation) = lease.generations.get(step).map(|g| g.generation) else {
        return Err(incomplete(format!("step `{step}` has never run for {run}")));
    };
    let keys = RunKeys::new(&ctx.root, run).step(&StepName::new(step), generation);
    let Some((seal, _)) = records::load::<Seal>(&*ctx.store, &keys.seal()).await? else {
        return Err(incomplete(format!(
            "step `{step}` is not complete in its present generation {generation}: run it first"
        )));
    };
    if !covers(lease, step, &seal) {
        let missing = spotmill_core::words::items(&seal.missing);
        return Err(incomplete(format!(
            "step `{step}` is without items {missing}, which this start does not accept: run it again first"
        )));
    }
    Ok((keys, seal))
}

/// Does the present execution accept what the seal is without?
pub fn covers(lease: &Lease, step: &str, seal: &Seal) -> bool {
    let accepted = lease.accept.get(step).map_or(&[][..], Vec::as_slice);
    seal.missing.iter().all(|item| accepted.contains(item))
}

/// The sealed files, in the seal's order.
pub async fn sealed_files(ctx: &Ctx, keys: &StepKeys, seal: &Seal) -> Result<Vec<SealedFile>, HandlerError> {
    let uri = keys.sealed_files(&seal.files_digest);
    let body = ctx.store.get(&uri).await?.body;
    let parsed = crate::access::lines(&body).map(serde_json::from_slice).collect::<Result<Vec<SealedFile>, _>>();
    let mut files = parsed.map_err(|e| HandlerError::corrupt(format!("{uri}: {e}")))?;
    for file in &mut files {
        file.uri = own(keys, &file.uri)?;
    }
    Ok(files)
}

/// Where a file or folder that a record names is now; no step's record may name another's.
pub fn own(keys: &StepKeys, recorded: &Uri) -> Result<Uri, HandlerError> {
    let foreign =
        || HandlerError::corrupt(format!("a record of `{}` names {recorded}, which is not its own", keys.step));
    keys.own_scratch(recorded).ok_or_else(foreign)
}

/// Sealed files that are not there as they were sealed, and what is there instead.
pub async fn damaged(
    ctx: &Ctx,
    keys: &StepKeys,
    files: &[SealedFile],
) -> Result<Vec<(SealedFile, String)>, HandlerError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let listed = ctx.store.list(&keys.all_scratch().join("")).await?;
    let there: HashMap<&Uri, u64> = listed.iter().map(|o| (&o.uri, o.bytes)).collect();
    let wrong = |file: &SealedFile| match there.get(&file.uri) {
        None => Some("is gone".to_owned()),
        Some(found) if *found != file.bytes => Some(format!("has {found} bytes")),
        Some(_) => None,
    };
    Ok(files.iter().filter_map(|file| Some((file.clone(), wrong(file)?))).collect())
}

async fn find_sealed(ctx: &Ctx, step: &str, keys: &StepKeys, seal: &Seal) -> Result<Vec<FoundFile>, HandlerError> {
    let files = sealed_files(ctx, keys, seal).await?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let listed = ctx.store.list(&keys.all_scratch().join("")).await?;
    let mut there: HashMap<Uri, ObjectMeta> = listed.into_iter().map(|o| (o.uri.clone(), o)).collect();
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        match there.remove(&file.uri).filter(|o| o.bytes == file.bytes) {
            Some(object) => {
                let partition = file.partition;
                found.push(FoundFile { file: input_file(object, Some(file.rows)), partition });
            }
            None => {
                let what = format!("{}, which step `{step}` wrote, is gone or has another size", file.uri);
                let why = format!("{what}: start again, its item is done again");
                return Err(HandlerError::new(errors::UPSTREAM_INCOMPLETE, why));
            }
        }
    }
    Ok(found)
}

/// How to read a source: a step's output is read as it was written.
pub fn read_of(program: &Program, source: &Source, read: &Read, seal: Option<&Seal>) -> Result<Read, HandlerError> {
    let (Source::Step { step, .. }, Some(seal)) = (source, seal) else {
        return Ok(read.clone());
    };
    let output = &program.step(step)?.output;
    Ok(Read { format: output.format, columns: seal.columns.clone(), ..read.clone() })
}
