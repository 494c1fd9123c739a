//! Launch templates and their versions, as EC2 keeps them: versions are numbered from 1 and never change.

mod actions;
mod template;
mod versions;

pub use actions::{create, delete, describe, modify};
pub use template::{Template, Version, user_data};
pub use versions::{create_version, delete_versions, describe_versions};
