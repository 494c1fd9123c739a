//! DISTINCT, FILTER, ORDER BY and IGNORE NULLS of a call stay with the function that they belong to: the parser gives
//! `first_value(f(x) IGNORE NULLS)` to `f`, and the planner drops them from functions of a row without a word.

use crate::functions::registry::built_in;
use crate::refusal::Refusal;
use spotmill_spec::sql::Lines;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, NullTreatment, Spanned, Statement, VisitMut,
    VisitorMut,
};
use std::ops::ControlFlow;

/// Gives every clause to its function, or refuses it.
pub fn settle(statement: &mut Statement, text: &str) -> Result<(), Refusal> {
    match statement.visit(&mut Settle { lines: Lines::new(text) }) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Settle<'a> {
    lines: Lines<'a>,
}

impl VisitorMut for Settle<'_> {
    type Break = Refusal;

    /// Outer calls come first, and take what their last argument was given.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        let span = expr.span();
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if function.null_treatment.is_none() {
            function.null_treatment = of_last_argument(function);
        }
        let name = function.name.to_string().to_lowercase();
        let functions = built_in();
        if function.over.is_some() && functions.scalars.contains_key(&name) && !functions.windows.contains_key(&name) {
            let message = format!("`{name}` is no window function: leave OVER out");
            return ControlFlow::Break(Refusal { span: self.lines.range(span), ..Refusal::other(message) });
        }
        if function.over.is_some() || built_in().aggregates.contains_key(&name) || !has_clauses(function) {
            return ControlFlow::Continue(());
        }
        let message = format!(
            "`{name}` takes a row at a time: DISTINCT, FILTER, ORDER BY and IGNORE NULLS belong to aggregates and windows"
        );
        ControlFlow::Break(Refusal { span: self.lines.range(span), ..Refusal::other(message) })
    }
}

fn of_last_argument(function: &mut Function) -> Option<NullTreatment> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    match list.args.last_mut()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(inner))) if inner.over.is_none() => {
            inner.null_treatment.take()
        }
        _ => None,
    }
}

fn has_clauses(function: &Function) -> bool {
    let listed = match &function.args {
        FunctionArguments::List(list) => list.duplicate_treatment.is_some() || !list.clauses.is_empty(),
        _ => false,
    };
    listed || function.filter.is_some() || function.null_treatment.is_some() || !function.within_group.is_empty()
}
