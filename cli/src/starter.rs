//! A first pipeline for a file that is there, on this machine or in S3: its columns as `schema` prints them, read as they are, and one aggregate
//! that runs.

use crate::answers::of_store;
use crate::exit::{Stop, io};
use crate::local::{near, place};
use crate::next::dates_in;
use crate::ui::format::bytes;
use crate::worker::Worker;
use spotmill_core::destination::foldered;
use spotmill_core::ids::Uri;
use spotmill_core::types::{Column, ColumnType};
use spotmill_platform::ports::{Store, StoreError};
use std::path::{Path, PathBuf};

/// A larger object is not copied to be looked at.
const MOST_COPIED: u64 = 1 << 30;

pub struct Made {
    pub toml: String,
    /// A date that can be run.
    pub date: String,
}

/// Words that mean something in SQL where a column might stand.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "cross",
    "date",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "for",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "right",
    "row",
    "rows",
    "select",
    "set",
    "table",
    "then",
    "time",
    "timestamp",
    "true",
    "union",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

/// For a file of this machine or an object in S3.
pub async fn pipeline(worker: &Worker, dir: &Path, from: &Path) -> Result<Made, Stop> {
    let name = from.to_string_lossy();
    if name.starts_with("s3://") {
        return of_object(worker, &Uri::new(&*name)).await;
    }
    let file = std::fs::canonicalize(from).map_err(io("read", from))?;
    let name = file.to_string_lossy().into_owned();
    plain(&name)?;
    if !file.is_file() {
        return Err(Stop::usage(format!("{name} is no file")).remedy("name one of the files in it"));
    }
    let (block, columns) = examined(worker, &name)?;
    std::fs::create_dir_all(dir).map_err(io("create", dir))?;
    let home = std::fs::canonicalize(dir).map_err(io("read", dir))?;
    let path = file.strip_prefix(&home).map_or_else(|_| file.clone(), Path::to_owned);
    Ok(made(&path, &block, &columns, &today()))
}

/// Its columns are found in a copy, which is gone afterwards.
async fn of_object(worker: &Worker, uri: &Uri) -> Result<Made, Stop> {
    plain(uri.as_str())?;
    let key = uri.as_str()["s3://".len()..].split_once('/').map_or("", |(_, key)| key);
    if key.is_empty() || uri.as_str().ends_with('/') {
        return Err(Stop::usage(format!("{uri} is no object")).remedy("name one of the objects in it: s3://BUCKET/KEY"));
    }
    let store = place::store();
    place::readable(&store, uri).await?;
    let object = store.head(uri).await.map_err(|e| match e {
        StoreError::NotFound(_) => Stop::usage(format!("there is no {uri}")),
        e => of_store(e),
    })?;
    if object.bytes > MOST_COPIED {
        let (size, most) = (bytes(object.bytes), bytes(MOST_COPIED));
        let what = format!("{uri} has {size}; at most {most} are copied to find its columns");
        return Err(
            Stop::usage(what).remedy("name a smaller object with the same columns, and put the path in afterwards")
        );
    }
    let kept = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let copy = near::copy_path(kept.path(), uri)?;
    store.download(uri, &object.etag, &copy).await.map_err(of_store)?;
    let (block, columns) = examined(worker, &copy.to_string_lossy())?;
    Ok(made(Path::new(uri.as_str()), &block, &columns, &today()))
}

/// The columns as a block of a pipeline, and as a list.
fn examined(worker: &Worker, file: &str) -> Result<(String, Vec<Column>), Stop> {
    Ok((worker.schema(file)?, worker.preview(&[file.to_owned()], 1)?.columns))
}

/// A name that means itself in a path of a pipeline.
fn plain(name: &str) -> Result<(), Stop> {
    if !name.contains(['{', '}', '*', '?', '[', ']', '"', '\\']) {
        return Ok(());
    }
    let what = format!("{name} cannot be the input of a pipeline as it is named");
    Err(Stop::usage(what).remedy("name a file without any of {}*?[]\"\\ in its path"))
}

fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

fn made(path: &Path, block: &str, columns: &[Column], today: &str) -> Made {
    let (template, date) = dated(&path.to_string_lossy());
    let template = every_publication(&template).unwrap_or(template);
    let list = columns.iter().map(|c| quoted(&c.name)).collect::<Vec<_>>().join(", ");
    let toml = format!(
        r#"# Made from {shown}. `spotmill validate` checks it; `spotmill init` in an empty directory
# writes a pipeline in which every part is explained.
format = 1

[pipeline]
name = "{name}"
key  = ["date"]                         # what identifies a run

[params]                                # {{name}} in paths, $name in SQL
date = {{ type = "date" }}
out  = {{ type = "path", default = "out" }}

# Rows as they are: the place to type, rename, clean and join.
[[step]]
name = "read"
sql  = """
SELECT {list}
FROM input"""
rows = "same"                           # rows out = rows in, or the step fails

[step.input]
path = "{template}"
{block}
# One row for each group, of all files of a date together.
[[step]]
name  = "summary"
sql   = """
{summary}"""
input = {{ step = "read", by = "all" }}

[step.output]
destination = "{{out}}/summary/date={{date}}"   # published whole
"#,
        shown = path.display(),
        name = pipeline_name(path),
        summary = summary(columns),
    );
    Made { toml, date: date.unwrap_or_else(|| today.to_owned()) }
}

/// What a publication's own folder holds has another name in the next one: the path is that of whatever stands there.
fn every_publication(path: &str) -> Option<String> {
    let (destination, _) = foldered(path)?;
    let (_, ending) = path.rsplit('/').next()?.split_once('.')?;
    Some(format!("{destination}/**/*.{ending}"))
}

/// The path with its date as a param, and that date.
fn dated(path: &str) -> (String, Option<String>) {
    let forms = [("%Y-%m-%d", "{date}"), ("%Y/%m/%d", "{date:%Y/%m/%d}"), ("%Y%m%d", "{date:%Y%m%d}")];
    for date in dates_in(path) {
        for (form, template) in forms {
            let text = date.strftime(form).to_string();
            if path.contains(&text) {
                return (path.replace(&text, template), Some(date.to_string()));
            }
        }
    }
    (path.to_owned(), None)
}

/// `orders-2026-01-31.csv.gz` is of a pipeline `orders`.
fn pipeline_name(path: &Path) -> String {
    let file = path.file_name().map(PathBuf::from).unwrap_or_default();
    let stem = file.to_string_lossy().split('.').next().unwrap_or_default().to_lowercase();
    let word = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    let name: String = stem.chars().map(word).collect();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    if name.is_empty() { "pipeline".to_owned() } else { name.to_owned() }
}

/// Rows, and the sum of the first measure, for each value of the first text.
fn summary(columns: &[Column]) -> String {
    let group = columns.iter().find(|c| c.ty == ColumnType::String).map(|c| quoted(&c.name));
    let is_measure = |c: &&Column| {
        let number = matches!(c.ty, ColumnType::Float64 | ColumnType::Decimal { .. } | ColumnType::Int64);
        let last = c.name.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        number && !last.eq_ignore_ascii_case("id")
    };
    let sum = columns.iter().find(is_measure).map(|c| format!(", SUM({0}) AS {0}", quoted(&c.name)));
    let sum = sum.unwrap_or_default();
    let mut n = "n".to_owned();
    while columns.iter().any(|c| c.name.eq_ignore_ascii_case(&n)) {
        n.push('_');
    }
    match group {
        Some(group) => format!("SELECT {group}, COUNT(*) AS {n}{sum}\nFROM input GROUP BY {group}"),
        None => format!("SELECT COUNT(*) AS {n}{sum}\nFROM input"),
    }
}

fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    match starts && name.chars().all(plain) && !RESERVED.contains(&name) {
        true => name.to_owned(),
        // SQL doubles a quote; in a TOML text, where it stands, quotes and backslashes are escaped.
        false => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_in_the_path_becomes_a_param() {
        let of = |path: &str| dated(path);
        assert_eq!(of("data/orders-2026-01-31.csv"), ("data/orders-{date}.csv".into(), Some("2026-01-31".into())));
        assert_eq!(of("in/2026/01/31/x.csv"), ("in/{date:%Y/%m/%d}/x.csv".into(), Some("2026-01-31".into())));
        assert_eq!(of("x_20260131.csv"), ("x_{date:%Y%m%d}.csv".into(), Some("2026-01-31".into())));
        assert_eq!(of("x.csv"), ("x.csv".into(), None));
    }

    #[test]
    fn a_file_in_a_publications_own_folder_stands_for_what_stands_there() {
        let folder = "out/a/date={date}/g2-4f00aa11bb22cc33";
        let of = |file: &str| every_publication(&format!("{folder}/{file}"));
        let whole = Some("out/a/date={date}/**/*.parquet".to_owned());
        assert_eq!(of("4f00aa11bb22cc33-0000000-00000.parquet"), whole);
        assert_eq!(of("k=1/4f00aa11bb22cc33-0000000-00000.parquet"), whole);
        assert_eq!(of("mine.parquet"), None);
    }

    #[test]
    fn names_are_made_of_files() {
        let of = |path: &str| pipeline_name(Path::new(path));
        assert_eq!(of("in/Orders EU-2026-01-31.csv.gz"), "orders_eu");
        assert_eq!(of("2026.csv"), "pipeline");
        assert_eq!(quoted("order"), "\"order\"");
        assert_eq!(quoted("Order \"x\""), r#""Order \"\"x\"\"""#);
        assert_eq!(quoted("order_id"), "order_id");
    }
}
