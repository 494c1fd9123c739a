//! What `--json` prints: one event a line, with `v` and `event`. This is the only place that makes such a line, and
//! `docs/events.schema.json` is its published schema. A name has one shape, whichever command prints it.

mod difference;
mod parts;

pub use difference::{Change, ColumnDifference, Difference, Example, Field, Retyped};
pub use parts::{
    Beside, CostReport, DefinitionChange, FleetAsked, MachineNow, MissingMachine, Published, Reconciliation, RunEnded,
    StepColumns, StepSummary,
};
#[cfg(feature = "aws")]
pub use parts::{FleetSize, LeftOut};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use spotmill_cases::Finding;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::item::{FunctionInfo, ItemReport, RowCounts};
use spotmill_core::life::InstanceRecord;
use spotmill_core::reason::Reason;
use spotmill_core::records::{AfterCheck, DeployedWorker, FailureRecord, Receipt, RunReport, StepWait, WorkItem};
use spotmill_core::types::Column;
use spotmill_lambdas::explain::Explained;
use spotmill_lambdas::lineage::Lineage;
use spotmill_lambdas::lineage_columns::StepLineage;
use spotmill_spec::Problem;
use std::io::Write;

const VERSION: u32 = 1;

/// The progress of a run, or what a command answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins on this machine.
    RunStarted {
        run: String,
        slots: u32,
        steps: Vec<String>,
    },
    /// A run that goes on elsewhere, whether it is watched or not.
    RunFollowed {
        run: String,
        place: String,
        steps: Vec<String>,
    },
    /// What a run waits for is not there; another check follows, or it goes on without.
    InputAwaited {
        run: String,
        next: AfterCheck,
        /// `read: 21 of 24 files, last 04:51 UTC`.
        message: String,
        pause_secs: u64,
    },
    StepPlanned {
        run: String,
        step: String,
        generation: u32,
        items: u32,
        todo: u32,
        /// Why something is done again.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    ItemStarted {
        step: String,
        item: u32,
        attempt: String,
    },
    ItemDone {
        step: String,
        item: u32,
        #[serde(flatten)]
        rows: RowCounts,
        peak_bytes: u64,
        wall_ms: u64,
    },
    ItemFailed {
        step: String,
        item: u32,
        class: String,
        message: String,
        retry: bool,
        /// How soon, where that is decided.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// Items committed so far, where they are not reported one by one.
    StepProgress {
        step: String,
        items: u32,
        committed: u32,
    },
    StepSealed {
        step: String,
        #[serde(flatten)]
        rows: RowCounts,
        wall_ms: u64,
    },
    StepFailed {
        step: String,
        error: String,
    },
    /// A remark.
    Note {
        message: String,
    },
    RunEnded(Box<RunEnded>),

    /// What a command ends with when it cannot do what it was asked to; `code` is its exit code.
    Error {
        message: String,
        remedy: Option<String>,
        code: u8,
    },
    /// Something in the pipeline's files that is wrong or suspicious.
    Problem {
        problem: Problem,
    },
    /// `--version`: what a report of a fault has to name. The engine is that of the worker that is at hand.
    Version {
        version: String,
        commit: Option<String>,
        engine: Option<String>,
        target: String,
        features: Vec<String>,
        worker: Option<String>,
    },
    /// `init`: the files of a first pipeline, and the command to type next.
    Written {
        files: Vec<String>,
        next: String,
    },
    /// `validate`: the columns that each step makes.
    Valid {
        steps: Vec<StepColumns>,
    },
    /// `test`, `validate --tests`: a test; without findings it passed.
    Tested {
        name: String,
        step: String,
        file: String,
        line: usize,
        passed: bool,
        findings: Vec<Finding>,
    },
    /// `test`, `validate --tests`: the end.
    TestsEnded {
        passed: usize,
        failed: usize,
        wall_ms: u64,
    },
    /// `schema`: the columns of a file or a step.
    Columns {
        columns: Vec<Column>,
    },
    /// `functions`: one function or all.
    Functions {
        functions: Vec<FunctionInfo>,
        transforms: Vec<FunctionInfo>,
    },
    /// `sql`: the result, or where it lies.
    Query {
        rows: u64,
        columns: Vec<Column>,
        #[serde(skip_serializing_if = "Option::is_none")]
        preview: Option<Vec<Vec<Option<String>>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<String>,
    },
    /// `plan`: what a run would do of a step; numbers of items are null until the steps before it are complete.
    Planned {
        step: String,
        generation: u32,
        because: Option<String>,
        items: Option<usize>,
        todo: Option<usize>,
        files: usize,
        bytes: u64,
        /// How what it waits for stands.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<StepWait>,
    },
    /// `explain`: what a start would do of a step, and why. `show --why`: what the last one did.
    Explained {
        run: RunId,
        #[serde(flatten)]
        step: Box<Explained>,
        /// Changes of its definition, with `--diff`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        changes: Vec<DefinitionChange>,
    },
    /// `explain --items`, `show STEP --why`: what becomes of an item; `hit` is reused.
    ItemDecided {
        run: RunId,
        step: String,
        item: u32,
        hit: bool,
        reason: Reason,
    },
    /// `plan --fleet`: the machines that a step would ask for.
    Fleet(Box<FleetAsked>),
    /// `item`: an item that was replayed on this machine, with nothing committed.
    ItemReplayed {
        step: String,
        item: u32,
        report: ItemReport,
    },
    /// `runs` and `show`: a run as its records have it.
    Run {
        state: String,
        report: RunReport,
    },
    /// `runs --calendar`: a day of a pipeline: `missing` where there is no run, else the state of the worst.
    Day {
        pipeline: String,
        date: String,
        state: String,
        runs: u32,
    },
    /// `show STEP`: an item, what it committed, and how attempts at it failed: in a list of items the last of those
    /// without a receipt, for one item all.
    Item {
        work: WorkItem,
        receipt: Box<Option<Receipt>>,
        failures: Vec<FailureRecord>,
    },
    /// `show STEP`: a machine of the fleet, by its own record.
    Machine {
        machine: InstanceRecord,
    },
    /// `lineage`: what a file was made of; with --columns where the columns come from, the last step first.
    Lineage {
        #[serde(flatten)]
        lineage: Box<Lineage>,
        #[serde(skip_serializing_if = "Option::is_none")]
        columns: Option<Vec<StepLineage>>,
    },
    /// `lineage --send`: events of a run that an endpoint has taken.
    LineageSent {
        run: String,
        url: String,
        events: usize,
    },
    /// `diff`: how two results differ.
    Diff(Box<Difference>),
    /// `cost`: what a run or a month cost.
    Cost(Box<CostReport>),
    /// `cost --reconcile`: how that compares with what AWS billed.
    Reconcile(Box<Reconciliation>),
    /// `report`: everything that a run's page says; `report-page.json` beside the run's records is the `report` of it.
    Report {
        /// The page, if it was written.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        report: Box<spotmill_report::Report>,
    },
    /// `spotmill` alone: what there is here and what to type next.
    Next {
        state: String,
        commands: Vec<String>,
    },
    /// `gc`: files that nobody needs any more.
    Waste {
        what: String,
        files: u64,
        bytes: u64,
        deleted: bool,
    },
    /// `doctor`: a check.
    Finding {
        what: String,
        grade: String,
        message: String,
        remedy: Option<String>,
    },
    /// `doctor`: the end of its checks.
    Examined {
        account: String,
        #[serde(rename = "as")]
        identity: String,
        problems: usize,
        warnings: usize,
        /// Checks that could not be made; none counts as passed.
        unchecked: usize,
        /// With `--deep`, what a start would meet: `works`, `refused`, or `unknown` where a check could not be made.
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<String>,
    },
    /// `smoke`: a part, what was expected of it and what was seen. `verdict`: `ok`, `different` or `not_tried`.
    Smoked {
        part: String,
        verdict: String,
        expected: String,
        seen: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        remedy: Option<String>,
    },
    /// `smoke`: its end, with what it made and could not remove.
    SmokeEnded {
        ok: usize,
        different: usize,
        not_tried: usize,
        usd: f64,
        left: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        page: Option<String>,
    },
    /// `worker build`: a worker that `deploy` takes.
    WorkerBuilt {
        architecture: String,
        glibc: Option<String>,
        program: String,
        bytes: u64,
    },
    Deployed {
        stack: String,
        root: String,
        pipeline: String,
        digest: String,
        worker: DeployedWorker,
    },
    Destroyed {
        stack: String,
        bucket: Option<String>,
    },
    /// `start`: an execution on AWS has begun.
    Started {
        run: RunId,
        execution: ExecutionId,
    },
    Stopped {
        run: RunId,
        executions: u32,
        fleets: usize,
        committed: u64,
        items: u64,
    },
    Status {
        run: RunId,
        state: String,
        cause: Option<String>,
        report: RunReport,
        machines: Vec<MachineNow>,
        fleets: usize,
    },
}

#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl Event {
    /// Prints the event. A reader that went away must not end what goes on.
    pub fn print(&self) {
        let _ = std::io::stdout().lock().write_all(self.line().as_bytes());
    }

    /// The event as a line, for whoever has to know whether it was written.
    pub fn line(&self) -> String {
        let line = serde_json::to_string(&Line { v: VERSION, event: self });
        line.map(|line| format!("{line}\n")).unwrap_or_default()
    }

    /// A remark for programs.
    pub fn note(message: impl Into<String>) -> Event {
        Event::Note { message: message.into() }
    }
}

/// JSON Schema (2020-12) of one line.
pub fn json_schema() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Line<'_>>();
    schema.insert("title".to_owned(), "A line that spotmill --json prints".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs read the schema from `docs/`; `spotmill schema --events` prints it.
    #[test]
    fn the_published_schema_is_this_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.schema.json");
        let text = format!("{}\n", serde_json::to_string_pretty(&json_schema()).expect("JSON"));
        if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
            std::fs::write(&path, &text).expect("docs/ can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let path = path.display();
        assert!(published == text, "docs/events.schema.json is old: run `spotmill schema --events > {path}`");
    }

    #[test]
    fn row_counts_lie_flat_in_a_line() {
        let rows = RowCounts { raw: 5, read: 3, rejected: 2, written: 1 };
        let event = Event::StepSealed { step: "a".to_owned(), rows, wall_ms: 9 };
        let line = serde_json::to_string(&Line { v: VERSION, event: &event }).expect("JSON");
        let flat = r#""rows_raw":5,"rows_read":3,"rows_rejected":2,"rows_written":1"#;
        assert_eq!(line, format!(r#"{{"v":1,"event":"step_sealed","step":"a",{flat},"wall_ms":9}}"#));
    }
}
