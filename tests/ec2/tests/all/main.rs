//! The local EC2 endpoint, asked with AWS's own SDK.

mod bin;
mod catalogue;
mod ends;
mod faults;
mod fleets;
mod harness;
mod instances;
mod requests;
mod templates;
