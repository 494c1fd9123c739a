//! A little of Fault Injection Service: what is kept of experiments, and the calls that make them.

mod calls;
mod kept;

pub use calls::router;
pub use kept::Experiments;
