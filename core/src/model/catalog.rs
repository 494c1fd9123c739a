//! Who hears of a publication: a table of AWS Glue, and a command of the machine that published.

use serde::{Deserialize, Serialize};

/// `[step.output.catalog]`: the table whose partition, or which itself, names the files of one publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub database: String,
    pub table: String,
    /// Params of the key that the table is partitioned by, in order; none: every run replaces the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<String>,
}

impl Catalog {
    /// `database.table`, as pipelines and messages have it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }
}

/// `[step.output.after_publish]`: an argument vector, never a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub command: Vec<String>,
    pub timeout_secs: u64,
}
