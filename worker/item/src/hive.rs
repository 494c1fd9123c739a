//! Columns that stand in the path: `…/dt=2024-03-10/country=DE/part-0.parquet`. Values are percent-decoded; the name
//! that Hive gives a folder of NULL is NULL.

use crate::failure::{Outcome, Remedy, bad_data};
use crate::partition::NULL_PARTITION;
use crate::types::to_engine;
use percent_encoding::percent_decode_str;
use polars::prelude::{Expr, NULL, lit};
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};
use spotmill_text::field::Check;
use spotmill_text::header::twice;
use spotmill_text::temporal::Temporal;
use std::borrow::Cow;
use std::path::Path;

/// The declared columns' values for the rows of one file, in their order and under their names.
pub fn values(path: &Path, columns: &[Column]) -> Outcome<Vec<Expr>> {
    columns.iter().map(|column| Ok(one(path, column)?.alias(column.name.as_str()))).collect()
}

/// The `key=value` folders of a path, the values as they stand there.
pub fn folders(path: &Path) -> Vec<(String, String)> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders
        .filter_map(|folder| folder.as_os_str().to_str()?.split_once('='))
        .map(|(k, v)| (decoded(k).unwrap_or_else(|| k.to_owned()), v.to_owned()))
        .collect()
}

/// A key of the path that the file has as a column too would have two values a row, of which one would be dropped unseen.
pub fn only_in_path<'n>(path: &Path, keys: &[Column], names: impl IntoIterator<Item = &'n str>) -> Outcome<()> {
    match names.into_iter().find(|name| keys.iter().any(|key| key.name == *name)) {
        None => Ok(()),
        Some(name) => Err(twice(path, name)),
    }
}

fn one(path: &Path, column: &Column) -> Outcome<Expr> {
    let file = path.display().to_string();
    // The nearest: what stands above the part that the pipeline file wrote, which holds one (`core::hive`), says nothing.
    let Some((_, text)) = folders(path).into_iter().rfind(|(key, _)| *key == column.name) else {
        let message = format!("{file} has no folder `{}=…` in its path", column.name);
        return Err(bad_data(&file, message).remedy("`hive` names the keys of the folders that every file lies in"));
    };
    let ty = to_engine(column.ty);
    if text == NULL_PARTITION {
        return Ok(lit(NULL).cast(ty));
    }
    let text = decoded(&text).ok_or_else(|| {
        let message = format!("{file}: `{}={text}` in its path is not UTF-8 once its escapes are decoded", column.name);
        bad_data(&file, message).remedy("rename the folder: `%` and two digits are a byte of UTF-8")
    })?;
    let wrong = |expected: String| {
        let message = format!("{file}: `{}={text}` in its path is not {expected}", column.name);
        bad_data(&file, message).remedy("declare the type that the folders have, such as string")
    };
    let rules = FieldRules::default();
    let check = Check::new(column, &rules).map_err(|e| bad_data(&file, e))?;
    if !check.accepts(text.as_bytes()) {
        return Err(wrong(check.expected()));
    }
    if let Some(temporal) = Temporal::new(column, &rules).map_err(|e| bad_data(&file, e))? {
        let ticks = temporal.parse(text.as_bytes()).ok_or_else(|| wrong(check.expected()))?;
        let whole = i32::try_from(ticks).ok().filter(|_| column.ty == ColumnType::Date);
        return Ok(whole.map_or_else(|| lit(ticks), lit).cast(ty));
    }
    Ok(match column.ty {
        ColumnType::Bool => lit(text.eq_ignore_ascii_case("true")),
        _ => lit(text).strict_cast(ty),
    })
}

/// `%2F` as `/`; what is no such escape stays. None where the bytes are not UTF-8.
fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_decoded() {
        let path = Path::new("/data/dt=2024-03-10/region=us%2Fwest/odd=a%zz=b/part-0.parquet");
        let expected = [("dt", "2024-03-10"), ("region", "us/west"), ("odd", "a%zz=b")];
        let found = folders(path).into_iter().map(|(key, value)| (key, decoded(&value).expect("UTF-8")));
        assert!(found.eq(expected.map(|(k, v)| (k.to_owned(), v.to_owned()))));
        assert!(folders(Path::new("/data/x=1.parquet")).is_empty());
        assert_eq!(decoded("a%FF"), None);
    }
}
