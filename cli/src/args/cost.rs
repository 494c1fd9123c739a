//! The arguments of `cost`.

use super::RateArgs;
use clap::{Args, ValueEnum};

#[derive(Args, Clone)]
pub struct CostArgs {
    /// For example flights/2013-01-01, or what stands after the slash; by default the latest
    #[arg(conflicts_with = "month")]
    pub run: Option<String>,
    /// All runs of a month in UTC instead; by default of this one
    #[arg(long, value_name = "YYYY-MM", num_args = 0..=1, default_missing_value = "")]
    pub month: Option<String>,
    /// What the lines are; by default steps, of a month runs
    #[arg(long, value_name = "WHAT")]
    pub by: Option<CostBy>,
    /// Print every row of the ledger with the columns of FOCUS instead
    #[arg(long, conflicts_with_all = ["json", "by", "compare"])]
    pub csv: bool,
    /// Compare with what AWS billed instead: a file, folder or s3:// prefix of a Spot data feed, a Cost and Usage Report or
    /// a FOCUS export
    #[arg(long, value_name = "WHERE", conflicts_with = "compare")]
    pub reconcile: Option<String>,
    /// With what the same work would cost elsewhere, formulas and assumptions included
    #[arg(long)]
    pub compare: bool,
    #[command(flatten)]
    pub rates: RateArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostBy {
    Run,
    Step,
    Item,
    /// Machine type and zone
    Pool,
    /// What the time was spent on
    Class,
    /// With --reconcile: the day (UTC) on which a machine began
    Day,
    /// With --reconcile: the month (UTC) in which a machine began
    Month,
}
