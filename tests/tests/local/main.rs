//! Runs on this machine through the real programs.

mod again;
mod bad_input;
mod chaos;
mod flights;
mod functions;
mod messages;
mod sql;
mod sql_duckdb;
