//! The command line. This module only parses; `main` turns the result into a command with all options resolved.

mod cost;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
pub use cost::{CostArgs, CostBy};
use spotmill_core::command::{self, Caller};
use std::path::{Path, PathBuf};

/// What a directory of a project has.
pub const PIPELINE_FILE: &str = "pipeline.toml";
/// The value of `init --worker` where it stands alone: no program is a directory.
pub const OWN_CRATE: &str = "/";

const EXIT_CODES: &str = "\
Exit codes: 0 done, or nothing to do · 1 items failed · 2 usage ·
  3 invalid pipeline · 4 an expectation, or what lies at the destination,
  stopped publishing · 5 account or permission · 6 held by another run ·
  7 no capacity, retry later · 130 Ctrl-C, resumable";

#[derive(Parser)]
#[command(
    name = "spotmill",
    version,
    disable_version_flag = true,
    about = "Daily ETL on spot machines: the same pipeline on this machine and on AWS",
    after_help = EXIT_CODES
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    /// Print the version; with --json all about this build
    #[arg(short = 'V', long)]
    pub version: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Commands by purpose, as `--help` lists them.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Write a pipeline", &["init", "validate", "schema", "functions", "sql", "worker"]),
    ("Run it on this machine", &["plan", "run", "item", "gc"]),
    ("On AWS", &["doctor", "deploy", "destroy", "start", "status", "stop"]),
    ("Inspect runs, of this machine or with --target aws", &["runs", "show", "cost"]),
];

/// Parses the arguments; a wrong command line ends the program with its usage.
pub fn parse() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
}

/// The commands and their options; the help lists the commands by purpose.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let line = |name: &&str| {
        let about = command.find_subcommand(name).and_then(|c| c.get_about()).map(ToString::to_string);
        let about = about.unwrap_or_default();
        format!("  {name:12} {}\n", about.strip_prefix("On AWS: ").map_or_else(|| about.clone(), capital))
    };
    let group =
        |(title, names): &(&str, &[&str])| format!("{title}:\n{}\n", names.iter().map(line).collect::<String>());
    let rest = "Other:\n  completions, man, help\n\n";
    let groups = GROUPS.iter().map(group).collect::<String>();
    let template =
        format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}{rest}Common options:\n{{options}}{{after-help}}");
    command.help_template(template)
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[derive(Args, Clone)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// Where pipeline.toml is
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    pub directory: PathBuf,
    /// `aws`, `aws-…`, or another for this machine
    ///
    /// Whose [target.NAME] overrides apply. `aws` and `aws-…` are on AWS, every other is this machine; by default `aws`
    /// for the commands on AWS, else `local`.
    #[arg(long, value_name = "NAME", global = true)]
    pub target: Option<String>,
    /// The stack on AWS [default: SPOTMILL_STACK, or spotmill]
    #[arg(long, value_name = "NAME", global = true)]
    pub stack: Option<String>,
    /// Runs in s3://BUCKET/PREFIX [default: SPOTMILL_STATE]
    ///
    /// Where runs of this machine are kept, instead of .spotmill in the project's directory. Machines that name the same prefix share their runs: another
    /// goes on where one was killed.
    #[arg(long, value_name = "PLACE", global = true)]
    pub state: Option<String>,
    /// A built worker program [default: SPOTMILL_WORKER]
    ///
    /// Instead of building the pipeline's own crate, or the stock worker.
    #[arg(long, value_name = "FILE", global = true)]
    pub worker: Option<PathBuf>,
    /// One versioned JSON event a line on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more (twice: everything)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Colours: auto, always, never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true, global = true)]
    pub color: ColorWhen,
    /// Never ask; what would be asked is refused unless --yes
    #[arg(long, global = true)]
    pub no_input: bool,
}

impl Global {
    pub fn target(&self) -> &str {
        self.target.as_deref().unwrap_or("local")
    }

    /// Whether the target is on AWS.
    pub fn on_aws(&self) -> bool {
        command::is_aws(self.target())
    }

    /// The options that printed commands repeat.
    pub fn caller(&self) -> Caller {
        let directory = Some(self.directory.to_string_lossy().into_owned()).filter(|d| d != ".");
        let worker = self.worker.as_ref().map(|w| w.to_string_lossy().into_owned());
        let anywhere = !Path::new(PIPELINE_FILE).exists();
        Caller {
            directory,
            stack: self.stack.clone(),
            state: self.state.clone(),
            worker,
            anywhere,
            ..Caller::new(self.target())
        }
    }

    /// A command of this program, to be printed.
    pub fn command(&self, name: &str) -> command::Command {
        self.caller().command(name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExampleName {
    /// Ten orders, and every key explained (the default)
    Orders,
    /// Three days: join, shuffle by carrier, reduce, combine
    Flights,
    /// Two days of web logs: broken lines, sessions by a window
    Logs,
    /// TPC-H's question 5: two tables joined bucket by bucket
    Tpch,
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
        /// A first pipeline for this file, or s3://BUCKET/KEY
        ///
        /// CSV or NDJSON (both also .gz or .zst), or Parquet.
        #[arg(long, value_name = "FILE", conflicts_with = "example")]
        from: Option<PathBuf>,
        /// A bigger example instead of ten orders, data included
        #[arg(long, value_name = "NAME")]
        example: Option<ExampleName>,
        /// Also write DIR/worker, a crate for functions of your own
        ///
        /// In a directory with a pipeline only the crate is written. `--worker=FILE` names a built worker, as for other commands.
        #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OWN_CRATE)]
        worker: Option<PathBuf>,
        /// The checkout of Spotmill that the crate builds against
        #[arg(long, value_name = "DIR", requires = "worker")]
        path: Option<PathBuf>,
        /// The repository instead, at the commit of this program
        #[arg(long, value_name = "URL", requires = "worker", conflicts_with = "path")]
        git: Option<String>,
    },
    /// Check the pipeline and every step's SQL; reads no rows
    Validate {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Print the columns of a file or step, ready to paste
    Schema {
        /// A data file, or the name of a step
        #[arg(value_name = "FILE|STEP", required_unless_present_any = ["pipeline", "events"])]
        what: Option<String>,
        /// The JSON Schema of the pipeline file, for editors
        #[arg(long)]
        pipeline: bool,
        /// The JSON Schema of what --json prints, for programs
        #[arg(long, conflicts_with_all = ["what", "pipeline"])]
        events: bool,
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
    /// Build your own functions for the machines on AWS
    Worker {
        #[command(subcommand)]
        command: WorkerCommand,
    },
    /// Show the work list and why; changes nothing
    Plan {
        #[command(flatten)]
        key: KeyArgs,
        /// Show the machines that each step would ask for instead; prices with --target aws
        #[arg(long)]
        fleet: bool,
        /// As `run --changed` would have it: what inputs changed for is done again
        #[arg(long)]
        changed: bool,
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
    /// On AWS: create or upgrade the stack with this pipeline
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
    /// Show what nobody needs any more, and remove it
    ///
    /// Dead attempts, replaced generations, removed steps, files that landed late.
    Gc {
        /// Remove it
        #[arg(long)]
        delete: bool,
    },
    /// List runs
    Runs,
    /// Show a run, step or item: what failed and why
    Show {
        /// For example flights/2013-01-01, or what stands after the slash; by default the latest
        run: Option<String>,
        step: Option<String>,
        item: Option<u32>,
        /// With the last lines of the worker's log
        #[arg(long)]
        log: bool,
    },
    /// Show what a run or a month cost, and what the time was spent on
    Cost(CostArgs),
    /// Print a shell's completions, for example: spotmill completions bash
    Completions { shell: Shell },
    /// Print a manual page, for example: spotmill man run | man -l -
    Man {
        #[arg(value_name = "COMMAND")]
        of: Option<String>,
    },
}

#[derive(Subcommand)]
pub enum WorkerCommand {
    /// Build the pipeline's worker crate; `deploy` finds the programs
    ///
    /// By cargo-zigbuild where it is installed, against the machines' glibc 2.34; else by this machine's own linker, for its own
    /// architecture. What is missing is named before anything is built; nothing is installed.
    Build {
        /// x86_64, arm64 or both [default: both]
        #[arg(long, value_name = "ARCH")]
        target: Option<String>,
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
    /// Write all rows to a file ending in .parquet, .csv, .tsv or .ndjson
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
Types of params: true and false are bool; 7 is int64, but 007 a string; 1.5 and
1e3 are float64; 2024-01-31 is a date, 2024-01-31T12:30:00 a timestamp; all else
is a string, and so is 'text' in single quotes.

Examples:
  spotmill sql 'SELECT COUNT(*) AS n FROM f' --table f='data/*.csv'
  spotmill sql @daily.sql --table input=in.parquet --output daily.csv

Paths are relative to -C.
Exit codes: 0 done · 1 it failed while it ran · 2 usage · 3 refused";

#[derive(Args, Clone)]
pub struct DeployArgs {
    #[command(flatten)]
    pub key: KeyArgs,
    /// The worker for x86_64 machines
    ///
    /// By default `worker build` has made it, or the release has it; else the one of this machine is deployed alone.
    #[arg(long, value_name = "FILE")]
    pub worker_x86_64: Option<PathBuf>,
    /// The worker for arm64 machines
    #[arg(long, value_name = "FILE")]
    pub worker_aarch64: Option<PathBuf>,
    /// Where the functions' program is: DIR/bootstrap/bootstrap or DIR/bootstrap; by default the release's, target/lambda, or
    /// `lambda` beside this program
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_help_lists_every_command_once() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let all: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let others = ["completions", "man"];
        let help = command().render_help().to_string();
        let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:?}");
        assert_eq!(listed.len() + others.len(), all.len());
        assert!(listed.iter().chain(&others).all(|name| all.contains(*name)), "{all:?}");
        let begins: Vec<&str> =
            help.lines().filter(|line| all.contains(line.split_whitespace().next().unwrap_or(""))).collect();
        assert_eq!(begins.len(), listed.len(), "{help}");
        assert!(begins.iter().all(|line| line[15..].starts_with(char::is_uppercase)), "one style: {begins:#?}");
        let on_aws: BTreeSet<&str> = GROUPS[2].1.iter().copied().collect();
        assert_eq!(on_aws, BTreeSet::from(command::ON_AWS), "what is printed has to mean what is typed");
        command().debug_assert();
    }

    #[test]
    fn own_options_come_before_common_ones() {
        let mut all = command();
        all.build();
        for sub in all.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            let help = sub.render_long_help().to_string();
            let (own, common) = (help.find("\nOptions:").unwrap(), help.find("\nCommon options:").unwrap());
            assert!(own < common && help[common..].contains("--target"), "{help}");
        }
    }
}
