//! The EC2 query protocol: form in, XML out. Knows nothing of fleets.

pub mod echo;
pub mod error;
pub mod form;
pub mod page;
pub mod xml;

pub use error::{Answer, Ec2Error};
pub use form::Tree;
pub use xml::Xml;
