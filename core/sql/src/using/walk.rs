//! What is carried through a query while its joins are spelled out: the tables, the queries of WITH, the FROM of the selects
//! around; and how the walk ends early.

use super::side::{Columns, Side};
use crate::refusal::{Kind, Refusal};
use arrow::datatypes::SchemaRef;
use spotmill_spec::sql::Lines;
use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;
use std::collections::BTreeMap;

/// Why the walk ends early.
pub(super) enum Stop {
    Refused(Box<Refusal>),
    /// A table that nobody declared: the planner refuses the query and lists which tables there are.
    Undeclared,
}

pub(super) type Answer<T> = Result<T, Stop>;

pub(super) struct Walk<'a> {
    pub(super) lines: Lines<'a>,
    pub(super) tables: &'a BTreeMap<String, SchemaRef>,
    pub(super) ctes: Vec<(String, Columns)>,
    /// FROM of the selects around, the innermost last.
    pub(super) scopes: Vec<Side>,
    /// How many subqueries without a name were given one; None in a select that joins nothing by name.
    pub(super) unnamed: Option<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str, tables: &'a BTreeMap<String, SchemaRef>) -> Self {
        Walk { lines: Lines::new(text), tables, ctes: Vec::new(), scopes: Vec::new(), unnamed: None }
    }

    pub(super) fn refusal(&self, span: Span, message: String) -> Refusal {
        Refusal { span: self.lines.range(span), ..Refusal::other(message) }
    }

    pub(super) fn refuse<T>(&self, span: Span, message: String) -> Answer<T> {
        Err(Stop::Refused(Box::new(self.refusal(span, message))))
    }

    pub(super) fn no_column<T>(&self, ident: &Ident, side: &Side) -> Answer<T> {
        let column = ident.value.clone();
        let of: Vec<&str> = side.relations.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("there is no column `{column}` in `{}`", of.join("`, `"));
        let kind = Kind::UnknownColumn { column: column.clone(), available: side.names() };
        let refusal = Refusal { kind, subject: Some(column), ..self.refusal(ident.span, message) };
        Err(Stop::Refused(Box::new(refusal)))
    }

    pub(super) fn need_columns(&self, side: &Side, span: Span) -> Answer<()> {
        match side.relations.iter().find(|(_, columns)| columns.is_none()) {
            None => Ok(()),
            Some((name, _)) => {
                let message =
                    format!("the columns of `{name}` cannot be known here: write ON a.k = b.k and name the columns");
                self.refuse(span, message)
            }
        }
    }
}
