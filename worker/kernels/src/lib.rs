//! Window functions and grouped aggregates over arrays in memory, by DataFusion's own evaluators. It promises one value
//! a row or one value a group, equal to evaluating each frame by itself; what it cannot do is an error. It never reads
//! files, never spawns, never plans. Whether a sum fits its type is the matter of the function that adds it up.

mod accumulator;
mod aggregate;
mod call;
mod evaluator;
mod fold;
mod frame;
mod group;
mod keys;
mod layout;
mod offset;
mod position;
mod range;
mod repeats;
mod spans;
mod window;

pub use call::{GroupedCall, WindowCall};
pub use group::grouped;
pub use window::window;
