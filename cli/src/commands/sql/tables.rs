//! The files that the command line names, as tables: found, of one kind each, and how they are read. What is not there,
//! or has no kind by its name's ending, is a usage error before anything is read.

use crate::args::SqlArgs;
use crate::exit::{Code, Stop};
use spotmill_core::endings;
use spotmill_core::listing::{PathPattern, one_file, twice};
use spotmill_core::model::{Format, Read};
use spotmill_core::nearest::nearest;
use spotmill_core::types::Column;
use spotmill_lambdas::standing;
use spotmill_platform::local::store::LocalStore;
use spotmill_spec::query::{QueryTable, read_of};
use std::collections::BTreeMap;
use std::path::Path;

pub async fn tables(args: &SqlArgs) -> Result<BTreeMap<String, QueryTable>, Stop> {
    let mut tables = BTreeMap::new();
    for (name, list) in &args.tables {
        let table = table(name, list).await?;
        if tables.insert(name.clone(), table).is_some() {
            let stop = Stop::usage(format!("--table {name} is given twice"));
            return Err(stop.remedy(format!("a table of several files: --table {name}=FILE,FILE")));
        }
    }
    for (name, text) in &args.columns {
        read(&mut tables, name, "--columns")?.columns =
            columns(text).map_err(|e| Stop::usage(format!("--columns {name}: {e}")))?;
    }
    for name in &args.no_header {
        let read = read(&mut tables, name, "--no-header")?;
        if read.format != Format::Csv {
            return Err(Stop::usage(format!("--no-header {name}: only CSV has a header")));
        }
        read.header = false;
    }
    let csv = tables.values_mut().flat_map(|t| &mut t.read).filter(|read| read.format == Format::Csv);
    csv.for_each(|read| read.null_values.clone_from(&args.null_values));
    Ok(tables)
}

fn read<'a>(tables: &'a mut BTreeMap<String, QueryTable>, name: &str, option: &str) -> Result<&'a mut Read, Stop> {
    let near = nearest(name, tables.keys().map(String::as_str)).map(str::to_owned);
    tables.get_mut(name).and_then(|table| table.read.as_mut()).ok_or_else(|| {
        let stop = Stop::usage(format!("{option} {name}: there is no --table {name}"));
        near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(stop, Stop::remedy)
    })
}

async fn table(name: &str, list: &str) -> Result<QueryTable, Stop> {
    let mut files = Vec::new();
    for item in list.split(',') {
        files.extend(found(item).await.map_err(|stop| about(name, stop))?);
    }
    let read = one_kind(&files).map_err(|message| about(name, Stop::usage(message)))?;
    Ok(QueryTable { files, read: Some(read) })
}

fn about(name: &str, stop: Stop) -> Stop {
    Stop { message: format!("--table {name}: {}", stop.message), ..stop }
}

/// The file, or the files that a pattern means, as absolute paths.
async fn found(item: &str) -> Result<Vec<String>, Stop> {
    if item.is_empty() {
        return Err(Stop::usage("the name of a file is empty"));
    }
    if item.starts_with("s3://") {
        return Err(Stop::usage(format!("{item} is not on this machine")).remedy("copy it to this machine first"));
    }
    let whole = std::path::absolute(item).map_err(|e| Stop::usage(format!("{item}: {e}")))?;
    let whole = whole.to_string_lossy().into_owned();
    match std::fs::metadata(&whole) {
        Ok(meta) if meta.is_file() => Ok(vec![whole]),
        Ok(meta) if meta.is_dir() => {
            let stop = Stop::usage(format!("{item} is a directory"));
            Err(stop.remedy(format!("name its files: '{}/*.parquet'", item.trim_end_matches('/'))))
        }
        Ok(_) => Err(Stop::usage(format!("{item} is no plain file")).remedy("files are read more than once")),
        Err(_) if item.contains('*') => matching(item, &whole).await,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Stop::usage(format!("there is no file {item}")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Stop::new(Code::Permission, format!("cannot read {item}: {error}")))
        }
        Err(error) => Err(Stop::usage(format!("cannot read {item}: {error}"))),
    }
}

async fn matching(item: &str, whole: &str) -> Result<Vec<String>, Stop> {
    let pattern = PathPattern::new(whole).map_err(Stop::usage)?;
    let listed = standing::matching(&LocalStore::new(), &pattern).await;
    let listed = listed.map_err(|e| Stop::usage(format!("cannot list {item}: {}", e.cause)))?;
    if let Some((first, second)) = twice(listed.iter().map(|o| (&o.uri, o.file))) {
        return Err(Stop::usage(one_file(item, first, second)));
    }
    let mut files: Vec<String> = listed.into_iter().map(|o| o.uri.0).collect();
    files.sort();
    if files.is_empty() { Err(Stop::usage(format!("no file matches {item}"))) } else { Ok(files) }
}

/// How all of the files are read.
pub fn one_kind(files: &[String]) -> Result<Read, String> {
    let name = |file: &str| Path::new(file).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut one: Option<(&str, Read)> = None;
    for file in files {
        let Some(read) = read_of(file) else {
            return Err(format!(
                "the ending of {} does not show what it holds; files end in {}",
                name(file),
                endings::LIST
            ));
        };
        match &one {
            Some((first, kind)) if *kind != read => {
                return Err(format!("{} and {} are of different kinds", name(first), name(file)));
            }
            Some(_) => {}
            None => one = Some((file, read)),
        }
    }
    one.map(|(_, read)| read).ok_or_else(|| "it has no files".to_owned())
}

/// `a int64, b decimal(18,4)`; also as `spotmill schema` prints it, in quotes.
pub fn columns(text: &str) -> Result<Vec<Column>, String> {
    let mut out: Vec<Column> = Vec::new();
    for item in items(text) {
        let Some((name, ty)) = item.split_once(char::is_whitespace) else {
            return Err(format!("\"{item}\" is no column; write \"name type\""));
        };
        let ty = ty.trim().parse()?;
        if out.iter().any(|c| c.name == name) {
            return Err(format!("the column `{name}` is declared twice"));
        }
        out.push(Column { name: name.to_owned(), ty, parse: None });
    }
    if out.is_empty() { Err("it names no column".to_owned()) } else { Ok(out) }
}

/// What stands between commas that are not in parentheses.
fn items(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let parts = text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(|part| part.trim().trim_matches('"').trim()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_written_as_in_a_pipeline() {
        let check = |text: &str, want: Result<&[&str], &str>| {
            let found = columns(text).map(|all| all.iter().map(|c| format!("{} {}", c.name, c.ty)).collect::<Vec<_>>());
            let want = want.map(|w| w.iter().map(|c| (*c).to_owned()).collect()).map_err(str::to_owned);
            assert_eq!(found, want, "{text}");
        };
        check("a int64, b date", Ok(&["a int64", "b date"]));
        check("  \"a int64\",\n \"price decimal(18,4)\",\n", Ok(&["a int64", "price decimal(18,4)"]));
        check("a", Err("\"a\" is no column; write \"name type\""));
        check("a int64, a date", Err("the column `a` is declared twice"));
        check(" , ", Err("it names no column"));
        assert!(columns("a int").expect_err("no type").starts_with("there is no type `int`"));
    }

    #[test]
    fn a_tables_files_are_of_one_kind() {
        let check = |files: &[&str], want: Result<Format, &str>| {
            let files: Vec<String> = files.iter().map(|f| (*f).to_owned()).collect();
            assert_eq!(one_kind(&files).map(|r| r.format), want.map_err(str::to_owned), "{files:?}");
        };
        check(&["/d/a.csv", "/d/b.csv.gz"], Ok(Format::Csv));
        check(&["/d/a.csv", "/d/b.tsv"], Err("a.csv and b.tsv are of different kinds"));
        check(&["/d/a.parquet", "/d/b.ndjson"], Err("a.parquet and b.ndjson are of different kinds"));
        check(&[], Err("it has no files"));
        let unknown = one_kind(&["/d/a.txt".to_owned()]).expect_err("no kind");
        assert!(unknown.starts_with("the ending of a.txt does not show what it holds"), "{unknown}");
    }
}
