//! Ports: what Spotmill needs of a place to run, in its own types, and the adapters that provide it. A port never
//! decides anything. Each has one contract suite (`contract`) that every adapter passes.

#[cfg(feature = "aws")]
pub mod aws;
pub mod contract;
pub mod local;
pub mod ports;
pub mod records;
#[cfg(feature = "aws")]
pub mod routed;
pub mod several;
