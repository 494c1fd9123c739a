//! Where a query is refused, when whoever refuses it does not report it: the smallest expression without which the
//! refusal is another one. Each is tried in turn with NULL in its place, from the outermost down.

use sqlparser::ast::{Expr, Spanned, Statement, Value, VisitMut, VisitorMut, visit_expressions};
use sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

/// So many queries are planned to find a place.
const MOST_TRIES: usize = 200;

/// The place of the expression that `is_refused` speaks of.
pub fn of(statement: &Statement, is_refused: impl Fn(Statement) -> bool) -> Option<Span> {
    let exprs = exprs(statement);
    let (mut at, mut end) = (0, exprs.len());
    let mut found = None;
    for _ in 0..MOST_TRIES {
        if at >= end {
            break;
        }
        let node = &exprs[at];
        match is_refused(without(statement, &node.expr)) {
            // What is refused stands elsewhere.
            true => at += node.size,
            false => {
                found = node.span.or(found);
                end = at + node.size;
                at += 1;
            }
        }
    }
    found
}

/// An expression, and how many there are from it down to its leaves.
struct Node {
    expr: Expr,
    size: usize,
    span: Option<Span>,
}

/// Every expression, each before its parts.
fn exprs(statement: &Statement) -> Vec<Node> {
    let mut nodes = Vec::new();
    let _ = visit_expressions(statement, |expr| {
        nodes.push(Node { expr: expr.clone(), size: size(expr), span: span(expr) });
        ControlFlow::<()>::Continue(())
    });
    nodes
}

fn size(expr: &Expr) -> usize {
    let mut count = 0;
    let _ = visit_expressions(expr, |_| {
        count += 1;
        ControlFlow::<()>::Continue(())
    });
    count
}

fn span(expr: &Expr) -> Option<Span> {
    let located = |span: Span| Some(span).filter(|span| span.start.line > 0);
    located(expr.span()).or_else(|| {
        match visit_expressions(expr, |part| located(part.span()).map_or(ControlFlow::Continue(()), ControlFlow::Break))
        {
            ControlFlow::Break(span) => Some(span),
            ControlFlow::Continue(()) => None,
        }
    })
}

/// The statement with NULL in place of the expression, wherever it stands: also in GROUP BY, for example.
fn without(statement: &Statement, expr: &Expr) -> Statement {
    struct Without<'a>(&'a Expr);
    impl VisitorMut for Without<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if expr == self.0 {
                *expr = Expr::Value(Value::Null.into());
            }
            ControlFlow::Continue(())
        }
    }
    let mut statement = statement.clone();
    let _ = statement.visit(&mut Without(expr));
    statement
}
