//! The decisions as tables: each file has one door, `check`, and a case is a few lines.

mod catalog;
mod claim;
mod cost;
mod dead;
mod destination;
mod door;
mod foreseen;
mod generations;
mod listing;
mod machines;
mod packing;
mod pins;
mod plan;
mod publish;
mod reap;
mod seal;
mod shown;
mod tail;
mod tally;
mod verdict;
mod waiting;
