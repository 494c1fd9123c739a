//! The two state machines of Spotmill, and an interpreter for the subset of the Amazon States Language they use.
//!
//! Promises: [`Machine::parse`] accepts only what [`step`] can run and names the state and field of anything else;
//! [`step`] is a function of its arguments (time and chance are two of them), answers every event in every state, and
//! never panics on one. Never: no clock, no threads, no I/O, no AWS. A driver obeys the commands and reports back.

mod execution;
mod graph;
mod machine;
mod messages;
mod names;
mod parse;
mod query;
mod run;
mod step;

pub use execution::{Execution, Happened, Record, Status};
pub use machine::{Catcher, Choice, Integration, Jitter, Machine, Retrier, Rule, State, Task};
pub use messages::{Answer, ChildEnd, Command, Event, Moment, Refusal, Stepped, TaskId};
pub use parse::{ParseError, Substitutions};
pub use query::{QueryError, Template};
pub use step::{next_deadline, step};

/// The definition of the machine that runs a pipeline: begin, one `step` execution a step, report.
pub const PIPELINE_ASL: &str = include_str!("../pipeline.asl.json");
/// The definition of the machine that runs one step: plan, rounds, verdict, publish.
pub const STEP_ASL: &str = include_str!("../step.asl.json");

/// Bytes of JSON that a state's payload or result may have (Step Functions: 256 KiB); more is `States.DataLimitExceeded`.
pub const PAYLOAD_BYTES: usize = 262_144;
/// Records a history may have before the execution fails with `States.Runtime` (Step Functions: 25,000 events).
pub const HISTORY_RECORDS: usize = 25_000;
