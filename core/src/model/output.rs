//! What a step writes: in which format and files, in which order, and what must hold of it.

use super::catalog::{Catalog, Hook};
use super::format::Format;
use crate::bucket;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub format: Format,
    pub compression: OutputCompression,
    pub layout: Layout,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort_by: Vec<SortKey>,
    /// Start a new file of a partition after about this many bytes / exactly this many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_rows: Option<u64>,
    /// Template of the user's own prefix; none: intermediate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// `replace = "all"`: a destination without the key in it is meant.
    #[serde(default)]
    pub replace_all: bool,
    /// `schema_change = "allow"`: columns that differ from those of the last publication are published.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub schema_change_allowed: bool,
    #[serde(default = "yes")]
    pub header: bool,
    /// CSV with tabs between fields, `.tsv`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tabs: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Catalog>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_publish: Option<Hook>,
}

impl Output {
    /// One file that nobody publishes.
    pub fn single(format: Format) -> Self {
        let parquet = format == Format::Parquet;
        Self {
            format,
            compression: if parquet { OutputCompression::Zstd } else { OutputCompression::None },
            layout: Layout::Single,
            sort_by: Vec::new(),
            file_bytes: None,
            file_rows: None,
            destination: None,
            replace_all: false,
            schema_change_allowed: false,
            header: true,
            tabs: false,
            catalog: None,
            after_publish: None,
        }
    }

    /// What divides the fields of its text files.
    pub fn delimiter(&self) -> char {
        if self.tabs { '\t' } else { ',' }
    }

    /// What its files' names end in: `parquet`, `csv.gz`.
    pub fn ending(&self) -> String {
        let packed = match self.compression {
            OutputCompression::Gzip => ".gz",
            OutputCompression::Zstd => ".zst",
            _ => "",
        };
        match self.format {
            Format::Parquet | Format::Arrow => self.format.to_string(),
            Format::Csv if self.tabs => format!("tsv{packed}"),
            Format::Csv => format!("csv{packed}"),
            Format::Ndjson => format!("ndjson{packed}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputCompression {
    Zstd,
    Snappy,
    Lz4,
    Gzip,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Single,
    Partition { by: Vec<String> },
    Bucket { by: Vec<String>, buckets: u32 },
}

impl Layout {
    /// What the folders of the files are named by: `carrier` of `carrier=AA/`.
    pub fn folders(&self) -> Vec<String> {
        match self {
            Layout::Partition { by } => by.clone(),
            Layout::Bucket { .. } => vec![bucket::FOLDER.to_owned()],
            Layout::Single => Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    pub column: String,
    #[serde(default)]
    pub descending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_null: Vec<String>,
    /// Columns whose combination is unique over the step's whole output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<String>,
    /// SQL conditions that hold for every row written (NULL counts as holding, as in SQL CHECK).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    /// How far the number of rows may be from that of the run before: 0.4 allows 60 % to 140 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_change: Option<f64>,
    #[serde(default)]
    pub warn_only: bool,
}
