//! The handlers over the local store: a whole run, the interleavings that the design review found, and a failure at
//! every write.

mod bundles;
mod cleaning;
mod columns;
mod crashes;
mod deploys;
mod drive;
mod fleet_events;
mod foreign;
mod foreseen;
mod glue;
mod hooks;
mod interleavings;
mod lineage_events;
mod pages;
mod ports;
mod restart;
mod rungs;
mod runs;
mod sizes;
mod tables;
mod tails;
mod waits;
mod watches;
mod workers;
mod world;
