//! The worker's command line. People rarely type it; `spotmill` and the supervisor do.

use clap::{Args, Parser, Subcommand, ValueEnum};
use spotmill_core::endings;
use spotmill_core::model::{Format, Read};
use std::path::{Path, PathBuf};

#[derive(Parser)]
#[command(about = "A Spotmill worker: does items of a step, and tells what it knows", disable_version_flag = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Do one item: read its spec, write its outcome. Exits 0 when done, 10 when it failed
    Item {
        #[arg(long)]
        spec: PathBuf,
        #[arg(long)]
        outcome: PathBuf,
    },
    /// Wait for a supervisor on standard input, and fork the processes of items that it asks for
    #[command(hide = true)]
    ForkServer,
    /// Type-check steps: a CheckRequest on standard input, a CheckReply on standard output
    Check,
    /// Run queries: a QueryRequest a line on standard input, a QueryReply a line on standard output
    Sql,
    /// Print the columns of a file as a block for pipeline.toml
    Schema {
        file: PathBuf,
        #[command(flatten)]
        text: Text,
    },
    /// Print the first rows of files as a PreviewReply
    Preview {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        text: Text,
    },
    /// List SQL functions and transforms
    Functions {
        /// One function in full
        name: Option<String>,
        #[arg(long)]
        json: bool,
        /// As the page of the documentation
        #[arg(long, conflicts_with_all = ["name", "json"])]
        markdown: bool,
    },
    /// Who this worker is, as JSON
    About,
    /// Be a machine of a fleet: take items from its queue until asked to stop
    Serve {
        /// What the machine was told (`WorkerSettings`, JSON)
        #[arg(long)]
        settings: PathBuf,
        /// A directory for the items' copies and logs, emptied first; by default one in the system's for such files
        #[arg(long)]
        tmp: Option<PathBuf>,
        /// Children run as users of their own, numbered from here; needs the right to become them
        #[arg(long, value_name = "UID")]
        child_uids: Option<u32>,
    },
}

/// How a text file is read.
#[derive(Args)]
pub struct Text {
    /// By the file's ending if not given
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// The CSV file has no header
    #[arg(long)]
    pub no_header: bool,
    /// A comma if not given; a tab for .tsv
    #[arg(long)]
    pub delimiter: Option<char>,
    /// A text that stands for NULL; may be given again
    #[arg(long = "null-value")]
    pub null_values: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum FileFormat {
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

impl Text {
    pub fn read(&self, file: &Path) -> Read {
        let ending = endings::of(&file.to_string_lossy());
        let format = match self.format {
            Some(FileFormat::Csv) => Format::Csv,
            Some(FileFormat::Ndjson) => Format::Ndjson,
            Some(FileFormat::Parquet) => Format::Parquet,
            Some(FileFormat::Arrow) => Format::Arrow,
            None => ending.format.unwrap_or(Format::Csv),
        };
        Read {
            header: !self.no_header,
            delimiter: self.delimiter.unwrap_or(ending.delimiter),
            null_values: self.null_values.clone(),
            ..Read::of(format)
        }
    }
}
