//! The functions as Lambdas: settings from the environment, ports on AWS, and the loop that takes an event and answers
//! with a result or with an error whose type is a constant name.

mod environment;
mod guard;
mod logs;
mod metrics;
mod serve;
mod sqs;

pub use environment::Environment;
pub use serve::{Served, call, main};
