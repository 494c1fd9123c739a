//! What `spotmill sql` takes.

use super::values::{key_value, table_columns, table_files};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Clone, Default)]
#[command(after_help = SQL_HELP)]
pub struct SqlArgs {
    /// One SELECT; `@FILE` for what is in a file, `-` for standard input
    #[arg(value_name = "QUERY", required_unless_present = "file", conflicts_with = "file")]
    pub query: Option<String>,
    /// The same as @FILE
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A table: CSV, NDJSON (both also .gz or .zst), Parquet or Arrow, by the ending; several files of one kind, or a quoted
    /// glob such as 'data/*.csv.gz'. A CSV file's first line names its columns
    #[arg(long = "table", value_name = "NAME=FILE,…", value_parser = table_files)]
    pub tables: Vec<(String, String)>,
    /// The columns of a text table, such as trips="id int64, day date"; by default what every value fits, as `spotmill
    /// schema` prints it
    #[arg(long, value_name = "NAME=COLUMNS", value_parser = table_columns)]
    pub columns: Vec<(String, String)>,
    /// The CSV files of this table have no header; without --columns they have column_1, column_2, …
    #[arg(long, value_name = "NAME")]
    pub no_header: Vec<String>,
    /// A text that stands for NULL in CSV files; may be given again
    #[arg(long = "null-value", value_name = "TEXT")]
    pub null_values: Vec<String>,
    /// The value of $NAME in the query
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = key_value)]
    pub params: Vec<(String, String)>,
    /// Write all rows to a file ending in .parquet, .csv, .tsv or .ndjson
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["format", "limit"])]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
    /// How rows are printed
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<SqlFormat>,
    /// The most rows to print; by default 50 of a table, all of csv and ndjson
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    Table,
    Csv,
    Ndjson,
}

const SQL_HELP: &str = "\
Types of params: true and false are bool; 7 is int64, but 007 a string; 1.5 and
1e3 are float64; 2024-01-31 is a date, 2024-01-31T12:30:00 a timestamp; all else
is a string, and so is 'text' in single quotes.

Examples:
  spotmill sql 'SELECT COUNT(*) AS n FROM f' --table f='data/*.csv'
  spotmill sql @daily.sql --table input=in.parquet --output daily.csv

Paths are relative to -C.
Exit codes: 0 done · 1 it failed while it ran · 2 usage · 3 refused";
