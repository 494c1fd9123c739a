//! Reads the lines of a bill. A line that is none ends the command with its file and number. Parquet goes through the
//! pipeline's worker, as with `spotmill sql`: it writes the columns that are needed as CSV.

use super::files::{BillFile, Form};
use crate::args::Global;
use crate::commands::sql;
use crate::exit::{Stop, io};
use crate::project;
use crate::worker::Worker;
use sha2::{Digest, Sha256};
use spotmill_core::item::ItemFailure;
use spotmill_core::model::{Compression, Format, Read};
use spotmill_ledger::bill::{Bill, Export, Feed, Layout};
use spotmill_platform::ports::Store;
use spotmill_spec::query::{QueryRequest, QueryTable};
use spotmill_text::failure::{Outcome, bad_data};
use spotmill_text::reader::{self, Reading, Row, Visitor, What};
use spotmill_text::source::Source;
use spotmill_text::split::value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Takes the place of a line and its fields; the error says what was expected.
type Take<'t> = dyn FnMut(&str, &[&str]) -> Result<(), String> + 't;

/// A bill, and what is to be known of it.
pub struct Taken {
    /// Nothing where the files hold no line.
    pub bill: Option<Bill>,
    pub notes: Vec<String>,
    /// Whether leaked machines can be found.
    pub has_tags: bool,
}

pub async fn all(global: &Global, store: &dyn Store, files: &[BillFile]) -> Result<Taken, Stop> {
    let tmp = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    if files.iter().all(|file| file.form == Form::Feed) {
        let mut feed = Feed::default();
        for file in files {
            let path = file.fetch(store, tmp.path()).await?;
            lines(file, &path, Compression::Auto, &mut |at, fields| feed.add(at, fields))?;
        }
        let bill = Some(feed.end()).filter(|bill| !bill.lines.is_empty());
        return Ok(Taken { bill, notes: Vec::new(), has_tags: false });
    }
    let (mut export, mut seen, mut repeated, mut tagged) = (Export::default(), BTreeSet::new(), 0, true);
    let mut worker = None;
    for file in files {
        let path = file.fetch(store, tmp.path()).await?;
        if !seen.insert(digest(&path)?) {
            repeated += 1;
            continue;
        }
        let (path, compression) = match file.form {
            Form::Parquet => (unpacked(global, &mut worker, file, &path, tmp.path()).await?, Compression::None),
            Form::Csv | Form::Feed => (path, Compression::Auto),
        };
        let mut layout: Option<Layout> = None;
        lines(file, &path, compression, &mut |_, fields| match &layout {
            Some(layout) => export.add(&file.folder, layout, fields),
            None => Layout::of(fields).map(|found| layout = Some(found)),
        })?;
        tagged &= layout.is_none_or(|layout| layout.has_tags());
    }
    let notes = if repeated > 0 {
        vec![format!("files that had been read before, byte for byte: {repeated}")]
    } else {
        Vec::new()
    };
    Ok(Taken { bill: export.end(), notes, has_tags: tagged })
}

/// Hands over the fields of each line.
fn lines(file: &BillFile, path: &Path, compression: Compression, take: &mut Take<'_>) -> Result<(), Stop> {
    let is_feed = file.form == Form::Feed;
    let read = Read {
        delimiter: if is_feed { '\t' } else { ',' },
        comment: is_feed.then(|| "#".to_owned()),
        compression,
        ..Read::of(Format::Csv)
    };
    let how = reader::grammar(&read).map_err(Stop::failed)?;
    // Its remedies are keys of a pipeline file.
    let refused = |failure: ItemFailure| {
        Stop::usage(format!("--reconcile: {}", failure.message)).remedy("take the file from AWS again, or leave it out")
    };
    let mut source = Source::open(path, &read).map_err(refused)?;
    let mut each = Each { name: &file.name, is_parquet: file.form == Form::Parquet, how, take };
    reader::read(path, &mut source, how, &mut each).map_err(refused)
}

struct Each<'a, 't> {
    name: &'a str,
    is_parquet: bool,
    how: Reading<'a>,
    take: &'a mut Take<'t>,
}

impl Each<'_, '_> {
    /// Rows of Parquet are counted from 1, without the head that the worker wrote.
    fn at(&self, line: u64) -> String {
        match self.is_parquet {
            true => format!("{} row {}", self.name, line.saturating_sub(1)),
            false => format!("{} line {line}", self.name),
        }
    }
}

impl Visitor for Each<'_, '_> {
    fn row(&mut self, row: Row<'_>) -> Outcome<bool> {
        let at = self.at(row.line);
        let wrong = |why: String| bad_data(self.name, format!("{at}: {why}"));
        match row.what {
            What::Blank | What::Comment => return Ok(true),
            What::Broken(bad) => return Err(wrong(bad.reason)),
            What::Row => {}
        }
        let texts: Vec<_> = row.fields.iter().map(|field| value(row.data, *field, self.how.grammar)).collect();
        let fields: Result<Vec<&str>, _> = texts.iter().map(|text| std::str::from_utf8(text)).collect();
        let fields = fields.map_err(|_| wrong("expected text in UTF-8".to_owned()))?;
        (self.take)(&at, &fields).map_err(wrong)?;
        Ok(true)
    }
}

fn digest(path: &Path) -> Result<Vec<u8>, Stop> {
    let mut file = std::fs::File::open(path).map_err(io("open", path))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(io("read", path))?;
    Ok(hasher.finalize().to_vec())
}

/// The columns of a Parquet file that a bill needs, as CSV in place of the one before. Maps have no such form: tags in one
/// are not read.
async fn unpacked(
    global: &Global,
    worker: &mut Option<Worker>,
    file: &BillFile,
    path: &Path,
    tmp: &Path,
) -> Result<PathBuf, Stop> {
    if worker.is_none() {
        let pipeline = std::fs::read_to_string(project::PIPELINE_FILE).ok();
        let worker_crate = pipeline.and_then(|toml| spotmill_spec::worker_crate(&toml));
        *worker = Some(Worker::find(global, worker_crate.as_deref())?);
    }
    let Some(worker) = worker else { return Err(Stop::failed("there is no worker")) };
    let refused = |why: String| Stop::usage(format!("--reconcile: {}: {why}", file.name));
    let table = QueryTable { files: vec![path.to_string_lossy().into_owned()], read: None };
    let columns = columns(&worker.schema(&path.to_string_lossy())?).map_err(refused)?;
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let layout = Layout::of(&names).map_err(refused)?;
    let quoted = |at: usize| format!("\"{}\"", names[at].replace('"', "\"\""));
    let wanted: Vec<String> = layout.read().into_iter().map(quoted).collect();
    let to = tmp.join("columns.csv");
    let request = QueryRequest {
        sql: format!("SELECT {} FROM bill", wanted.join(", ")),
        tables: BTreeMap::from([("bill".to_owned(), table)]),
        output: Some(to.to_string_lossy().into_owned()),
        limit: None,
    };
    worker.query(&request, tmp).await?.done().map_err(refused)?;
    Ok(to)
}

/// The names of the columns that `spotmill schema` prints: maps are not among them.
fn columns(schema: &str) -> Result<Vec<String>, String> {
    let list = schema.split_once('[').and_then(|(_, rest)| rest.rsplit_once("\n]"));
    let (list, _) = list.ok_or_else(|| "its columns cannot be read".to_owned())?;
    Ok(sql::columns(list)?.into_iter().map(|column| column.name).collect())
}
