//! What `spotmill explain` takes.

use super::runs::KeyArgs;
use super::values::number;
use clap::Args;

#[derive(Args, Clone)]
#[command(after_help = HELP)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub key: KeyArgs,
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
