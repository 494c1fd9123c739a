//! A machine's work, from the lease of an item to its receipt: with children that are scripts, and in virtual time.

mod bundles;
mod commits;
mod common;
mod endings;
mod faults;
mod leaving;
mod life;
mod own_user;
mod processes;
mod simulated;
