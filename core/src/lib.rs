//! Pure data and decisions of Spotmill: names, keys, the pipeline model, wire records and the functions that
//! decide. Nothing in this crate is async, reads a clock, an environment, a file or a random number, or
//! depends on AWS or Polars: whatever a decision needs is an argument.

pub mod agreed;
mod architecture;
pub mod backoff;
pub mod bounds;
pub mod bucket;
pub mod calls;
pub mod catalog;
pub mod claim;
pub mod command;
pub mod cpu;
pub mod dead;
pub mod destination;
pub mod digest;
pub mod endings;
pub mod fleet;
pub mod foreseen;
pub mod format;
pub mod generations;
pub mod history;
pub mod hive;
pub mod ids;
pub mod item;
pub mod json_path;
pub mod keys;
pub mod life;
pub mod lineage;
pub mod listing;
pub mod location;
pub mod model;
pub mod nearest;
pub mod pins;
pub mod plan;
pub mod publish;
pub mod rates;
pub mod reading;
pub mod reap;
pub mod reason;
pub mod records;
pub mod seal;
pub mod signature;
pub mod tally;
pub mod types;
pub mod verdict;
pub mod version;
pub mod waiting;
