//! What AWS billed, as it delivers it: the data feed of spot instances and exports of costs and usage. A line is read, or
//! the reader hears what was expected at its place; no line is guessed at. Each is counted once, however often AWS delivered
//! it.

mod amount;
mod export;
mod feed;

pub use amount::{moment, nanos};
pub use export::{Export, Layout};
pub use feed::{Feed, is_feed};

use schemars::JsonSchema;
use serde::Serialize;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hours of a machine.
    Machine,
    Volume,
    /// Whatever else: traffic of a machine, an address, another service.
    Other,
}

/// Where bills come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The data feed of spot instances: hours of spot machines, without tags.
    SpotDataFeed,
    /// A Cost and Usage Report, of either version.
    Cur,
    Focus,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Source::SpotDataFeed => "spot data feed",
            Source::Cur => "Cost and Usage Report",
            Source::Focus => "FOCUS export",
        }
    }
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq)]
pub struct Billed {
    /// The id alone: `i-0c1…`, `vol-07…`; what is no resource of EC2 as it stands.
    pub resource: String,
    /// The tag `spotmill:run`, where the bill has tags.
    pub run: Option<String>,
    pub kind: Kind,
    /// `SpotUsage:r7g.2xlarge`
    pub usage: String,
    pub start_ms: u64,
    pub end_ms: u64,
    /// Credits are below zero.
    pub nanos: i64,
}

/// Lines of which only the sum is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Others {
    pub lines: u64,
    pub nanos: i64,
}

impl Others {
    pub fn add(&mut self, nanos: i64) {
        self.lines += 1;
        self.nanos += nanos;
    }
}

/// A bill, each line once.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    pub source: Source,
    pub lines: Vec<Billed>,
    /// Lines that can be no run's.
    pub others: Others,
    /// Lines that had been delivered before.
    pub repeated: u64,
    /// Up to when usage is billed; nothing where no line says.
    pub until_ms: Option<u64>,
}
