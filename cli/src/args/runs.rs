//! Which keys are run or started, and how.

use super::values::{accept, key_value};
use clap::Args;

#[derive(Args, Clone, Default)]
pub struct KeyArgs {
    /// The logical date, YYYY-MM-DD
    #[arg(long, value_name = "D")]
    pub date: Option<String>,
    /// Another param of the pipeline
    #[arg(long = "param", value_name = "K=V", value_parser = key_value)]
    pub params: Vec<(String, String)>,
}

/// Which keys are run, and how.
#[derive(Args, Clone)]
pub struct Asked {
    /// The logical date, or an inclusive range: 2013-01-01..2013-01-31
    #[arg(long, value_name = "D|D..D")]
    pub date: Option<String>,
    /// Another param of the pipeline
    #[arg(long = "param", value_name = "K=V", value_parser = key_value)]
    pub params: Vec<(String, String)>,
    /// Begin a new generation of this step and of all that read it
    #[arg(long, value_name = "S")]
    pub from_step: Option<String>,
    /// Run only these steps
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Begin a new generation of every step
    #[arg(long)]
    pub fresh: bool,
    /// Publish without these items: STEP=7,8
    #[arg(long, value_name = "S=I,…", value_parser = accept)]
    pub accept: Vec<(String, Vec<u32>)>,
    /// Do again what inputs have changed for since they were read
    #[arg(long)]
    pub changed: bool,
    /// Take over what lies at a destination and is not this step's: it is deleted once the new files stand
    #[arg(long, conflicts_with = "leave")]
    pub adopt: bool,
    /// Leave what lies at a destination and is not this step's, and publish beside it
    #[arg(long)]
    pub leave: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Args, Clone)]
pub struct RunArgs {
    #[command(flatten)]
    pub asked: Asked,
    /// Children at once; default: what fits this machine at the step's resources
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: Option<u32>,
}

#[derive(Args, Clone)]
pub struct StartArgs {
    #[command(flatten)]
    pub asked: Asked,
    /// Follow the run to its end, and end as it does; a range then runs one date after another
    #[arg(short, long)]
    pub wait: bool,
    /// A deployed pipeline; by default the one in this directory
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
}
