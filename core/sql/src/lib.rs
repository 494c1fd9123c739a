//! SQL as Spotmill means it: a query's text over declared schemas becomes a plan with every name resolved and every type
//! known, or is refused with a place and a way out. Nothing here reads data, and no engine is linked.

mod clauses;
pub mod columns;
pub mod describe;
pub mod functions;
pub mod lineage;
mod operators;
pub mod options;
mod ordering;
mod place;
pub mod plan;
mod provider;
pub mod pruning;
pub mod refusal;
mod rows;
mod rules;
mod spelling;
mod syntax;
mod text;
mod using;
mod wording;

pub use describe::describe;
pub use plan::{column_lineage, place, plan};
pub use refusal::Refusal;
