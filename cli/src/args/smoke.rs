//! What `spotmill smoke` takes.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Clone)]
pub struct SmokeArgs {
    /// Only these parts, and the items that they build on: x86_64, aarch64, restart, redrive, on-demand, shrink, interruption,
    /// mail
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    pub only: Vec<String>,
    /// What machines may cost in all; it ends what would pass it
    #[arg(long, value_name = "USD", default_value = "2.00", value_parser = dollars)]
    pub limit: f64,
    /// The role by which Fault Injection Service takes a machine away
    ///
    /// Without it the interruption is not tried. docs/smoke.md has the role's two policies.
    #[arg(long, value_name = "ARN")]
    pub fault_role: Option<String>,
    /// Remove what an earlier smoke test left, and do nothing else
    #[arg(long, conflicts_with_all = ["only", "mail_seen"])]
    pub clean: bool,
    /// Also end one that still lives, with what it made: it may be somebody else's
    #[arg(long, conflicts_with = "mail_seen")]
    pub force: bool,
    /// Add to the page of the last one whether its mail came
    #[arg(long, value_name = "yes|no", hide_possible_values = true, conflicts_with = "only")]
    pub mail_seen: Option<YesNo>,
    /// Where the page goes: smoke.md and smoke.json
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Leave names of accounts, stacks and buckets on the page
    #[arg(long)]
    pub with_names: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    Yes,
    No,
}

fn dollars(text: &str) -> Result<f64, String> {
    let usd: f64 = text.parse().map_err(|_| format!("`{text}` is no number of dollars"))?;
    if usd.is_finite() && usd > 0.0 { Ok(usd) } else { Err("more than 0 dollars, such as 2.00".to_owned()) }
}
