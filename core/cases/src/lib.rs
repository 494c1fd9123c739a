//! Tests of steps: rows that a step is given, and what it is expected to make of them. This crate reads files of tests,
//! with every problem at its place, makes the tables that a worker reads, and compares what the worker made with what was
//! expected. It runs nothing and reads no file.

mod cell;
mod diff;
mod file;
mod fits;
mod fixture;
mod judge;
mod matching;
mod read;
mod same;
mod written;

pub use cell::{Cell, Row, rows_of};
pub use diff::{Diff, DiffCell, DiffLine, Mark};
pub use file::{ExpectedError, File};
pub use fits::{Columns, fits};
pub use fixture::{Fixture, Source, empty, fixture};
pub use judge::{Finding, Made, Ran, judge};
pub use read::{Case, Expect, Given, Input, Named, Rejected, WantedRows, duplicates, read};
pub use same::same;
pub use written::{CaseText, array, row, string};

/// Rows that a step of a test may make: more is no test that a person reads.
pub const MOST_ROWS: u64 = 10_000;

#[cfg(test)]
mod tests;
