//! Which keys are run or started, and how.

use super::values::{accept, key_value};
use crate::standing::Standing;
use clap::{Args, ValueEnum};

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
    /// Wait for inputs that are not there, as long as `wait_for` states; else they are checked once
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub range: RangeArgs,
}

/// Which dates of a range, how many at once, and when to stop.
#[derive(Args, Clone)]
pub struct RangeArgs {
    /// Of a range only the dates that stand so
    #[arg(long, value_name = "WHICH", value_delimiter = ',')]
    pub pick: Vec<Pick>,
    /// Stop after so many failed dates of a range
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failed: Option<u32>,
    /// So many dates of a range at once; `run` takes as many as this machine has room for, `start` one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub parallel: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pick {
    /// Without a run, or skipped because its input was late
    Missing,
    /// Failed, stopped or interrupted
    Failed,
    /// Finished, and a start would do something of it again
    Stale,
}

#[derive(Args, Clone)]
pub struct RunsArgs {
    /// The dates of each pipeline, one mark a day
    #[arg(long)]
    pub calendar: bool,
    /// The month, or the year; by default from the first run to the last
    #[arg(long, value_name = "YYYY-MM|YYYY", requires = "calendar")]
    pub month: Option<String>,
}

#[derive(Args, Clone)]
pub struct StartArgs {
    #[command(flatten)]
    pub asked: Asked,
    /// Follow the run to its end, and end as it does; a range then runs one date after another, or --parallel
    #[arg(short, long)]
    pub wait: bool,
    #[command(flatten)]
    pub range: RangeArgs,
    /// A deployed pipeline; by default the one in this directory
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
}

impl Pick {
    /// How a key stands that it takes.
    pub fn standing(self) -> Standing {
        match self {
            Pick::Missing => Standing::Missing,
            Pick::Failed => Standing::Failed,
            Pick::Stale => Standing::Stale,
        }
    }
}
