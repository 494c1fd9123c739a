//! What a child process receives and what it reports: one item, one attempt. The supervisor writes an `ItemSpec`,
//! the child (a worker binary, `item` subcommand) writes files below `scratch` and an `ItemOutcome`. The other
//! subcommands of the worker binary (`check`, `schema`, `preview`, `functions`, `about`) speak the types at the end.
//! All of them are JSON; a path is an absolute path on this machine or an `s3://` location.

use crate::ids::{AttemptId, Generation, ItemIndex, RunId, StepName, Uri};
use crate::lineage::ColumnLineage;
use crate::model::{Expect, Layout, Output, Read, RowsRule, Transform};
use crate::types::{Column, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const ITEM_VERSION: u32 = 1;

/// One file to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    pub uri: Uri,
    /// What the store reported when the item was planned; rechecked before the receipt.
    pub etag: String,
    pub bytes: u64,
    /// Set when it is the output of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Set where its bytes lie in an object with others; `etag` is that object's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundled: Option<Bundled>,
}

/// Where a file's bytes are, if not at its location (`bundle`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bundled {
    /// Where it begins in the bundle.
    pub offset: u64,
    /// How many names its location has below the attempt's prefix: so many up lies the bundle.
    pub names: u32,
}

impl Bundled {
    /// Of a file of a receipt.
    pub fn of(file: &OutputFile) -> Option<Self> {
        let names = u32::try_from(file.path.split('/').count()).unwrap_or(u32::MAX);
        file.offset.map(|offset| Self { offset, names })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableInput {
    pub files: Vec<InputFile>,
    pub read: Read,
}

/// `column = value`, pushed down to the scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValueFilter {
    pub column: String,
    pub value: crate::model::ItemValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemSpec {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    /// The worker's declared version that planned the step; another refuses to run.
    pub worker_version: String,
    pub alias: String,
    pub inputs: Vec<InputFile>,
    /// With `columns` filled in whenever the schema is fixed (always for a step's output).
    pub read: Read,
    pub tables: BTreeMap<String, TableInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueFilter>,
    pub params: BTreeMap<String, Value>,
    pub transform: Transform,
    pub output: Output,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowsRule>,
    pub expect: Expect,
    /// The attempt's own prefix; the child writes nowhere else (rejects go below `rejects/`).
    pub scratch: Uri,
    /// A directory on this machine for decompressed and cleaned copies; emptied by the supervisor.
    pub tmp: String,
    pub threads: u32,
    pub memory_bytes: u64,
    /// Whether the child may open connections.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
}

/// A file the attempt wrote. `path` is relative to `scratch`: `{partition}/{part}.parquet`, or `{part}.parquet`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutputFile {
    /// `carrier=AA`, `a=1/b=2`, `bucket=00007`; empty for an unpartitioned output. Values are percent-encoded.
    pub partition: String,
    pub part: u32,
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Where it begins in the attempt's bundle; absent where it is an object of its own. No child says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl OutputFile {
    /// Is it below the prefix that it is relative to, and will it be below its destination?
    pub fn stays_below(&self) -> bool {
        let plain = |path: &str| !path.split('/').any(|name| matches!(name, "" | "." | ".."));
        plain(&self.path) && (self.partition.is_empty() || plain(&self.partition))
    }
}

/// A row that was not parsed, kept in `rejects/rejects.ndjson`, one a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub file: String,
    /// 1-based line on which the row starts, in the decompressed file.
    pub line: u64,
    /// Byte offset of the row's start in the decompressed file.
    pub byte: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub kind: RejectKind,
    pub reason: String,
    /// The row as it stood, invalid UTF-8 replaced.
    pub raw: String,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectKind {
    TooFewFields,
    TooManyFields,
    BadValue,
    InvalidUtf8,
    UnclosedQuote,
    BadEscape,
    RepeatedHeader,
    BadJson,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// `not_null(carrier)`, `unique(a, b)`, `check(distance > 0)`.
    pub expectation: String,
    pub rows: u64,
    /// One offending row, as JSON, for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub wall_ms: u64,
    pub cpu_ms: u64,
    pub peak_bytes: u64,
}

/// Rows or bytes that an item states: a larger number was not counted, and would make sums of many items wrap.
const MAX_COUNT: u64 = 1 << 43;

/// Rows of an item, or of many items together; flat in JSON wherever they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// Of the input as it lay there: read + rejected.
    #[serde(rename = "rows_raw")]
    pub raw: u64,
    /// Given to the transform (before a `values` predicate).
    #[serde(rename = "rows_read")]
    pub read: u64,
    #[serde(rename = "rows_rejected")]
    pub rejected: u64,
    #[serde(rename = "rows_written")]
    pub written: u64,
}

impl RowCounts {
    /// Why these cannot be the counts of an item that wrote `files`.
    pub fn contradiction(&self, files: &[OutputFile]) -> Option<String> {
        let Self { raw, read, rejected, written } = *self;
        let stated = files.iter().flat_map(|f| [f.rows, f.bytes]).chain([raw, read, rejected, written]);
        if let Some(most) = stated.max().filter(|most| *most > MAX_COUNT) {
            return Some(format!("states {most} rows or bytes, of at most {MAX_COUNT}"));
        }
        if read + rejected != raw {
            return Some(format!("does not add up: {raw} raw rows, {read} read and {rejected} rejected"));
        }
        let in_files = files.iter().fold(0u64, |sum, f| sum.saturating_add(f.rows));
        (written != in_files).then(|| format!("says {written} rows written; its files hold {in_files}"))
    }
}

impl std::ops::AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.raw += other.raw;
        self.read += other.read;
        self.rejected += other.rejected;
        self.written += other.written;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemReport {
    pub v: u32,
    #[serde(flatten)]
    pub rows: RowCounts,
    pub files: Vec<OutputFile>,
    /// Relative to `scratch`, when rows were rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<OutputFile>,
    /// Schema of what was written.
    pub columns: Vec<Column>,
    pub violations: Vec<Violation>,
    /// Things worth reporting that are no failure (rows rejected: the first three, for example).
    pub notes: Vec<String>,
    #[serde(default)]
    pub usage: Usage,
}

/// Why an item failed, named for whoever must react.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Bad rows with `on_bad_rows = "fail"`, corrupt files, a missing column.
    BadData,
    /// SQL or a transform failed, or panicked.
    Transform,
    /// A signal nobody sent on purpose, an unexpected exit.
    Crash,
    Timeout,
    /// An input changed while it was read.
    InputChanged,
    /// Another version of the worker than the one that planned the step.
    WorkerVersion,
    /// Memory above the limit (not counted as failed: the next rung).
    Memory,
    /// Throttling, network, credentials, full disk: own back-off, not counted.
    Infra,
    /// The machine goes away; never counted.
    Lost,
    /// It broke its machine repeatedly.
    Poison,
    /// The file system refuses, and would refuse again: a file that is gone, a right that is missing, a name that is
    /// too long.
    Permanent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemFailure {
    pub class: FailureClass,
    /// One sentence: what went wrong, with the file, line or column.
    pub message: String,
    /// What to do about it, if that is clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The input file concerned, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    Done(ItemReport),
    Failed(ItemFailure),
}

/// `about`: who this worker is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub v: u32,
    /// The user's declared version plus our engine version: part of a step's signature.
    pub version: String,
    pub functions: Vec<FunctionInfo>,
    pub transforms: Vec<FunctionInfo>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionInfo {
    pub name: String,
    /// `(int16) -> int16`; for built-in SQL functions, a short signature or empty.
    pub signature: String,
    /// Registered by this worker, not built into the engine.
    pub custom: bool,
    /// What a built-in function does, with an example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<FunctionAbout>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionAbout {
    /// `text`, `number`, `choice`, `time`, `aggregate` or `window`.
    pub kind: String,
    pub description: String,
    /// Other names of the function.
    pub aliases: Vec<String>,
    pub example: String,
    pub result: String,
    /// How DuckDB differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

/// `check`: type-check steps on zero rows, in order. Inputs that are steps take the schema found for that step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckRequest {
    pub v: u32,
    pub steps: Vec<CheckStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckStep {
    pub name: String,
    pub alias: String,
    pub input: CheckInput,
    pub tables: BTreeMap<String, CheckInput>,
    /// SQL with params already bound.
    pub transform: Transform,
    pub params: BTreeMap<String, Value>,
    pub layout: Layout,
    pub sort_by: Vec<String>,
    pub expect: Expect,
    /// Its output leaves the pipeline, in types that every reader has.
    #[serde(default)]
    pub published: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckInput {
    Columns(Vec<Column>),
    /// Columns are in this file's header or footer.
    Sample {
        uri: Uri,
        read: Read,
    },
    Step(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReply {
    pub v: u32,
    /// One for each step, in order; a step whose input failed is `Skipped`.
    pub steps: Vec<CheckedStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedStep {
    Ok {
        input: Vec<Column>,
        tables: BTreeMap<String, Vec<Column>>,
        output: Vec<Column>,
        /// For a column of the output that holds, unchanged, the values of a column of the input: that column.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        origins: BTreeMap<String, String>,
        /// Where the columns of a query come from; nothing of another transform, or of a worker that does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lineage: Option<ColumnLineage>,
    },
    Failed(CheckProblem),
    Skipped,
}

/// Where the place is unknown, `subject` is the identifier, function or expression to look for in the SQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CheckProblem {
    UnknownColumn {
        column: String,
        available: Vec<String>,
    },
    UnknownFunction {
        function: String,
        similar: Option<String>,
    },
    TypeMismatch {
        subject: Option<String>,
        message: String,
    },
    DuplicateColumn {
        column: String,
    },
    UnknownTransform {
        name: String,
        available: Vec<String>,
    },
    /// A key of `output`, `sort_by` or `expect` names a column that the step does not make.
    MissingOutputColumn {
        key: String,
        column: String,
        available: Vec<String>,
    },
    BadSample {
        uri: Uri,
        message: String,
    },
    Other {
        subject: Option<String>,
        message: String,
    },
    /// One of the above, with its place from the planner.
    Placed {
        at: Spot,
        problem: Box<CheckProblem>,
    },
}

/// A place in the SQL that was sent, whose params are bound; line and column from 1, columns count characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    pub sql: String,
    pub line: u64,
    pub column: u64,
}

impl CheckProblem {
    /// The problem without its place.
    pub fn anywhere(self) -> Self {
        match self {
            Self::Placed { at: _, problem } => problem.anywhere(),
            other => other,
        }
    }
}

/// `preview`: the first rows of Parquet, CSV or NDJSON files, rendered as text by the engine's own rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviewReply {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Option<String>>>,
    pub total_rows: u64,
}
