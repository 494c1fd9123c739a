//! A first pipeline for a file that is there: its columns as `schema` prints them, read as they are, and one aggregate
//! that runs.

use crate::exit::{Code, Stop, io};
use crate::next::dates_in;
use crate::worker::Worker;
use spotmill_core::types::{Column, ColumnType};
use std::path::{Path, PathBuf};

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

pub fn pipeline(worker: &Worker, dir: &Path, file: &Path) -> Result<Made, Stop> {
    let file = std::fs::canonicalize(file).map_err(io("read", file))?;
    let name = file.to_string_lossy().into_owned();
    if name.contains(['{', '}', '*', '?', '[', ']', '"', '\\']) || !file.is_file() {
        let what = format!("{name} cannot be the input of a pipeline as it is named");
        return Err(Stop::new(Code::Usage, what).remedy("name a file without any of {}*?[]\"\\ in its path"));
    }
    let block = worker.schema(&name)?;
    let columns = worker.preview(&[name], 1)?.columns;
    std::fs::create_dir_all(dir).map_err(io("create", dir))?;
    let home = std::fs::canonicalize(dir).map_err(io("read", dir))?;
    let path = file.strip_prefix(&home).map_or_else(|_| file.clone(), Path::to_owned);
    Ok(made(&path, &block, &columns, &jiff::Zoned::now().date().to_string()))
}

fn made(path: &Path, block: &str, columns: &[Column], today: &str) -> Made {
    let (template, date) = dated(&path.to_string_lossy());
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
    fn names_are_made_of_files() {
        let of = |path: &str| pipeline_name(Path::new(path));
        assert_eq!(of("in/Orders EU-2026-01-31.csv.gz"), "orders_eu");
        assert_eq!(of("2026.csv"), "pipeline");
        assert_eq!(quoted("order"), "\"order\"");
        assert_eq!(quoted("Order \"x\""), r#""Order \"\"x\"\"""#);
        assert_eq!(quoted("order_id"), "order_id");
    }
}
