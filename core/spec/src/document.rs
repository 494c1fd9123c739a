//! A TOML file of ours that is no pipeline: its keys and types are checked as those of a pipeline are, and every value
//! keeps its place. What the values mean is its reader's.

use super::problem::{Problem, arrange};
use super::schema::schema_of;
use super::shape::Shape;
use super::tree::{self, Node};
use super::{Sources, not_toml};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// The file by its types and as a tree with places, or everything that is wrong with its shape. `owner` is what the whole
/// file is in messages: `a file of tests`.
pub fn document<T: DeserializeOwned + JsonSchema>(sources: &Sources, owner: &str) -> Result<(T, Node), Vec<Problem>> {
    let (root, failures) = tree::parse(&sources.toml);
    if !failures.is_empty() {
        return Err(arrange(failures.into_iter().map(|f| not_toml(sources, f)).collect(), sources));
    }
    let schema = schema_of::<T>();
    let mut shape = Shape::new(&sources.path, owner, &schema);
    let clean = shape.clean(&root);
    let mut problems = shape.problems;
    match T::deserialize(clean) {
        Ok(file) if problems.is_empty() => return Ok((file, root)),
        Err(error) if problems.is_empty() => problems.push(Problem::error("bad-value", error.message().to_owned())),
        Ok(_) | Err(_) => {}
    }
    Err(arrange(problems, sources))
}
