//! The ledger against a fleet computed by hand, its sums as properties, and the comparison against a worked example.

mod bill;
mod example;
mod hand;
mod properties;
