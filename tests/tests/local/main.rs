//! Runs on this machine through the real programs.

mod again;
mod arrivals;
mod backfill;
mod bad_input;
mod catalog;
mod chaos;
mod confined;
mod cost;
mod diff;
mod docs;
mod examples;
mod explain;
mod flights;
mod functions;
mod lineage;
mod messages;
mod openlineage;
mod own_worker;
mod pasted;
mod report;
mod s3;
mod screen;
mod sql;
mod sql_duckdb;
mod step_tests;
mod waits;
