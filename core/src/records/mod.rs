//! The records under `runs/`, each with a version. They are the truth of a run: receipts commit attempts, a seal
//! completes a step, a manifest states what was published. Messages and callbacks are hints and live here too.

mod decisions;
mod deployed;
mod foreseen;
mod lease;
mod manifest;
mod plan;
mod receipt;
mod report;
mod round;
pub(crate) mod seal;
mod waiting;

pub use crate::version::RECORD_VERSION;
pub use decisions::Decisions;
pub use deployed::{Deployed, DeployedWorker, WorkerNeeds, WorkerSettings};
pub use foreseen::{Foreseen, ForeseenStep};
pub use lease::{Lease, RunOutcome, StepGeneration};
pub use manifest::{AfterPublish, GlueTable, Manifest, Published};
pub use plan::{ItemSizes, Pins, Plan, PlanTables, SealedList, Types, WorkItem};
pub use receipt::{FailureRecord, Receipt};
pub use report::{RunEnd, RunReport, StepReport, StepState};
pub use round::{Callback, CallbackKind, VerdictRecord, WorkMessage};
pub use seal::{Checks, Seal, SealedFile};
pub use waiting::{AfterCheck, InputState, InputWait, StepWait};
