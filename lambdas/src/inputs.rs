//! What a step reads, as it is now: objects that match a path, or the sealed files of another step. Sealed files get
//! the ETags of one listing, which also shows that they still exist.

use crate::{Ctx, HandlerError, Program, standing, step};
use spotmill_core::bundle::Bundles;
use spotmill_core::calls::errors;
use spotmill_core::hive;
use spotmill_core::ids::{ItemIndex, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::listing::{PathPattern, one_file, twice};
use spotmill_core::model::{OnEmpty, Read, Source, Step};
use spotmill_core::plan::{Found, FoundFile};
use spotmill_core::records::{Lease, Receipt, Seal, SealedFile};
use spotmill_core::types::Column;
use spotmill_platform::ports::ObjectMeta;
use spotmill_platform::records;
use std::collections::{BTreeMap, HashMap};

/// The files of a source, and its seal if it is a step.
pub async fn find(
    ctx: &Ctx,
    program: &Program,
    lease: &Lease,
    source: &Source,
) -> Result<(Found, Option<Seal>), HandlerError> {
    match source {
        Source::Path(path) => Ok((find_path(ctx, path).await?, None)),
        Source::Step { step, .. } => {
            let (keys, seal) = sealed(ctx, program, lease, step).await?;
            let files = find_sealed(ctx, step, &keys, &seal).await?;
            Ok((Found { files, if_empty: format!("step `{step}` wrote no files") }, Some(seal)))
        }
    }
}

/// What a path means now.
pub async fn listed(ctx: &Ctx, path: &str) -> Result<Vec<InputFile>, HandlerError> {
    Ok(objects(ctx, path).await?.into_iter().map(|o| input_file(o, None)).collect())
}

/// The same, with when each was written.
pub async fn objects(ctx: &Ctx, path: &str) -> Result<Vec<ObjectMeta>, HandlerError> {
    let pattern = PathPattern::new(path).map_err(HandlerError::invalid)?;
    let matching = standing::matching(&*ctx.store, &pattern).await?;
    if let Some((first, second)) = twice(matching.iter().map(|o| (&o.uri, o.file))) {
        return Err(HandlerError::invalid(one_file(path, first, second)));
    }
    Ok(matching)
}

async fn find_path(ctx: &Ctx, path: &str) -> Result<Found, HandlerError> {
    let files = listed(ctx, path).await?;
    let files: Vec<FoundFile> = files.into_iter().map(|file| FoundFile { file, partition: String::new() }).collect();
    let if_empty = if files.is_empty() { nearest(ctx, path).await? } else { String::new() };
    Ok(Found { files, if_empty })
}

/// Whether the keys of the path stand in the part of it that the pipeline file wrote; `source` is as it stands there.
pub fn keys_stand(program: &Program, source: &Source, keys: &[Column], found: &Found) -> Result<(), HandlerError> {
    let Source::Path(template) = source else { return Ok(()) };
    let uris = found.files.iter().map(|found| &found.file.uri);
    hive::keys_stand(keys, &program.above(template)?, uris).map_err(HandlerError::invalid)
}

/// A path that is missing and without which the step cannot be planned, or, with `had_rows`, would take the place of what
/// it had made of it. Outputs of steps are not checked.
pub async fn missing(ctx: &Ctx, step: &Step, had_rows: bool) -> Result<Option<String>, HandlerError> {
    if let Source::Path(path) = &step.input.source
        && (had_rows || step.input.on_empty == OnEmpty::Fail)
        && listed(ctx, path).await?.is_empty()
    {
        return Ok(Some(nearest(ctx, path).await?));
    }
    for (name, table) in &step.tables {
        if let Source::Path(path) = &table.source
            && listed(ctx, path).await?.is_empty()
        {
            return Ok(Some(format!("side table `{name}`: {}", nearest(ctx, path).await?)));
        }
    }
    Ok(None)
}

fn input_file(object: ObjectMeta, rows: Option<u64>) -> InputFile {
    InputFile { uri: object.uri, etag: object.etag, bytes: object.bytes, rows, bundled: None }
}

/// What is there instead of what the pattern asks for.
async fn nearest(ctx: &Ctx, path: &str) -> Result<String, HandlerError> {
    let pattern = PathPattern::new(path).map_err(HandlerError::invalid)?;
    for folder in pattern.folders() {
        let listed: Vec<Uri> = ctx.store.list(&folder).await?.into_iter().map(|o| o.uri).collect();
        if !listed.is_empty() {
            return Ok(pattern.nothing(Some((&folder, &listed))));
        }
    }
    Ok(pattern.nothing(None))
}

/// The seal of a step's present generation.
pub async fn sealed(ctx: &Ctx, program: &Program, lease: &Lease, name: &str) -> Result<(StepKeys, Seal), HandlerError> {
    let (run, step) = (program.run_id(), program.step(name)?);
    let incomplete = |why: String| HandlerError::new(errors::UPSTREAM_INCOMPLETE, format!("step `{name}` {why}"));
    let Some(generation) = lease.generations.get(name).map(|g| g.generation) else {
        return Err(incomplete(format!("has never run for {run}")));
    };
    let keys = RunKeys::new(&ctx.root, &run).step(&StepName::new(name), generation);
    let Some((seal, _)) = records::load::<Seal>(&*ctx.store, &keys.seal()).await? else {
        return Err(incomplete(format!("is not complete in its present generation {generation}: run it first")));
    };
    if !seal.is_complete(accepted(&lease.accept, name)) {
        let missing = spotmill_core::format::items(&seal.missing);
        return Err(incomplete(format!(
            "is without items {missing}, which this start does not accept: run it again first"
        )));
    }
    if let Some(changed) = seal.unchecked(step) {
        return Err(incomplete(format!("was complete under other checks ({changed} changed): run it again first")));
    }
    Ok((keys, seal))
}

/// Items of a step that may be missing.
pub fn accepted<'a>(accept: &'a BTreeMap<String, Vec<ItemIndex>>, step: &str) -> &'a [ItemIndex] {
    accept.get(step).map_or(&[], Vec::as_slice)
}

/// The sealed files, in the seal's order.
pub async fn sealed_files(ctx: &Ctx, keys: &StepKeys, seal: &Seal) -> Result<Vec<SealedFile>, HandlerError> {
    listed_files(ctx, keys, &seal.files_digest).await
}

/// The files of a list that some seal of the generation named.
pub async fn listed_files(ctx: &Ctx, keys: &StepKeys, digest: &str) -> Result<Vec<SealedFile>, HandlerError> {
    let uri = keys.sealed_files(digest);
    let body = ctx.store.get(&uri).await?.body;
    let parsed = step::lines(&body).map(serde_json::from_slice).collect::<Result<Vec<SealedFile>, _>>();
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

/// Where the files of an item's receipt are now; it may name its own attempt's folder and no other.
pub fn own_attempt(keys: &StepKeys, item: ItemIndex, receipt: &Receipt) -> Result<Uri, HandlerError> {
    let recorded = &receipt.scratch;
    let foreign =
        || format!("the receipt of item {item} of `{}` names {recorded}, which is not its own prefix", keys.step);
    keys.own_attempt(item, &receipt.attempt, recorded).ok_or_else(|| HandlerError::corrupt(foreign()))
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
    let there = scratch(ctx, keys).await?;
    let bundles = bundles(files);
    let wrong = |file: &SealedFile| {
        let object = file.object();
        match there.get(&object) {
            None => Some("is gone".to_owned()),
            Some(found) if found.bytes == bundles.bytes_of(&object, file.bytes) => None,
            Some(found) if file.bundled.is_none() => Some(format!("has {} bytes", found.bytes)),
            Some(found) => Some(format!("is not whole in its bundle, which has {} bytes", found.bytes)),
        }
    };
    Ok(files.iter().filter_map(|file| Some((file.clone(), wrong(file)?))).collect())
}

/// The bundles that files of a seal lie in.
fn bundles(files: &[SealedFile]) -> Bundles {
    let mut bundles = Bundles::default();
    files.iter().for_each(|file| bundles.add(&file.uri, file.bytes, file.bundled));
    bundles
}

/// What lies in the step's scratch area, of all its generations.
pub async fn scratch(ctx: &Ctx, keys: &StepKeys) -> Result<HashMap<Uri, ObjectMeta>, HandlerError> {
    let listed = ctx.store.list(&keys.all_scratch().join("")).await?;
    Ok(listed.into_iter().map(|o| (o.uri.clone(), o)).collect())
}

async fn find_sealed(ctx: &Ctx, step: &str, keys: &StepKeys, seal: &Seal) -> Result<Vec<FoundFile>, HandlerError> {
    let files = sealed_files(ctx, keys, seal).await?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let (there, bundles) = (scratch(ctx, keys).await?, bundles(&files));
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let object = file.object();
        match there.get(&object).filter(|o| o.bytes == bundles.bytes_of(&object, file.bytes)) {
            Some(object) => {
                let SealedFile { partition, uri, bytes, rows, bundled, .. } = file;
                let file = InputFile { uri, etag: object.etag.clone(), bytes, rows: Some(rows), bundled };
                found.push(FoundFile { file, partition });
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
