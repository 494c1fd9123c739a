//! The handlers over the local store: a whole run, the interleavings that the design review found (by their numbers),
//! and a failure at every write.

mod again;
mod cleaning;
mod columns;
mod crashes;
mod deploys;
mod drive;
mod interleavings;
mod ports;
mod rungs;
mod runs;
mod sizes;
mod tables;
mod tails;
mod watches;
mod workers;
mod world;
