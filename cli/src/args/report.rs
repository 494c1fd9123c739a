//! The arguments of `report`.

use super::RateArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Clone)]
pub struct ReportArgs {
    /// For example flights/2013-01-01, or what stands after the slash; by default the latest
    pub run: Option<String>,
    /// Where to write the page [default: .spotmill/reports/RUN.html]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// An attempt a row instead, as a file ending in .parquet, .csv, .tsv or .ndjson; what is there is replaced
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "open"])]
    pub items: Option<PathBuf>,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    pub rates: RateArgs,
}
