//! Reports of runs that never were: what the page says, how large it is, and that nothing from outside is markup.

mod contrast;
mod golden;
mod headline;
mod page;
mod sample;
mod samples;
mod size;
mod structure;
