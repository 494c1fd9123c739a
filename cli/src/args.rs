//! The command line. Nothing here acts; `main` turns it into a command with everything optional resolved.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "spotmill",
    version,
    about = "Daily ETL on spot machines: the same pipeline on this machine and on AWS",
    after_help = "Exit codes: 0 done, or nothing to do · 1 items failed · 2 usage · 3 invalid pipeline · \
                  4 an expectation, or what lies at the destination, stopped publishing · 5 account or permission · 6 held by another run · \
                  7 no capacity, retry later · 130 Ctrl-C, resumable"
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
    /// Whose [target.NAME] overrides apply; `aws` and `aws-…` are on AWS, every other is this machine. `aws` for the
    /// commands on AWS, else `local`
    #[arg(long, value_name = "NAME", global = true)]
    pub target: Option<String>,
    /// The stack on AWS; SPOTMILL_STACK, or `spotmill`
    #[arg(long, value_name = "NAME", global = true)]
    pub stack: Option<String>,
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

impl Global {
    pub fn target(&self) -> &str {
        self.target.as_deref().unwrap_or("local")
    }

    /// Is the world that is looked at, or worked in, on AWS?
    pub fn on_aws(&self) -> bool {
        self.target() == "aws" || self.target().starts_with("aws-")
    }
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
    Functions {
        /// One function in full
        name: Option<String>,
        /// The functions of SQL as a page of documentation
        #[arg(long, conflicts_with_all = ["name", "json"])]
        markdown: bool,
    },
    /// Run one query over files, at once: the quickest way to try a step
    Sql(SqlArgs),
    /// Show the work list and why; changes nothing
    Plan {
        #[command(flatten)]
        key: KeyArgs,
        /// Show the machines that each step would ask for instead; prices with --target aws
        #[arg(long)]
        fleet: bool,
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
    /// On AWS: check the account before the first bill
    Doctor,
    /// On AWS: create or upgrade the stack, and make this pipeline what starts run
    Deploy(DeployArgs),
    /// On AWS: remove the stack; keeps data
    Destroy {
        /// Stop what runs
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// On AWS: start or resume a run
    Start(StartArgs),
    /// On AWS: show a live run, or the latest
    Status {
        /// For example flights/2013-01-01; by default what runs
        run: Option<String>,
        /// Look again until it has ended; Ctrl-C leaves, the run goes on
        #[arg(short, long)]
        watch: bool,
    },
    /// On AWS: end a run and its machines; committed work is kept
    Stop {
        /// For example flights/2013-01-01
        run: String,
    },
    /// Show what nobody needs any more: dead attempts, replaced generations, removed steps, files that landed late
    Gc {
        /// Remove it
        #[arg(long)]
        delete: bool,
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

#[derive(Args, Clone)]
#[command(after_help = SQL_HELP)]
pub struct SqlArgs {
    /// One SELECT; `@FILE` for what is in a file, `-` for standard input
    #[arg(value_name = "QUERY", required_unless_present = "file", conflicts_with = "file")]
    pub query: Option<String>,
    /// The same as @FILE
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A table: CSV, NDJSON (both also .gz or .zst) or Parquet, by the ending; several files of one kind, or a quoted
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
    /// Write all rows to a file ending in .parquet, .csv or .ndjson
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
Types of params: true and false are bool; 7 is int64, but 007 a string; 1.5 and 1e3 are float64; 2024-01-31 is a date,
2024-01-31T12:30:00 a timestamp; all else is a string, and so is 'text' in single quotes.

Examples:
  spotmill sql 'SELECT carrier, COUNT(*) AS n FROM f GROUP BY carrier' --table f='data/*.csv'
  spotmill sql @sql/daily.sql --table input=out/by_route.parquet --param date=2024-01-31 --output daily.csv

Paths are relative to -C. Exit codes: 0 done · 1 it failed while it ran · 2 usage · 3 the query was refused";

#[derive(Args, Clone)]
pub struct DeployArgs {
    #[command(flatten)]
    pub key: KeyArgs,
    /// The worker for x86_64 machines; by default the one found or built for this machine's architecture
    #[arg(long, value_name = "FILE")]
    pub worker_x86_64: Option<PathBuf>,
    /// The worker for arm64 machines
    #[arg(long, value_name = "FILE")]
    pub worker_aarch64: Option<PathBuf>,
    /// Where the functions' programs are, each DIR/NAME/bootstrap or DIR/NAME; by default target/lambda or `lambda`
    /// beside this program
    #[arg(long, value_name = "DIR")]
    pub lambdas: Option<PathBuf>,
    /// A bucket of yours, in this region, for code; by default spotmill-code-ACCOUNT-REGION, made if absent
    #[arg(long, value_name = "NAME")]
    pub code_bucket: Option<String>,
    /// A parameter of the stack, such as ZoneCount=4; those not set stay as they are
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value)]
    pub parameters: Vec<(String, String)>,
    /// Deploy programs that need a newer glibc than the machines' 2.34
    #[arg(long)]
    pub allow_any_glibc: bool,
    /// Print what would change and change nothing (code is uploaded all the same: CloudFormation reads it)
    #[arg(long)]
    pub dry_run: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, for example --param region=eu".to_owned()),
    }
}

fn table_files(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "expected NAME=FILE, for example --table trips=data/trips.csv".to_owned())
}

fn table_columns(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "expected NAME=COLUMNS, for example --columns trips=\"id int64, day date\"".to_owned())
}

fn accept(text: &str) -> Result<(String, Vec<u32>), String> {
    let wrong = || "expected STEP=ITEM,ITEM, for example --accept normalize=7,8".to_owned();
    let (step, items) = text.split_once('=').ok_or_else(wrong)?;
    let items = items.split(',').map(|i| i.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok((step.to_owned(), items))
}
