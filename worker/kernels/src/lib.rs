//! Window functions and grouped aggregates over arrays in memory, by DataFusion's own evaluators. It promises one value
//! a row or one value a group, equal to evaluating each frame by itself; what it cannot do is an error. It never reads
//! files, never spawns, never plans, and never answers a sum that does not fit its type.

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
mod overflow;
mod position;
mod range;
mod repeats;
mod window;

pub use call::{GroupedCall, WindowCall};
pub use group::grouped;
pub use keys::sort_to_indices;
pub use window::window;
