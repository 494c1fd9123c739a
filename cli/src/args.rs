//! The command line. Nothing here acts; `main` turns it into a command with everything optional resolved.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "spotmill",
    version,
    about = "Daily ETL on spot machines; here, the same pipeline on this machine",
    after_help = "Exit codes: 0 done, or nothing to do · 1 items failed · 2 usage · 3 invalid pipeline · \
                  4 an expectation stopped publishing · 5 no permission · 6 held by another run · \
                  130 Ctrl-C, resumable"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Clone)]
pub struct Global {
    /// Directory of the pipeline (holds pipeline.toml)
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    pub directory: PathBuf,
    /// Whose [target.NAME] overrides apply
    #[arg(long, value_name = "NAME", default_value = "local", global = true)]
    pub target: String,
    /// Machine-readable: one versioned JSON event a line on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more (twice: everything)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: ColorWhen,
    /// Never ask; what would be asked is refused unless --yes
    #[arg(long, global = true)]
    pub no_input: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub enum Command {
    /// Write a commented pipeline that runs as it is
    Init {
        /// Directory to write to; made if absent
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check the pipeline and every step's SQL; reads no rows
    Validate {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Print the columns of a file or step, ready to paste; `--pipeline` prints the JSON Schema of pipeline.toml
    Schema {
        /// A data file, or the name of a step
        #[arg(value_name = "FILE|STEP", required_unless_present = "pipeline")]
        what: Option<String>,
        /// The JSON Schema of the pipeline file, for editors
        #[arg(long)]
        pipeline: bool,
    },
    /// List the SQL functions and transforms of this pipeline's worker
    Functions,
    /// Show the work list and why; changes nothing
    Plan {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Run or resume one key, or a range of dates, on this machine
    Run(RunArgs),
    /// Run one item again here, on the same inputs; commits nothing
    Item {
        /// For example flights/2013-01-01
        run: String,
        step: String,
        item: u32,
    },
    /// List runs
    Runs,
    /// Show a run, step or item: what failed and why
    Show {
        /// For example flights/2013-01-01
        run: String,
        step: Option<String>,
        item: Option<u32>,
        /// With the last lines of the worker's log
        #[arg(long)]
        log: bool,
    },
}

#[derive(Args, Clone, Default)]
pub struct KeyArgs {
    /// The logical date, YYYY-MM-DD
    #[arg(long, value_name = "D")]
    pub date: Option<String>,
    /// Another param of the pipeline
    #[arg(long = "param", value_name = "K=V", value_parser = key_value)]
    pub params: Vec<(String, String)>,
}

#[derive(Args, Clone)]
pub struct RunArgs {
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
    /// Children at once; default: what fits this machine at the step's resources
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: Option<u32>,
    /// Do not ask before --fresh
    #[arg(short, long)]
    pub yes: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, for example --param region=eu".to_owned()),
    }
}

fn accept(text: &str) -> Result<(String, Vec<u32>), String> {
    let wrong = || "expected STEP=ITEM,ITEM, for example --accept normalize=7,8".to_owned();
    let (step, items) = text.split_once('=').ok_or_else(wrong)?;
    let items = items.split(',').map(|i| i.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok((step.to_owned(), items))
}
