//! The arguments of `diff`.

use clap::Args;

#[derive(Args, Clone)]
#[command(after_help = DIFF_HELP)]
pub struct DiffArgs {
    /// A run, a file, a directory, or a quoted glob; here or s3://
    pub a: String,
    /// What it is compared with
    pub b: String,
    /// The step of a run; by default the last that published
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// What identifies a row; by default what the step's `expect.unique` names, else whole rows are compared
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub key: Vec<String>,
    /// Compare rows as a whole, whatever identifies them
    #[arg(long, conflicts_with = "key")]
    pub whole_rows: bool,
    /// Columns that are left out
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Floats that differ by no more than this share are the same, such as 1e-9
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, hide_default_value = true)]
    pub tolerance: f64,
    /// Only rows of both sides for which this condition is true
    #[arg(long = "where", value_name = "SQL")]
    pub filter: Option<String>,
    /// Examples of each kind of difference
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub sample: u64,
    /// The columns of CSV files that have no header, such as "id int64, day date"
    #[arg(long, value_name = "COLUMNS")]
    pub columns: Option<String>,
    /// A text that stands for NULL in CSV files; may be given again
    #[arg(long = "null-value", value_name = "TEXT")]
    pub null_values: Vec<String>,
}

const DIFF_HELP: &str = "\
Examples:
  spotmill diff 2013-01-01 2013-01-02 --step by_route
  spotmill diff flights/2013-01-01 old/2013-01-01 --key carrier,origin,dest

Paths are relative to -C. CSV and NDJSON take the types of the other side.
Exit codes: 0 the same · 1 different · 2 they cannot be compared";
