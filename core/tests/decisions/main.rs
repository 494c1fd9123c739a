//! The decisions as tables: each file has one door, `check`, and a case is a few lines.

mod claim;
mod door;
mod generations;
mod listing;
mod pins;
mod plan;
mod publish;
mod seal;
mod tally;
mod verdict;
