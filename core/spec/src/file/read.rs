//! The keys that say how files are read, of an input and of a side table alike.

use schemars::JsonSchema;
use serde::Deserialize;
use spotmill_core::model::{Compression, Extra, Format, Missing, OnBadRows, RowCheck};

/// How files are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ReadKeys {
    /// By the path's ending by default: `.csv`, `.tsv`, `.ndjson`, `.jsonl`, `.json`, text also packed, `.parquet`,
    /// `.arrow`, `.arrows`, `.feather` or `.ipc`.
    pub format: Option<Format>,
    /// `"name type"`, in the order of the file where it has no names. NDJSON needs them. Without it, those of CSV are
    /// found in a sample of all files, and those of Parquet and Arrow in what the files state, when the step is planned;
    /// what does not fit them is refused.
    pub columns: Option<Vec<ColumnEntry>>,
    /// Columns that stand in the path as `key=value` folders: `["region string", "dt date"]`.
    pub hive: Option<Vec<ColumnEntry>>,
    /// Whether the first line names the columns; true by default.
    pub header: Option<bool>,
    /// One ASCII character; a comma by default, a tab for `.tsv`.
    pub delimiter: Option<String>,
    /// Fields that mean NULL.
    pub null_values: Option<Vec<String>>,
    /// A label of the Encoding Standard, such as `"windows-1252"` (which `"latin1"` means as well) or `"utf-16le"`;
    /// UTF-8 by default.
    pub encoding: Option<String>,
    /// The character before a quote, a delimiter, a line end or itself that makes it an ordinary one, such as `"\\"`; `\N` is
    /// NULL then. Without it, a quote within quotes is written twice.
    pub escape: Option<String>,
    /// What a line begins with that is no row, such as `"#"`.
    pub comment: Option<String>,
    /// Lines before the header, or before the first row, that are passed over.
    pub skip_rows: Option<u32>,
    /// Lines at the end, such as totals, that are passed over; blank ones do not count.
    pub skip_footer: Option<u32>,
    /// Numbers are written `1.234,5` in every column of numbers.
    pub decimal_comma: Option<bool>,
    /// What a declared column is that a file does not have: `fail` by default, or `null`.
    pub missing: Option<Missing>,
    /// What a column of a file is that is not declared: `ignore` (not read; a note says so) by default, or `fail`.
    pub extra: Option<Extra>,
    /// `auto` by default: by the file's ending, `.gz`, `.zst` or `.zstd`.
    pub compression: Option<Compression>,
    /// What to do with a row that does not parse; `fail` by default.
    pub on_bad_rows: Option<OnBadRows>,
    /// `all` checks the values of every declared column of every row; `used`, in CSV, only of those the transform reads.
    pub row_check: Option<RowCheck>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnEntry {
    /// `"name type"`.
    Text(String),
    Table(ColumnTable),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ColumnTable {
    #[schemars(required)]
    pub name: Option<String>,
    /// A type, or `json`: any JSON value, kept as the text that stands in the file.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub ty: Option<String>,
    /// strftime pattern of a date or timestamp: %Y %y (69 to 68 are 1969 to 2068) %m %b %B %d %e %j %a %A %H %k %I %l %p %M
    /// %S %f %.f %z %s %F %D %T %R %%. Months, days and times have one digit or two.
    pub parse: Option<String>,
    /// Fields of this column that mean NULL, instead of the input's.
    pub null_values: Option<Vec<String>>,
    /// NDJSON: where the value stands in a record, such as `"$.user.id"` or `"$.items[0].sku"`.
    pub path: Option<String>,
    /// NDJSON: takes a number or a boolean for a text, a text for a number, and `2.0` for 2.
    pub lenient: Option<bool>,
    /// The column's numbers are written `1.234,5`, or are not.
    pub decimal_comma: Option<bool>,
    /// What digits of a second after the sixth are: `fail` by default, or `cut`.
    pub nanoseconds: Option<NanosecondsKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NanosecondsKind {
    Fail,
    Cut,
}
