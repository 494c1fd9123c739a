//! `JOIN … USING (k)` and `NATURAL JOIN` with the standard's meaning, spelled out before a query is planned: every such
//! join gets an ON condition, `k` becomes the key that survives the join (left, right or the first that is not NULL)
//! and `*` becomes the list of columns. A query without such a join is never touched, and no such join is left behind.

mod by_name;
mod from;
mod outputs;
mod select;
mod side;
mod stars;
mod walk;

pub use by_name::constraint;

use crate::refusal::Refusal;
use arrow::datatypes::SchemaRef;
use by_name::joins_by_name;
use sqlparser::ast::Statement;
use std::collections::BTreeMap;
use walk::{Stop, Walk};

/// Replaces every USING and NATURAL of the query.
pub fn explicit(statement: &mut Statement, text: &str, tables: &BTreeMap<String, SchemaRef>) -> Result<(), Refusal> {
    if !joins_by_name(statement) {
        return Ok(());
    }
    let Statement::Query(query) = statement else { return Ok(()) };
    match Walk::new(text, tables).query(query) {
        Ok(_) if joins_by_name(statement) => {
            Err(Refusal::other("a JOIN with USING or NATURAL cannot stand here: write ON".to_owned()))
        }
        Ok(_) | Err(Stop::Undeclared) => Ok(()),
        Err(Stop::Refused(refusal)) => Err(*refusal),
    }
}
