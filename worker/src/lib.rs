//! The worker as a library: a user's own crate lists its functions and transforms and calls `main`; nobody forks
//! us. The supervisor starts the program once and forks a process of it for each item; the command line has it list its functions and check steps.
//!
//! ```no_run
//! use spotmill_worker::Worker;
//! fn main() -> std::process::ExitCode {
//!     Worker::new().version("1").udf("minute_of_day", |hhmm: i16| hhmm / 100 * 60 + hhmm % 100).main()
//! }
//! ```
//!
//! The program starts in half the time if it is not position-independent: see `build.rs` beside this crate.

mod args;
mod boot;
mod confine;
mod environment;
mod filter;
mod fork_server;
mod logs;
mod queries;
mod reference;
mod rights;
mod run;
mod serve;

pub use spotmill_item::{Arg, IntoUdf, Ret, TransformContext, TransformError, TransformResult, polars};

use spotmill_item::Functions;
use std::process::ExitCode;

/// The engine allocates and frees from many threads at once, which the system's allocator is slow at.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A worker program: its own functions and transforms, and `main`.
#[derive(Default)]
pub struct Worker {
    functions: Functions,
}

impl Worker {
    pub fn new() -> Self {
        Self::default()
    }

    /// A closure as a SQL function: one to four arguments of `i8`…`i64`, `u8`…`u64`, `f32`, `f64`, `bool`, `&str`
    /// or `String`. NULL in gives NULL out, unless an argument is an `Option`; it may return one as well.
    ///
    /// # Panics
    /// If the name is taken, or no lower-case SQL identifier.
    #[must_use]
    pub fn udf<M>(mut self, name: &str, function: impl IntoUdf<M>) -> Self {
        self.functions.udf(name, function);
        self
    }

    /// A function from lazy frames to a lazy frame, for `transform = "name"`.
    ///
    /// # Panics
    /// As `udf`.
    #[must_use]
    pub fn transform(
        mut self,
        name: &str,
        transform: impl Fn(TransformContext) -> TransformResult + Send + Sync + 'static,
    ) -> Self {
        self.functions.transform(name, transform);
        self
    }

    /// Change it when a function's results change: a step planned for another version is done anew.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.functions.version(version);
        self
    }

    /// Runs the command line. Exits 0 when done, 10 when an item failed, 2 for a wrong command line, 1 otherwise.
    pub fn main(self) -> ExitCode {
        run::main(&self.functions)
    }
}
