//! ORDER BY as the standard reads it: a bare name is a column of the result, a name inside an expression is a column of
//! FROM, and a column of the result only where FROM has none. The planner prefers the result everywhere. So where both
//! could be meant, the query gets outputs with names of its own and is wrapped in one that gives them their names back.

use crate::syntax::{derived, select};
use spotmill_core::sql::Lines;
use sqlparser::ast::{
    Distinct, Expr, Ident, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Statement, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Bytes of the text at which names begin.
pub type Places = BTreeSet<usize>;

/// Separates the two meanings in every query of the statement. `of_result` are places of names inside expressions that
/// no column of FROM has. Returns the places that could be added to them.
pub fn explicit(statement: &mut Statement, text: &str, of_result: &Places) -> Places {
    let mut wrap = Wrap { lines: Lines::new(text), of_result, open: Places::new() };
    let _ = statement.visit(&mut wrap);
    wrap.open
}

struct Wrap<'a> {
    lines: Lines<'a>,
    of_result: &'a Places,
    open: Places,
}

impl VisitorMut for Wrap<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        order_by_all(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(outputs) = hidden(query) {
            self.rename(query, &outputs);
        }
        ControlFlow::Continue(())
    }
}

/// One column of the result: its name and what it is.
struct Output {
    name: Ident,
    expr: Expr,
}

impl Output {
    fn of(item: &SelectItem) -> Option<Self> {
        let (name, expr) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (alias.clone(), expr),
            SelectItem::UnnamedExpr(expr) => {
                let named = || Ident::with_quote('"', expr.to_string());
                (column_name(expr).cloned().unwrap_or_else(named), expr)
            }
            _ => return None,
        };
        Some(Self { name, expr: expr.clone() })
    }

    fn is_named(&self, name: &Ident) -> bool {
        self.name.value.eq_ignore_ascii_case(&name.value)
    }

    /// Whether its name is that of another thing than the column it shows.
    fn hides(&self, name: &Ident) -> bool {
        self.is_named(name) && !column_name(&self.expr).is_some_and(|column| self.is_named(column))
    }
}

fn column_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// The outputs of a query whose ORDER BY could mean a column of FROM that one of them hides.
fn hidden(query: &Query) -> Option<Vec<Output>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if matches!(select.distinct, Some(Distinct::Distinct)) || select.into.is_some() {
        return None;
    }
    let outputs: Vec<Output> = select.projection.iter().map(Output::of).collect::<Option<_>>()?;
    let mut inner = Vec::new();
    for key in keys(query.order_by.as_ref()?)? {
        if !matches!(key.expr, Expr::Identifier(_) | Expr::Value(_)) {
            let _ = key.expr.visit(&mut Idents(&mut inner));
        }
    }
    inner.iter().any(|name| outputs.iter().any(|output| output.hides(name))).then_some(outputs)
}

fn keys(order: &OrderBy) -> Option<&Vec<OrderByExpr>> {
    match &order.kind {
        OrderByKind::Expressions(keys) => Some(keys),
        OrderByKind::All(_) => None,
    }
}

/// The names of columns in an expression, without those of subqueries of it.
struct Idents<'a>(&'a mut Vec<Ident>);

impl Visitor for Idents<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0.extend(column_name(expr).cloned());
        ControlFlow::Continue(())
    }
}

impl Wrap<'_> {
    fn rename(&mut self, query: &mut Query, outputs: &[Output]) {
        let SetExpr::Select(select) = query.body.as_mut() else { return };
        let internal = |at: usize| Ident::with_quote('"', format!("__output_{at}"));
        for (at, (item, output)) in select.projection.iter_mut().zip(outputs).enumerate() {
            *item = SelectItem::ExprWithAlias { expr: output.expr.clone(), alias: internal(at) };
        }
        let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by else { return };
        for key in keys {
            match &mut key.expr {
                Expr::Identifier(name) => {
                    if let Some(at) = outputs.iter().position(|output| output.is_named(name)) {
                        *name = internal(at);
                    }
                }
                Expr::Value(_) => {}
                expr => {
                    let _ = expr.visit(&mut Inside { wrap: self, outputs });
                }
            }
        }
        let names = outputs.iter().enumerate().map(|(at, output)| SelectItem::ExprWithAlias {
            expr: Expr::Identifier(internal(at)),
            alias: output.name.clone(),
        });
        wrapped(query, names.collect());
    }
}

/// Names inside an expression of ORDER BY.
struct Inside<'w, 'a> {
    wrap: &'w mut Wrap<'a>,
    outputs: &'w [Output],
}

impl VisitorMut for Inside<'_, '_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && let Some(output) = self.outputs.iter().find(|output| output.is_named(name))
        {
            let place = self.wrap.lines.byte(name.span.start);
            if self.wrap.of_result.contains(&place) {
                *expr = Expr::Nested(Box::new(output.expr.clone()));
            } else {
                self.wrap.open.insert(place);
            }
        }
        ControlFlow::Continue(())
    }
}

/// `SELECT names FROM (query)`.
fn wrapped(query: &mut Query, names: Vec<SelectItem>) {
    let inner = Query { with: None, ..query.clone() };
    *query = Query { with: query.with.take(), ..select(names, derived(inner, "__ordered", Vec::new()), None) };
}

/// `ORDER BY ALL`: every column of the result, in order.
fn order_by_all(query: &mut Query) {
    let Some(columns) = width(&query.body) else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by else { return };
    let [key] = keys.as_slice() else { return };
    if !matches!(&key.expr, Expr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("all")) {
        return;
    }
    let number = |n: usize| Expr::Value(Value::Number((n + 1).to_string(), false).into());
    let key = key.clone();
    *keys = (0..columns).map(|n| OrderByExpr { expr: number(n), ..key.clone() }).collect();
}

/// How many columns a body has; nothing where `*` hides it.
fn width(body: &SetExpr) -> Option<usize> {
    let plain = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    match body {
        SetExpr::Select(select) => select.projection.iter().all(plain).then_some(select.projection.len()),
        SetExpr::SetOperation { left, .. } => width(left),
        SetExpr::Query(query) => width(&query.body),
        SetExpr::Values(values) => values.rows.first().map(|row| row.len()),
        _ => None,
    }
}
