//! The ports on AWS. The only place that names the SDKs.

pub mod config;

pub use config::Aws;
