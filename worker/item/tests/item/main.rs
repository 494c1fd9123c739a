//! One item in this process: what it reads, what it refuses, what its query means and what it writes.

mod accept;
mod arrow;
mod chunks;
mod common;
mod functions;
mod outcome;
mod parquet;
mod pruning;
mod query;
mod reading;
mod reading_docs;
mod round_trip;
mod schema;
mod sql_golden;
mod wrong_in_polars;
