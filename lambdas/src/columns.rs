//! The columns of files that a step declares none for: found once, when the step is planned, in a sample of all its
//! files, and frozen with the plan, so that no item decides for itself. What text seems to be is a guess: later runs of
//! the pipeline take the columns of the input that the first one guessed, or days of one table would have other types.
//! Parquet and Arrow files state their types, and those of a run are its files' own. A value, or a file, that does not fit is
//! refused where it is read, and `columns` is the way out.

use crate::several::several;
use crate::update::replace;
use crate::{Ctx, HandlerError, Program, arrow_schema, footer};
use spotmill_core::agreed::{FileColumns, Kind, agreed};
use spotmill_core::digest::short;
use spotmill_core::ids::Uri;
use spotmill_core::item::InputFile;
use spotmill_core::keys;
use spotmill_core::model::{Format, Read, Source, Step};
use spotmill_core::records::{RECORD_VERSION, Types};
use spotmill_platform::ports::Store;
use spotmill_platform::records;
use spotmill_text::infer::Sample;
use spotmill_text::source;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Files that are sampled, evenly over all of them.
const MAX_FILES: usize = 1_000;
/// Bytes that are read of all files together, and the minimum and the maximum of one.
const SAMPLE_BYTES: u64 = 128 << 20;
const LEAST_BYTES: u64 = 128 << 10;
const MOST_BYTES: u64 = 32 << 20;
/// Files that are fetched at once.
const AT_ONCE: usize = 8;
/// At the end of a Parquet file, or the beginning of an Arrow file: what most statements of columns fit in.
const STATED_BYTES: u64 = 64 << 10;
/// Of an Arrow file's statement: thousands of columns with what their writers note of each.
const MOST_SCHEMA_BYTES: u64 = 64 << 20;

/// Columns that were found for the first time, or otherwise than before, and where they are to be kept.
pub struct New {
    uri: Uri,
    old: Option<String>,
    types: Types,
}

/// How a step's input is read, with its columns; and what is to be kept of them. Writes nothing.
pub async fn of_input(
    ctx: &Ctx,
    program: &Program,
    step: &Step,
    read: Read,
    files: &[InputFile],
) -> Result<(Read, Option<New>), HandlerError> {
    if read.format.states_types() || !read.columns.is_empty() {
        return Ok((sampled(&ctx.store, read, files).await?, None));
    }
    let declared = &program.step(&step.name)?.input;
    let Source::Path(template) = &declared.source else { return Ok((read, None)) };
    let run = program.run_id();
    let shape = short(serde_json::to_string(&(template, &declared.read)).unwrap_or_default().as_bytes(), 16);
    let uri = keys::types(&ctx.root, &program.pipeline.name, &step.name);
    let (there, old) = records::load::<Types>(&*ctx.store, &uri).await?.unzip();
    if let Some(types) = there.as_ref().filter(|types| types.shape == shape && types.run != run) {
        return Ok((Read { columns: types.columns.clone(), inferred: true, ..read }, None));
    }
    let found = sampled(&ctx.store, read, files).await?;
    let types = Types { v: RECORD_VERSION, run, shape, columns: found.columns.clone() };
    let is_new = !types.columns.is_empty() && there.as_ref() != Some(&types);
    Ok((found, is_new.then_some(New { uri, old, types })))
}

/// Whoever was first keeps it: a run that finds another's record now is planned anew, with its columns.
pub async fn remember(ctx: &Ctx, new: &New) -> Result<(), HandlerError> {
    match replace(ctx, &new.uri, new.old.as_deref(), &new.types).await? {
        true => Ok(()),
        false => Err(HandlerError::transient(format!("{}: another run wrote it", new.uri))),
    }
}

/// How files are read, with the columns that a sample of all of them has where none are declared.
pub async fn sampled(store: &Arc<dyn Store>, read: Read, files: &[InputFile]) -> Result<Read, HandlerError> {
    Ok(with_untyped(store, read, files).await?.0)
}

/// The same, and the names of the columns that the files state and for which SQL has no type.
pub async fn with_untyped(
    store: &Arc<dyn Store>,
    read: Read,
    files: &[InputFile],
) -> Result<(Read, Vec<String>), HandlerError> {
    if !read.columns.is_empty() || files.is_empty() {
        return Ok((read, Vec::new()));
    }
    let chosen: Vec<InputFile> = chosen(files.len()).into_iter().map(|i| files[i].clone()).collect();
    match read.format {
        Format::Parquet | Format::Arrow => of_statements(store, read, chosen).await,
        Format::Csv | Format::Ndjson => Ok((of_texts(store, read, chosen).await?, Vec::new())),
    }
}

async fn of_texts(store: &Arc<dyn Store>, read: Read, files: Vec<InputFile>) -> Result<Read, HandlerError> {
    let most = (SAMPLE_BYTES / files.len().max(1) as u64).clamp(LEAST_BYTES, MOST_BYTES);
    let mut sample = Sample::new(&read);
    // Few at once, in their order: what is fetched and not yet sampled is held in memory.
    for some in files.chunks(AT_ONCE) {
        let fetched = several(AT_ONCE, some.to_vec(), |file| {
            let (store, end) = (Arc::clone(store), file.bytes.min(most));
            async move {
                let bytes = range(&*store, &file, 0, end).await?;
                Ok::<_, HandlerError>((file, bytes))
            }
        });
        for (file, bytes) in fetched.await? {
            see(&mut sample, &read, &file, bytes)?;
        }
    }
    sample.read().map_err(refused)
}

/// Columns that the files state and for which SQL has no type: nested ones, and bytes.
fn untyped(found: &[FileColumns]) -> Vec<String> {
    let columns = found.iter().flat_map(|file| &file.columns).filter(|(_, kind)| *kind == Kind::Other);
    columns.map(|(name, _)| name.clone()).collect::<BTreeSet<String>>().into_iter().collect()
}

async fn of_statements(
    store: &Arc<dyn Store>,
    read: Read,
    files: Vec<InputFile>,
) -> Result<(Read, Vec<String>), HandlerError> {
    let mut found = statements(store, &read, files).await?;
    let untyped = untyped(&found);
    // Hive columns come from the path, whatever the file holds.
    found.iter_mut().for_each(|f| f.columns.retain(|(name, _)| !read.hive.iter().any(|c| c.name == *name)));
    let columns = agreed(&found, read.missing).map_err(HandlerError::invalid)?;
    let inferred = !columns.is_empty();
    Ok((Read { columns, inferred, ..read }, untyped))
}

/// A file whose statement cannot be read is skipped: its item reports what is wrong with it.
async fn statements(
    store: &Arc<dyn Store>,
    read: &Read,
    files: Vec<InputFile>,
) -> Result<Vec<FileColumns>, HandlerError> {
    let found = several(AT_ONCE, files, |file| {
        let (store, format) = (Arc::clone(store), read.format);
        async move {
            let columns = match format {
                Format::Arrow => schema_of(&*store, &file).await?.and_then(|message| arrow_schema::columns(&message)),
                _ => footer_of(&*store, &file).await?.and_then(|footer| footer::columns(&footer)),
            };
            Ok::<_, HandlerError>(columns.map(|columns| FileColumns { file: file.uri.to_string(), columns }))
        }
    });
    let found: Vec<Option<FileColumns>> = found.await?;
    Ok(found.into_iter().flatten().collect())
}

/// Bytes of a file, wherever it lies.
async fn range(store: &dyn Store, file: &InputFile, from: u64, to: u64) -> Result<Vec<u8>, HandlerError> {
    let begin = file.bundled.map_or(0, |bundled| bundled.offset);
    match to > from {
        true => Ok(store.get_range(&file.object(), begin + from, begin + to).await?),
        false => Ok(Vec::new()),
    }
}

/// None where a file is no Parquet file.
async fn footer_of(store: &dyn Store, file: &InputFile) -> Result<Option<Vec<u8>>, HandlerError> {
    let from = file.bytes.saturating_sub(STATED_BYTES);
    let end = range(store, file, from, file.bytes).await?;
    let Some(length) = footer::length(&end) else { return Ok(None) };
    let Some(begin) = file.bytes.checked_sub(footer::TAIL_BYTES + length) else { return Ok(None) };
    let bytes = match begin.checked_sub(from) {
        Some(at) => end.get(at as usize..).unwrap_or_default().to_vec(),
        None => range(store, file, begin, file.bytes).await?,
    };
    let footer = bytes.len().saturating_sub(footer::TAIL_BYTES as usize);
    Ok(Some(bytes[..footer].to_vec()))
}

/// None where a file is no Arrow file. A length that stands in a file is believed up to what any statement of columns has.
async fn schema_of(store: &dyn Store, file: &InputFile) -> Result<Option<Vec<u8>>, HandlerError> {
    let end = file.bytes.min(STATED_BYTES);
    let head = range(store, file, 0, end).await?;
    let Some(place) = arrow_schema::place(&head).filter(|place| place.end <= file.bytes) else { return Ok(None) };
    believable(file, place.end - place.start)?;
    Ok(Some(match head.get(place.start as usize..place.end as usize) {
        Some(message) => message.to_vec(),
        None => range(store, file, place.start, place.end).await?,
    }))
}

fn believable(file: &InputFile, claimed: u64) -> Result<(), HandlerError> {
    if claimed <= MOST_SCHEMA_BYTES {
        return Ok(());
    }
    Err(HandlerError::invalid(format!(
        "{} claims to state its columns in {claimed} bytes; up to {MOST_SCHEMA_BYTES} are read: it is damaged. Deliver the \
         file again, or declare `columns`",
        file.uri
    )))
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
    fn a_statement_of_columns_is_believed_up_to_a_bound() {
        let file =
            InputFile { uri: "/in/1.arrow".into(), etag: String::new(), bytes: 1 << 40, rows: None, bundled: None };
        assert!(believable(&file, MOST_SCHEMA_BYTES).is_ok());
        let e = believable(&file, MOST_SCHEMA_BYTES + 1).unwrap_err();
        assert!(e.cause.starts_with("/in/1.arrow claims to state its columns in 67108865 bytes"), "{}", e.cause);
    }

    #[test]
    fn files_are_chosen_over_all_of_them() {
        assert_eq!(chosen(3), [0, 1, 2]);
        let many = chosen(5_000);
        assert_eq!((many.len(), many[0], many[MAX_FILES - 1]), (MAX_FILES, 0, 4_999));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
