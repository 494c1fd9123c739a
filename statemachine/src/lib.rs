//! The two state machines of Spotmill, and an interpreter for the subset of the Amazon States Language they use.
//!
//! Promises: [`Machine::parse`] accepts only what [`step`] can run and names the state and field of anything else;
//! [`step`] is a function of its arguments (time and chance are two of them), answers every event in every state, and
//! never panics on one. Never: no clock, no threads, no I/O, no AWS. A driver obeys the commands and reports back:
//!
//! ```
//! use spotmill_statemachine::{Command, Event, Execution, Machine, Moment, PIPELINE_ASL, Status, Substitutions};
//! use spotmill_statemachine::{next_deadline, step};
//! use serde_json::json;
//!
//! let names = [("BeginFunction", "begin"), ("AwaitInputFunction", "await-input"), ("ReportFunction", "report"),
//!     ("StepStateMachine", "step")];
//! let names: Substitutions = names.map(|(name, stands_for)| (name.into(), stands_for.into())).into();
//! let machine = Machine::parse(PIPELINE_ASL, &names).unwrap();
//!
//! let mut execution = Execution::default();
//! let start = Event::Start { id: "run-1".into(), name: "run-1".into(), input: json!({"pipeline": "flights"}) };
//! let mut events = std::collections::VecDeque::from([start]);
//! while !execution.has_ended() {
//!     // A real driver sleeps until an event comes or `next_deadline` has passed, and then sends `Event::Tick`.
//!     let event = events.pop_front().unwrap_or(Event::Tick);
//!     let now_ms = next_deadline(&execution).filter(|_| event == Event::Tick).unwrap_or(0);
//!     let stepped = step(&machine, execution, event, Moment { now_ms, chance: 0.5 });
//!     execution = stepped.execution;
//!     for command in stepped.commands {
//!         match command {
//!             Command::Invoke { task, function, .. } if function == "begin" => {
//!                 let payload = json!({"run": "flights/2024-01-05", "steps": ["load"], "count": 1, "awaits": false});
//!                 events.push_back(Event::TaskSucceeded { task, payload });
//!             }
//!             Command::Invoke { task, .. } => events.push_back(Event::TaskSucceeded { task, payload: json!({}) }),
//!             // Here the driver would run a second machine, and report its end.
//!             Command::StartExecution { task, .. } => {
//!                 events.push_back(Event::ChildSucceeded { task, execution: "child-1".into(), output: json!({}) });
//!             }
//!             Command::Succeeded { output } => println!("{output}"),
//!             other => panic!("not in this example: {other:?}"),
//!         }
//!     }
//! }
//! assert!(matches!(execution.status(), Status::Succeeded { .. }));
//! assert_eq!(execution.states_visited(), ["Begin", "MustWait", "More", "RunStep", "More", "Report"]);
//! ```

mod execution;
mod fields;
mod graph;
mod machine;
mod messages;
mod names;
mod parse;
mod problem;
mod query;
mod run;
mod step;
mod task;

pub use execution::{Execution, Happened, Record, Status};
pub use machine::{Catcher, Choice, Integration, Jitter, Machine, Retrier, Rule, State, Task};
pub use messages::{Answer, ChildEnd, Command, Event, Moment, Refusal, TaskId};
pub use parse::Substitutions;
pub use problem::ParseError;
pub use query::{QueryError, Template};
pub use step::{Stepped, next_deadline, step};

/// The definition of the machine that runs a pipeline: begin, one `step` execution a step, report.
pub const PIPELINE_ASL: &str = include_str!("../pipeline.asl.json");
/// The definition of the machine that runs one step: plan, rounds, verdict, publish.
pub const STEP_ASL: &str = include_str!("../step.asl.json");

/// Bytes of JSON that a state's payload or result may have (Step Functions: 256 KiB); more is
/// `States.DataLimitExceeded`.
pub const PAYLOAD_BYTES: usize = 262_144;
/// Records a history may have before the execution fails with `States.Runtime` (Step Functions: 25,000 events).
pub const HISTORY_RECORDS: usize = 25_000;
