//! Where the result goes: to the terminal as a table, to standard output as CSV or NDJSON, or to a file, which appears
//! under its name when it is whole. A reader of standard output that leaves early ends it quietly.

use crate::args::{Global, SqlArgs, SqlFormat};
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::result::{indent, result_table};
use crate::ui::format::{count, plural};
use spotmill_core::item::PreviewReply;
use spotmill_spec::query::QueryDone;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Rows of a table unless `--limit` says otherwise.
const SHOWN_ROWS: u64 = 50;
const FILE_ENDINGS: [&str; 4] = ["parquet", "csv", "tsv", "ndjson"];

/// What the command line asks for.
pub enum Wanted {
    Table { limit: u64 },
    Text { ending: &'static str, limit: Option<u64> },
    File { path: PathBuf, force: bool },
}

/// Where the worker writes; nothing for rows that come with its reply.
pub struct Place {
    dir: Option<TempDir>,
    file: PathBuf,
}

impl Wanted {
    pub fn new(global: &Global, args: &SqlArgs) -> Result<Self, Stop> {
        if let Some(path) = &args.output {
            let wanted = Self::File { path: path.clone(), force: args.force };
            free(path, args.force)?;
            return Ok(wanted);
        }
        if global.json && args.format.is_some() {
            return Err(Stop::usage("--json and --format are two ways to print one result; give one of them"));
        }
        Ok(match args.format.unwrap_or(SqlFormat::Table) {
            SqlFormat::Table => Self::Table { limit: args.limit.unwrap_or(SHOWN_ROWS) },
            SqlFormat::Csv => Self::Text { ending: "csv", limit: args.limit },
            SqlFormat::Ndjson => Self::Text { ending: "ndjson", limit: args.limit },
        })
    }

    pub fn limit(&self) -> Option<u64> {
        match self {
            Self::Table { limit } => Some(*limit),
            Self::Text { limit, .. } => *limit,
            Self::File { .. } => None,
        }
    }

    /// Beside the file, so that it can be renamed, or with other temporary files.
    pub fn place(&self) -> Result<Place, Stop> {
        let (parent, name) = match self {
            Self::Table { .. } => return Ok(Place { dir: None, file: PathBuf::new() }),
            Self::Text { ending, .. } => (std::env::temp_dir(), format!("result.{ending}")),
            Self::File { path, .. } => {
                let whole = std::path::absolute(path).map_err(io("find", path))?;
                let name = whole.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                (whole.parent().map(Path::to_owned).unwrap_or_default(), name)
            }
        };
        let dir = tempfile::Builder::new().prefix(".spotmill-").tempdir_in(&parent).map_err(io("write in", &parent))?;
        Ok(Place { file: dir.path().join(name), dir: Some(dir) })
    }
}

impl Place {
    pub fn output(&self) -> Option<String> {
        self.dir.as_ref().map(|_| self.file.to_string_lossy().into_owned())
    }
}

/// The path can become a file, and none is lost.
fn free(path: &Path, force: bool) -> Result<(), Stop> {
    let shown = path.display();
    if !path.extension().is_some_and(|e| FILE_ENDINGS.iter().any(|ending| e == *ending)) {
        return Err(Stop::usage(format!("--output {shown}: a result ends in .parquet, .csv, .tsv or .ndjson")));
    }
    if path.is_dir() {
        return Err(Stop::usage(format!("--output {shown} is a directory")));
    }
    if std::fs::symlink_metadata(path).is_ok() && !force {
        return Err(Stop::usage(format!("{shown} exists")).remedy("replace it with --force, or name another --output"));
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(Stop::usage(format!("--output {shown}: there is no directory {}", parent.display())));
    }
    Ok(())
}

pub fn give(global: &Global, wanted: &Wanted, place: &Place, done: &QueryDone) -> Result<Code, Stop> {
    match wanted {
        Wanted::Table { .. } if global.json => print(&event(done, None).line())?,
        Wanted::Table { .. } => print(&table(done))?,
        Wanted::Text { limit, .. } => {
            let mut file = File::open(&place.file).map_err(io("read", &place.file))?;
            quiet(std::io::copy(&mut file, &mut std::io::stdout().lock()).map(drop))?;
            let rest = done.rows.saturating_sub(limit.unwrap_or(u64::MAX));
            if rest > 0 && !global.quiet {
                let _ = writeln!(std::io::stderr(), "… {}", more(rest, done.rows));
            }
        }
        Wanted::File { path, force } => {
            free(path, *force)?;
            std::fs::rename(&place.file, path).map_err(io("write", path))?;
            match global.json {
                true => print(&event(done, Some(path)).line())?,
                false => print(&format!("✓ {} in {}\n", plural(done.rows, "row"), path.display()))?,
            }
        }
    }
    Ok(Code::Done)
}

fn event(done: &QueryDone, output: Option<&Path>) -> Event {
    Event::Query {
        rows: done.rows,
        columns: done.columns.clone(),
        preview: done.preview.clone(),
        output: output.map(|path| path.to_string_lossy().into_owned()),
    }
}

/// The rows, and how many there are.
fn table(done: &QueryDone) -> String {
    let rows = done.preview.clone().unwrap_or_default();
    let rest = done.rows.saturating_sub(rows.len() as u64);
    let preview = PreviewReply { columns: done.columns.clone(), rows, total_rows: done.rows };
    let table = indent(&result_table(&preview));
    match rest {
        0 => format!("{table}\n  {}\n", plural(done.rows, "row")),
        rest => format!("{table}\n  … {}\n", more(rest, done.rows)),
    }
}

fn more(rest: u64, all: u64) -> String {
    format!("{} more ({} in all); --limit N prints more, --output FILE keeps all", plural(rest, "row"), count(all))
}

fn print(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    quiet(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Whoever reads may have seen enough.
fn quiet(written: std::io::Result<()>) -> Result<(), Stop> {
    match written {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("cannot write to standard output: {e}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::types::{Column, ColumnType};

    #[test]
    fn a_table_states_how_many_rows_there_are() {
        let column = |name: &str, ty| Column { name: name.into(), ty, parse: None };
        let columns = vec![column("n", ColumnType::Int64), column("text", ColumnType::String)];
        let preview = Some(vec![vec![Some("12".into()), None], vec![Some("7".into()), Some("two\nlines".into())]]);
        let done = QueryDone { rows: 2, columns, preview };
        assert_eq!(table(&done), "   n  text\n  12  NULL\n   7  two\\nlines\n  2 rows\n");
        let many = table(&QueryDone { rows: 1_234, ..done });
        assert!(
            many.ends_with("\n  … 1,232 rows more (1,234 in all); --limit N prints more, --output FILE keeps all\n"),
            "{many}"
        );
    }
}
