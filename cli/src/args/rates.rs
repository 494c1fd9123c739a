//! The rates that `cost` and `report` reckon with.

use super::values::number;
use clap::Args;

#[derive(Args, Clone)]
pub struct RateArgs {
    /// A price or an assumption of docs/cost.md, such as vcpu_hour=0.05; for good: [rates] in pipeline.toml
    #[arg(long = "rate", value_name = "NAME=NUMBER", value_parser = number)]
    pub rates: Vec<(String, f64)>,
}
