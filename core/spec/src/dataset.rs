//! What the files of a path, or of a destination, are called as one dataset: the same for every run, and never the same for
//! two paths that name other files. Params of the key tell runs apart, so they stand in the name as they do in the template;
//! folders and names at its end that consist of them and of globs alone are left out: `lake/daily/date={date}` is
//! `lake/daily`, `raw/{date}.csv.gz` is `raw`, `raw/{date}/orders/*.csv` is `raw/{date}/orders`.

use super::template::{Piece, TemplateError, expand, pieces};
use spotmill_core::types::Value;
use std::collections::BTreeMap;

/// Stands for what a param of the key or a glob matches.
const ANY: char = '\u{1}';

/// A part of a path between two slashes: as it is shown, and with `ANY` for what runs and files differ by.
#[derive(Default)]
struct Part {
    shown: String,
    shape: String,
}

impl Part {
    /// Whether nothing in it names the dataset: `{date}`, `*.csv`, `date={date}`, `{date}.csv.gz`.
    fn is_open(&self) -> bool {
        let literal: String = self.shape.chars().filter(|c| *c != ANY).collect();
        let is_folder = literal.strip_suffix('=').is_some_and(super::is_name);
        self.shape.contains(ANY) && (literal.is_empty() || literal.starts_with('.') || is_folder)
    }
}

/// Of a template whose params other than those of the key have these values.
pub fn dataset(template: &str, values: &BTreeMap<String, Value>, key: &[String]) -> Result<String, TemplateError> {
    let mut parts = vec![Part::default()];
    for piece in pieces(template)? {
        match piece {
            Piece::Param { name, span, .. } if key.contains(&name) => {
                if let Some(part) = parts.last_mut() {
                    part.shown.push_str(&template[span]);
                    part.shape.push(ANY);
                }
            }
            Piece::Param { span, .. } => text(&mut parts, &expand(&template[span], values)?),
            Piece::Text(literal) => text(&mut parts, &literal),
        }
    }
    let kept = parts.iter().rposition(|part| !part.is_open()).map_or(0, |last| last + 1);
    let names: Vec<&str> = parts[..kept].iter().map(|part| part.shown.as_str()).collect();
    Ok(names.join("/").trim_end_matches('/').to_owned())
}

fn text(parts: &mut Vec<Part>, text: &str) {
    for (i, piece) in text.split('/').enumerate() {
        if i > 0 {
            parts.push(Part::default());
        }
        if let Some(part) = parts.last_mut() {
            part.shown.push_str(piece);
            part.shape.extend(piece.chars().map(|c| if c == '*' { ANY } else { c }));
        }
    }
}

/// The namespace and the name of a whole location.
pub fn located(location: &str) -> (String, String) {
    match location.strip_prefix("s3://") {
        Some(rest) => {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("s3://{bucket}"), if key.is_empty() { "/".to_owned() } else { key.to_owned() })
        }
        None => ("file".to_owned(), location.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_has_one_name_for_all_runs_and_no_other_has_it() {
        let values = BTreeMap::from([
            ("date".to_owned(), Value::Date("2013-01-02".into())),
            ("src".to_owned(), Value::Path("s3://acme/raw/".into())),
        ]);
        let cases = [
            ("out/daily/date={date}", "out/daily"),
            ("out/daily/year={date:%Y}/{date:%m/%d}", "out/daily"),
            ("data/raw/{date}.csv.gz", "data/raw"),
            ("{src}/{date:%Y/%m}/*.parquet", "s3://acme/raw"),
            ("{src}/**/*.parquet", "s3://acme/raw"),
            // What names the dataset stays, wherever it stands.
            ("{src}/{date}/orders/*.csv", "s3://acme/raw/{date}/orders"),
            ("{src}/orders-{date}.csv", "s3://acme/raw/orders-{date}.csv"),
            ("{src}/part-*.csv", "s3://acme/raw/part-*.csv"),
            ("data/airlines.csv", "data/airlines.csv"),
            ("/data/{date}/a.csv", "/data/{date}/a.csv"),
            ("s3://bucket/{date}/*", "s3://bucket"),
            ("{date}.csv", ""),
        ];
        for (template, name) in cases {
            assert_eq!(dataset(template, &values, &["date".to_owned()]).as_deref(), Ok(name), "{template}");
        }
    }

    #[test]
    fn a_location_has_a_namespace_and_a_name() {
        for (location, namespace, name) in [
            ("s3://bucket/lake/daily", "s3://bucket", "lake/daily"),
            ("s3://bucket", "s3://bucket", "/"),
            ("/home/p/out", "file", "/home/p/out"),
        ] {
            assert_eq!(located(location), (namespace.to_owned(), name.to_owned()));
        }
    }
}
