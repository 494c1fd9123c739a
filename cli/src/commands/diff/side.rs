//! One of the two things that are compared: a file, a directory, a pattern or a run. Here its files are found, and the
//! columns that they have. It reads and changes nothing.

use crate::args::{DiffArgs, Global};
use crate::commands::sql::{columns, one_kind};
use crate::exit::{Stop, code_of};
use crate::inspect::Inspector;
use crate::project::Project;
use spotmill_core::ids::{RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::RunKeys;
use spotmill_core::listing::{PathPattern, one_file, twice};
use spotmill_core::location;
use spotmill_core::model::{Format, Read};
use spotmill_core::types::{Column, ColumnType};
use spotmill_lambdas::{columns as found_columns, inspect, report, standing};
use spotmill_platform::ports::ObjectMeta;
use std::path::Path;

pub struct Side {
    /// As the table names it.
    pub name: String,
    /// The literal beginning of its path, absolute or in S3, and the rest.
    pub folder: String,
    pub pattern: String,
    pub files: Vec<InputFile>,
    pub read: Read,
    /// Columns that no SQL has a type for.
    pub untyped: Vec<String>,
    /// What identifies a row, where the project's pipeline says so of the step.
    pub unique: Vec<String>,
}

impl Side {
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// All that a condition or a comparison can name.
    pub fn columns(&self) -> Vec<Column> {
        self.read.all_columns()
    }
}

/// A path wins over a run of the same name: a run can be named in full.
pub async fn resolve(global: &Global, inspector: &Inspector, args: &DiffArgs, named: &str) -> Result<Side, Stop> {
    let is_path = named.contains("://") || named.contains('*') || Path::new(named).exists();
    let side =
        if is_path { of_path(inspector, args, named).await? } else { of_run(global, inspector, args, named).await? };
    if side.files.is_empty() {
        return Err(Stop::usage(format!("{named} has no files"))
            .remedy("names that begin with `_` or `.` are not data; a whole path names one file"));
    }
    Ok(side)
}

async fn of_path(inspector: &Inspector, args: &DiffArgs, named: &str) -> Result<Side, Stop> {
    let whole = match named.contains("://") {
        true => location::normal(named),
        false => {
            std::path::absolute(named).map_err(|e| Stop::usage(format!("{named}: {e}")))?.to_string_lossy().into_owned()
        }
    };
    let whole = whole.trim_end_matches('/').to_owned();
    let (folder, pattern) = match whole.find('*') {
        Some(star) => {
            let at = whole[..star].rfind('/').unwrap_or(star);
            (whole[..at].to_owned(), whole[at..].to_owned())
        }
        None => (whole, String::new()),
    };
    let exact = pattern.is_empty() && list(inspector, &folder, "").await?.iter().any(|o| o.uri.as_str() == folder);
    let pattern = if pattern.is_empty() && !exact { "/**/*".to_owned() } else { pattern };
    found(inspector, args, named.to_owned(), folder, pattern, Vec::new()).await
}

async fn of_run(global: &Global, inspector: &Inspector, args: &DiffArgs, named: &str) -> Result<Side, Stop> {
    let run = inspector.run(global, Some(named)).await.map_err(|stop| {
        Stop::usage(format!("{named} is neither a file or directory nor a run: {}", stop.message))
            .remedy(stop.remedy.unwrap_or_default())
    })?;
    let (step, destination) = published(inspector, args, &run).await?;
    let unique = Project::find()
        .and_then(|project| project.pipeline().step(step.as_str()).map(|s| s.expect.unique.clone()))
        .unwrap_or_default();
    let name = format!("{run} {step}");
    found(inspector, args, name, destination.as_str().to_owned(), "/**/*".to_owned(), unique).await
}

/// The step of the run that is compared, and where its result stands now.
async fn published(inspector: &Inspector, args: &DiffArgs, run: &RunId) -> Result<(StepName, Uri), Stop> {
    let report = report::summarize(&inspector.ctx, run).await.map_err(Stop::from)?;
    let mut stands = Vec::new();
    for step in &report.steps {
        let keys = RunKeys::new(&inspector.ctx.root, run).step(&StepName::new(step.step.as_str()), step.generation);
        if let Some(manifest) = inspect::published(&inspector.ctx, &keys).await.map_err(Stop::from)? {
            stands.push((StepName::new(step.step.as_str()), manifest.destination));
        }
    }
    let names = stands.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (&args.step, stands.len()) {
        (_, 0) => Err(Stop::usage(format!("nothing that {run} published stands at its destination"))),
        (None, _) => Ok(stands.swap_remove(stands.len() - 1)),
        (Some(step), _) => {
            let at = stands.iter().position(|(name, _)| name.as_str() == step);
            let at =
                at.ok_or_else(|| Stop::usage(format!("{run} published no step `{step}`; it published {names}")))?;
            Ok(stands.swap_remove(at))
        }
    }
}

async fn list(inspector: &Inspector, folder: &str, end: &str) -> Result<Vec<ObjectMeta>, Stop> {
    inspector.ctx.store.list(&Uri::new(format!("{folder}{end}"))).await.map_err(crate::answers::of_store)
}

async fn found(
    inspector: &Inspector,
    args: &DiffArgs,
    name: String,
    folder: String,
    pattern: String,
    unique: Vec<String>,
) -> Result<Side, Stop> {
    if folder.contains(['{', '}']) {
        return Err(Stop::usage(format!("{name}: a path with braces cannot be compared"))
            .remedy("they stand for params in a pipeline: give the folder another name, or link to it"));
    }
    let matcher = PathPattern::new(&format!("{folder}{pattern}")).map_err(Stop::usage)?;
    let objects = standing::matching(&*inspector.ctx.store, &matcher).await.map_err(Stop::from)?;
    if let Some((first, second)) = twice(objects.iter().map(|o| (&o.uri, o.file))) {
        return Err(Stop::usage(format!("{name}: {}", one_file(&pattern, first, second))));
    }
    let files: Vec<InputFile> = objects
        .into_iter()
        .map(|o| InputFile { uri: o.uri, etag: o.etag, bytes: o.bytes, rows: None, bundled: None })
        .collect();
    let paths: Vec<String> = files.iter().map(|file| file.uri.to_string()).collect();
    if paths.is_empty() {
        let read = Read::of(Format::Parquet);
        return Ok(Side { name, folder, pattern, files, read, untyped: Vec::new(), unique });
    }
    let mut read = one_kind(&paths).map_err(|why| Stop::usage(format!("{name}: {why}")))?;
    if read.format == Format::Csv {
        read.null_values.clone_from(&args.null_values);
        if let Some(text) = &args.columns {
            read.columns = columns(text).map_err(|e| Stop::usage(format!("--columns: {e}")))?;
            read.header = false;
        }
    }
    let (read, untyped) = found_columns::with_untyped(&inspector.ctx.store, read, &files)
        .await
        .map_err(|e| Stop::new(code_of(e.error), format!("{name}: {}", e.cause)))?;
    // A folder's key that the files hold as a column too is theirs.
    let hive =
        hive(&folder, &paths).into_iter().filter(|key| !read.columns.iter().any(|c| c.name == key.name)).collect();
    Ok(Side { name, folder, pattern, files, read: Read { hive, ..read }, untyped, unique })
}

/// The keys of `key=value` folders that all files lie in, as texts.
fn hive(folder: &str, paths: &[String]) -> Vec<Column> {
    let keys = |path: &String| -> Vec<String> {
        let below = path.strip_prefix(folder).unwrap_or_default();
        let folders = below.rfind('/').map_or("", |at| &below[..at]).split('/');
        folders.filter_map(|f| f.split_once('=')).map(|(key, _)| key.to_owned()).filter(|k| !k.is_empty()).collect()
    };
    let first = paths.first().map(keys).unwrap_or_default();
    let once = |path: &String, key: &String| keys(path).iter().filter(|found| *found == key).count() == 1;
    let shared = first.into_iter().filter(|key| paths.iter().all(|path| once(path, key)));
    shared.map(|name| Column { name, ty: ColumnType::String, parse: None }).collect()
}

/// Text states no types: it takes those of the other side, so that each value is held to them where it is read. A column
/// that two texts seem to have of two types is compared as text.
pub fn typed_alike(a: &mut Side, b: &mut Side) {
    let (stated_a, stated_b) = (stated(a), stated(b));
    if stated_a.is_empty() && stated_b.is_empty() {
        let seems = a.read.columns.clone();
        as_text(&mut a.read, &b.read.columns);
        as_text(&mut b.read, &seems);
    }
    retype(&mut a.read, &stated_b, a.files.is_empty());
    retype(&mut b.read, &stated_a, b.files.is_empty());
}

/// The columns that a side's files state.
fn stated(side: &Side) -> Vec<Column> {
    if side.read.format.states_types() { side.read.columns.clone() } else { Vec::new() }
}

fn as_text(read: &mut Read, other: &[Column]) {
    for column in &mut read.columns {
        if other.iter().any(|o| o.name == column.name && o.ty != column.ty) {
            column.ty = ColumnType::String;
        }
    }
}

fn retype(read: &mut Read, stated: &[Column], is_empty: bool) {
    let text = !read.format.states_types() && read.header && !is_empty;
    let own = if text { read.columns.iter_mut() } else { [].iter_mut() };
    for column in own.chain(read.hive.iter_mut()) {
        if let Some(other) = stated.iter().find(|other| other.name == column.name) {
            column.ty = other.ty;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_columns_where_every_file_lies_in_one() {
        let of = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
            hive("/out/date=1", &paths).into_iter().map(|c| c.name).collect::<Vec<_>>()
        };
        assert_eq!(of(&["/out/date=1/c=UA/p.parquet", "/out/date=1/c=B%3D6/x=2/p.parquet"]), ["c"]);
        assert_eq!(of(&["/out/date=1/p.parquet", "/out/date=1/c=UA/p.parquet"]), [""; 0]);
        assert_eq!(of(&["/out/date=1/c=UA/odd=name.parquet"]), ["c"], "a file's name is no folder");
    }
}
