//! What events are made of, as whoever can read the records of a run hands it over.

use spotmill_core::ids::Generation;
use spotmill_core::lineage::ColumnLineage;
use spotmill_core::model::{Format, Step};
use spotmill_core::records::{GlueTable, RunReport, StepReport};
use spotmill_core::types::Column;
use std::collections::BTreeMap;

/// Files that have one name in all runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dataset {
    pub namespace: String,
    pub name: String,
}

impl Dataset {
    /// As a path, or with the bucket.
    pub fn location(&self) -> String {
        match self.namespace.starts_with("s3://") {
            true => format!("{}/{}", self.namespace, self.name.trim_start_matches('/')),
            false => self.name.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct RunFacts {
    /// Of jobs.
    pub namespace: String,
    /// Of the program that makes the events.
    pub version: String,
    pub pipeline: String,
    /// Of the worker that the run began with.
    pub worker: String,
    pub report: RunReport,
    /// The day that the run is for, if it is for one: `2013-01-01`.
    pub date: Option<String>,
    /// In which its schedule has days.
    pub timezone: Option<String>,
    /// When the run began, ever.
    pub started_ms: u64,
    /// When its present generations began.
    pub begun_ms: u64,
    pub generations: BTreeMap<String, Generation>,
    /// In the order in which they run; those that were planned.
    pub steps: Vec<StepFacts>,
}

#[derive(Clone, Debug)]
pub struct StepFacts {
    pub step: Step,
    pub report: StepReport,
    pub worker: String,
    pub planned_ms: u64,
    pub inputs: Vec<InputFacts>,
    pub output: OutputFacts,
    /// Where its columns come from; nothing of a Rust transform, or where that is not on record.
    pub lineage: Option<ColumnLineage>,
}

/// What a step reads under one name.
#[derive(Clone, Debug)]
pub struct InputFacts {
    /// In SQL.
    pub alias: String,
    pub dataset: Dataset,
    pub format: Format,
    pub columns: Vec<Column>,
    /// Of the step that made it, if one did.
    pub generation: Option<Generation>,
    /// That names what the step made.
    pub table: Option<GlueTable>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub files: Option<u64>,
}

/// What a step makes.
#[derive(Clone, Debug)]
pub struct OutputFacts {
    pub dataset: Dataset,
    pub columns: Vec<Column>,
    pub sealed_ms: Option<u64>,
    pub published_ms: Option<u64>,
    /// A later publication took its place: it is not there.
    pub superseded: bool,
    /// That names it.
    pub table: Option<GlueTable>,
}

impl StepFacts {
    /// When it was complete.
    pub fn ended_ms(&self) -> Option<u64> {
        let ended = self.output.sealed_ms?.max(self.output.published_ms.unwrap_or_default());
        Some(ended.max(self.planned_ms))
    }
}
