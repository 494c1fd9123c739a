//! What the kernels answer. The tests promise that each kind of frame, each option and each family of functions is met
//! at its edges: the values were worked out by hand, and those of frames, ranks and positions that DuckDB has too are
//! the same in DuckDB 2.0.1. They never compare the code with itself: the property compares it with the definition.

mod definition;
mod frames;
mod functions;
mod grouped;
mod keys;
mod large;
mod options;
mod positions;
mod property;
mod range;
mod support;
mod user;
