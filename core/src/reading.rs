//! How files are read, as a pipeline declares it and a plan freezes it. What is not declared has the meaning that the
//! files were always read with, and is left out when it is written down: a key that is new begins no generation.

use crate::model::format::Format;
use crate::types::Column;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    pub format: Format,
    /// Declared columns; empty: taken from the header or footer of the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    #[serde(default = "yes")]
    pub header: bool,
    #[serde(default = "comma")]
    pub delimiter: char,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub null_values: Vec<String>,
    pub compression: Compression,
    #[serde(default)]
    pub on_bad_rows: OnBadRows,
    #[serde(default)]
    pub row_check: RowCheck,
    /// A label of the Encoding Standard; none: UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The character before a quote, a delimiter, a line end or itself that stands for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<char>,
    /// What a line begins with that is no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Lines before the header, or before the first row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip_rows: u32,
    /// Lines at the end that are no rows; blank lines do not count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip_footer: u32,
    /// Rules of single columns, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldRules>,
    /// Columns that stand in the path, `key=value` a folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hive: Vec<Column>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub missing: Missing,
    #[serde(default, skip_serializing_if = "is_default")]
    pub extra: Extra,
    /// `columns` were found in a sample of the files: a text that would have spoken against its type, or a column that
    /// the sample has not, is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inferred: bool,
}

/// How the values of one column are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRules {
    /// Instead of the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_values: Option<Vec<String>>,
    /// Where the value stands in an NDJSON record: `$.user.id`; none: under the column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Any JSON value, kept as the text that stands in the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub json: bool,
    /// A JSON number for a text, a text for a number, `2.0` for 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// `1.234,5`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// Digits of a second after the sixth are cut off instead of refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_nanoseconds: bool,
}

/// What a declared column is that a file does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    #[default]
    Fail,
    Null,
}

/// What a column of a file is that is not declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// It is not read, and a note reports it.
    #[default]
    Ignore,
    /// The file is refused.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    // By the file's ending, as `endings` maps it.
    Auto,
    None,
    Gzip,
    Zstd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRows {
    #[default]
    Fail,
    Reject,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowCheck {
    /// Every value of every declared column is checked, whatever the transform reads.
    #[default]
    All,
    /// Of CSV, values are checked in the columns that the transform reads; rows and fields are split as ever.
    Used,
}

impl Read {
    /// The columns of the files and those of their path.
    pub fn all_columns(&self) -> Vec<Column> {
        [&self.columns[..], &self.hive].concat()
    }

    /// Files of a format as they are read when nothing is declared.
    pub fn of(format: Format) -> Self {
        Self {
            format,
            columns: Vec::new(),
            header: true,
            delimiter: ',',
            null_values: Vec::new(),
            compression: Compression::Auto,
            on_bad_rows: OnBadRows::Fail,
            row_check: RowCheck::All,
            encoding: None,
            escape: None,
            comment: None,
            skip_rows: 0,
            skip_footer: 0,
            fields: BTreeMap::new(),
            hive: Vec::new(),
            missing: Missing::Fail,
            extra: Extra::Ignore,
            inferred: false,
        }
    }

    /// The rules of a column.
    pub fn rules(&self, column: &str) -> FieldRules {
        self.fields.get(column).cloned().unwrap_or_default()
    }
}

fn yes() -> bool {
    true
}

fn comma() -> char {
    ','
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
