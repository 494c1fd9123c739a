//! Runs on this machine through the real programs.

mod again;
mod arrivals;
mod bad_input;
mod chaos;
mod cost;
mod examples;
mod explain;
mod flights;
mod functions;
mod messages;
mod own_worker;
mod pasted;
mod s3;
mod screen;
mod sql;
mod sql_duckdb;
mod step_tests;
