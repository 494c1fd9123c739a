//! The command line. This module only parses; `main` turns the result into a command with all options resolved.

mod cost;
mod deploy;
mod diff;
mod explain;
mod rates;
mod report;
mod runs;
mod smoke;
mod sql;
mod test;
mod values;

pub use cost::{CostArgs, CostBy};
pub use deploy::DeployArgs;
pub use diff::DiffArgs;
pub use explain::ExplainArgs;
pub use rates::RateArgs;
pub use report::ReportArgs;
pub use runs::{Asked, KeyArgs, Pick, RangeArgs, RunArgs, RunsArgs, StartArgs};
pub use smoke::SmokeArgs;
#[cfg(feature = "aws")]
pub use smoke::YesNo;
pub use sql::{SqlArgs, SqlFormat};
pub use test::TestArgs;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
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
  7 no capacity, retry later · 8 the input is not there yet, or late ·
  9 published, but a catalog or a command did not take it ·
  130 Ctrl-C, resumable";

#[derive(Parser)]
#[command(
    name = "spotmill",
    version,
    disable_version_flag = true,
    about = "Daily ETL on spot machines: the same pipeline on this machine and on AWS",
    max_term_width = 80,
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
    ("Write a pipeline", &["init", "validate", "test", "schema", "functions", "sql", "worker"]),
    ("Run it on this machine", &["plan", "explain", "run", "item", "gc"]),
    ("On AWS", &["doctor", "deploy", "smoke", "destroy", "start", "status", "stop"]),
    ("Inspect runs, of this machine or with --target aws", &["runs", "show", "report", "lineage", "diff", "cost"]),
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
        /// CSV or NDJSON (both also .gz or .zst), Parquet or Arrow.
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
        /// Also do the tests of its steps, tests/*.toml
        #[arg(long)]
        tests: bool,
    },
    /// Do the tests of its steps: given rows, expected rows
    Test(TestArgs),
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
    /// Say what a start would reuse, redo and take, and why
    Explain(ExplainArgs),
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
    Doctor {
        /// Also ask IAM what each role may, try the launch without launching, and follow networks, buckets and keys
        #[arg(long)]
        deep: bool,
    },
    /// On AWS: create or upgrade the stack with this pipeline
    Deploy(DeployArgs),
    /// On AWS: prove the stack by tiny runs, for less than a dollar
    Smoke(SmokeArgs),
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
    /// List runs, or the dates of each pipeline as a calendar
    Runs(RunsArgs),
    /// Show a run, step or item: what failed and why
    Show {
        /// For example flights/2013-01-01, or what stands after the slash; by default the latest
        run: Option<String>,
        step: Option<String>,
        item: Option<u32>,
        /// With the last lines of the worker's log
        #[arg(long)]
        log: bool,
        /// What the last start reused and did again, and why
        #[arg(long, conflicts_with = "item")]
        why: bool,
    },
    /// Show what a file was made of: inputs, versions, SQL, worker
    ///
    /// Each end of a run writes the same as OpenLineage events, openlineage.ndjson beside the run's records, and where OPENLINEAGE_URL
    /// is set a run on this machine sends them.
    Lineage {
        /// A published file, or one of a run's own
        #[arg(required_unless_present = "send")]
        file: Option<String>,
        /// Where each column comes from, step by step
        #[arg(long, requires = "file")]
        columns: bool,
        /// Send the events of a run to OPENLINEAGE_URL (again), as its records are now
        #[arg(long, value_name = "RUN", conflicts_with = "file")]
        send: Option<String>,
    },
    /// Compare two results row by row: runs, files or directories
    Diff(DiffArgs),
    /// Show what a run or a month cost, and what the time was spent on
    Cost(CostArgs),
    /// Write a run's report as one page: cause, cost, machines, items
    ///
    /// It loads nothing from a network. Each end of a run writes it too, beside the run's records. With --json the same as one event, and a page only with
    /// --output.
    Report(ReportArgs),
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
    fn every_help_holds_at_80_columns() {
        let mut all = command();
        all.build();
        let mut commands: Vec<&mut clap::Command> =
            all.get_subcommands_mut().filter(|c| c.get_name() != "help").collect();
        while let Some(one) = commands.pop() {
            for help in [one.render_help().to_string(), one.render_long_help().to_string()] {
                let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
                assert!(wide.is_empty(), "{}: {wide:#?}", one.get_name());
            }
            commands.extend(one.get_subcommands_mut());
        }
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
