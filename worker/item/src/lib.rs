//! One item of a step, in one process: with its bridge the only crate that names Polars. It reads an item's files,
//! having checked every row of text over every declared column; runs SQL or a Rust transform on the streaming engine;
//! writes below the attempt's own prefix and reads back what it wrote. It knows nothing of queues, fleets or runs.

mod arrow_file;
mod as_text;
mod below;
pub mod builtin;
mod bytes;
pub mod check;
mod counter;
mod elementwise;
mod engine;
mod expect;
mod failure;
mod footer;
mod functions;
mod hive;
mod instants;
mod int96;
mod ipc;
pub mod item;
mod loaded;
mod mapped;
mod panics;
mod partition;
mod problem;
mod pruning;
pub mod query;
mod read;
mod scan;
pub mod schema;
mod sql;
mod temporal;
mod text;
mod typed;
mod types;
mod udf;
mod unpacked;
mod usage;
mod wanted;
mod widening;
mod write;

pub use functions::{ENGINE_VERSION, Functions, TransformContext, TransformError, TransformResult};
pub use panics::watch as watch_panics;
pub use polars;
pub use udf::{Arg, IntoUdf, Ret};
