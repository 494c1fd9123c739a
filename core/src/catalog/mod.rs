//! Which call makes a table of AWS Glue name the files of what stands at a destination. A publication with a catalog lies
//! whole in a folder of its own; its table, or the partition of its run, has one location, and one call moves it. So a
//! reader gets the whole of what was, or the whole of what is. Nothing here is remembered: the call follows from the table
//! as it was found, so that it may be lost, repeated, or made by two at once.

mod decide;
mod fit;
mod named;
mod schema;
mod types;

pub use decide::{Found, Next, Wanted, next};
pub use fit::{Claim, fit};
pub use named::named;
pub use schema::merged;
use serde::{Deserialize, Serialize};
pub use types::{fields, hive, is_name};

/// A column of a table, with its type in Hive's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
}
