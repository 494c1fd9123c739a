//! The columns of text files that a step declares none for: found once, when the step is planned, in a sample of all its
//! files, and frozen with the plan, so that no item decides for itself. Later runs of the pipeline take the columns that
//! the first one found, or days of one table would have other types; a value that does not fit is refused where it is
//! read, and `columns` is the way out.

use crate::{Ctx, HandlerError, Program, access};
use spotmill_core::digest::short;
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys;
use spotmill_core::model::{Format, Read, Source, Step};
use spotmill_core::records::{RECORD_VERSION, Types};
use spotmill_platform::ports::Store;
use spotmill_platform::records;
use spotmill_text::infer::Sample;
use spotmill_text::source;
use std::path::Path;

/// Files that are looked into, evenly over all of them.
const MAX_FILES: usize = 1_000;
/// Bytes that are read of all files together, and the least and the most of one.
const SAMPLE_BYTES: u64 = 128 << 20;
const LEAST_BYTES: u64 = 128 << 10;
const MOST_BYTES: u64 = 32 << 20;

fn undeclared(read: &Read) -> bool {
    read.columns.is_empty() && read.format != Format::Parquet
}

/// How a step's input is read, with its columns.
pub async fn of_input(
    ctx: &Ctx,
    program: &Program,
    run: &RunId,
    step: &Step,
    read: Read,
    files: &[InputFile],
) -> Result<Read, HandlerError> {
    if !undeclared(&read) {
        return Ok(read);
    }
    let declared = &program.step(&step.name)?.input;
    let Source::Path(template) = &declared.source else { return Ok(read) };
    let shape = short(serde_json::to_string(&(template, &declared.read)).unwrap_or_default().as_bytes(), 16);
    let uri = keys::types(&ctx.root, &program.pipeline.name, &step.name);
    let old = records::load::<Types>(&*ctx.store, &uri).await?;
    if let Some((types, _)) = old.as_ref().filter(|(types, _)| types.shape == shape && types.run != *run) {
        return Ok(Read { columns: types.columns.clone(), inferred: true, ..read });
    }
    let found = sampled(&*ctx.store, read, files).await?;
    if found.columns.is_empty() {
        return Ok(found);
    }
    let new = Types { v: RECORD_VERSION, run: run.clone(), shape, columns: found.columns.clone() };
    remember(ctx, &uri, old, new).await?;
    Ok(found)
}

/// Whoever was first keeps it: a run that finds another's record now is planned anew, with its columns.
async fn remember(ctx: &Ctx, uri: &Uri, old: Option<(Types, String)>, new: Types) -> Result<(), HandlerError> {
    let written = match &old {
        Some((types, _)) if *types == new => true,
        old => access::replace(ctx, uri, old.as_ref().map(|(_, etag)| etag.as_str()), &new).await?,
    };
    if written { Ok(()) } else { Err(HandlerError::transient(format!("{uri}: another run wrote it"))) }
}

/// How files are read, with the columns that a sample of all of them has where none are declared.
pub async fn sampled(store: &dyn Store, read: Read, files: &[InputFile]) -> Result<Read, HandlerError> {
    if !undeclared(&read) || files.is_empty() {
        return Ok(read);
    }
    let chosen = chosen(files.len());
    let most = (SAMPLE_BYTES / chosen.len().max(1) as u64).clamp(LEAST_BYTES, MOST_BYTES);
    let mut sample = Sample::new(&read);
    for file in chosen.into_iter().map(|i| &files[i]) {
        let end = file.bytes.min(most);
        let bytes = if end == 0 { Vec::new() } else { store.get_range(&file.uri, 0, end).await? };
        see(&mut sample, &read, file, bytes)?;
    }
    sample.read().map_err(refused)
}

fn see(sample: &mut Sample<'_>, read: &Read, file: &InputFile, bytes: Vec<u8>) -> Result<(), HandlerError> {
    let path = Path::new(file.uri.as_str());
    let whole = bytes.len() as u64 >= file.bytes;
    let mut source = source::Source::beginning(path, bytes, whole, read).map_err(refused)?;
    sample.see(path, &mut source).map_err(refused)
}

fn refused(failure: spotmill_core::item::ItemFailure) -> HandlerError {
    HandlerError::invalid(match failure.remedy {
        Some(remedy) => format!("{}; {remedy}", failure.message),
        None => failure.message,
    })
}

/// Places of at most `MAX_FILES` files, the first and the last among them.
fn chosen(count: usize) -> Vec<usize> {
    if count <= MAX_FILES {
        return (0..count).collect();
    }
    (0..MAX_FILES).map(|i| i * (count - 1) / (MAX_FILES - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_over_all_of_them() {
        assert_eq!(chosen(3), [0, 1, 2]);
        let many = chosen(5_000);
        assert_eq!((many.len(), many[0], many[MAX_FILES - 1]), (MAX_FILES, 0, 4_999));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
