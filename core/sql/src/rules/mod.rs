//! What `docs/sql.md` states of the meaning of SQL, as rules over plans. `meaning` makes it explicit before types are
//! coerced, `subqueries` brings subqueries to forms that can be joined, `last` refuses what is left over.

mod columns;
pub mod distinct_on;
pub mod except;
mod floats;
mod frames;
pub mod grouping;
pub mod last;
pub mod lifted;
pub mod meaning;
pub mod members;
pub mod micros;
pub mod outer;
pub mod same_names;
pub mod sets;
pub mod subqueries;
pub mod unjoinable;
pub mod unnest;
