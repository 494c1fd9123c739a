//! What `spotmill explain` takes.

use super::runs::Pick;
use super::values::{key_value, number};
use clap::Args;

#[derive(Args, Clone)]
#[command(after_help = HELP)]
pub struct ExplainArgs {
    /// The logical date, or an inclusive range: a line a date, and what all come to
    #[arg(long, value_name = "D|D..D")]
    pub date: Option<String>,
    /// Another param of the pipeline
    #[arg(long = "param", value_name = "K=V", value_parser = key_value)]
    pub params: Vec<(String, String)>,
    /// Of a range only the dates that stand so, as `run --pick` takes them
    #[arg(long, value_name = "WHICH", value_delimiter = ',')]
    pub pick: Vec<Pick>,
    /// Only this step
    #[arg(long, value_name = "S")]
    pub step: Option<String>,
    /// Every item with what becomes of it
    #[arg(long)]
    pub items: bool,
    /// What changed of SQL, params and the rest of a step's definition, line by line
    #[arg(long)]
    pub diff: bool,
    /// As `run --changed` would have it: what inputs changed for is done again
    #[arg(long)]
    pub changed: bool,
    /// As `run --fresh`
    #[arg(long)]
    pub fresh: bool,
    /// As `run --from-step`
    #[arg(long, value_name = "S")]
    pub from_step: Option<String>,
    /// The price of a vCPU-hour in dollars: vcpu_hour=0.05
    #[arg(long = "rate", value_name = "vcpu_hour=NUMBER", value_parser = number)]
    pub rate: Option<(String, f64)>,
}

const HELP: &str = "\
Memory, time-outs, deadlines, the fleet and the budget are no reasons to redo
anything: they apply as they are when the run starts. Codes: docs/explain.md";
