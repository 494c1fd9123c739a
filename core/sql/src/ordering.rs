//! ORDER BY as the standard reads it: a bare name is a column of the result, a name inside an expression is a column of
//! FROM, and a column of the result only where FROM has none. The planner prefers the result everywhere. So where both
//! could be meant, the query gets outputs with names of its own and is wrapped in one that gives them their names back.

use crate::refusal::Refusal;
use crate::syntax::{derived, select};
use spotmill_spec::sql::Lines;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Statement,
    Value, Visit, VisitMut, Visitor, VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Bytes of the text at which names begin.
pub type Places = BTreeSet<usize>;

/// Separates the two meanings in every query of the statement. `of_result` are places of names inside expressions that
/// no column of FROM has. Returns the places that could be added to them.
pub fn explicit(statement: &mut Statement, text: &str, of_result: &Places) -> Result<Places, Refusal> {
    let mut wrap = Wrap { lines: Lines::new(text), of_result, open: Places::new() };
    match statement.visit(&mut wrap) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(wrap.open),
    }
}

struct Wrap<'a> {
    lines: Lines<'a>,
    of_result: &'a Places,
    open: Places,
}

impl VisitorMut for Wrap<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refusal> {
        order_by_all(query);
        order_by_selected(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refusal> {
        let Some(outputs) = hidden(query) else { return ControlFlow::Continue(()) };
        if matches!(query.body.as_ref(), SetExpr::Select(select) if matches!(select.group_by, GroupByExpr::All(_))) {
            let message = "ORDER BY uses a column that a name of the result hides: list the groups in place of ALL";
            return ControlFlow::Break(Refusal::other(message.to_owned()));
        }
        self.rename(query, &outputs);
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
    /// The keys become columns of the query, and the one around it sorts by them.
    fn rename(&mut self, query: &mut Query, outputs: &[Output]) {
        let SetExpr::Select(select) = query.body.as_mut() else { return };
        let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by else { return };
        let mut inside = Inside { wrap: self, outputs };
        let _ = VisitMut::visit(&mut select.group_by, &mut inside);
        let _ = VisitMut::visit(&mut select.having, &mut inside);
        let _ = VisitMut::visit(&mut select.qualify, &mut inside);
        let internal = |at: usize| Ident::with_quote('"', format!("__output_{at}"));
        for (at, (item, output)) in select.projection.iter_mut().zip(outputs).enumerate() {
            *item = SelectItem::ExprWithAlias { expr: output.expr.clone(), alias: internal(at) };
        }
        let mut inner = keys.clone();
        for (at, (key, inner)) in keys.iter_mut().zip(&mut inner).enumerate() {
            if let Some(output) = output_of(&key.expr, outputs) {
                inner.expr = Expr::Nested(Box::new(outputs[output].expr.clone()));
                key.expr = Expr::Identifier(internal(output));
                continue;
            }
            let _ = VisitMut::visit(&mut inner.expr, &mut Inside { wrap: self, outputs });
            let name = Ident::with_quote('"', format!("__key_{at}"));
            key.expr = Expr::Identifier(name.clone());
            select.projection.push(SelectItem::ExprWithAlias { expr: inner.expr.clone(), alias: name });
        }
        let names = outputs.iter().enumerate().map(|(at, output)| SelectItem::ExprWithAlias {
            expr: Expr::Identifier(internal(at)),
            alias: output.name.clone(),
        });
        // DISTINCT ON keeps the first row of its own order.
        let first = matches!(select.distinct, Some(Distinct::On(_))).then_some(inner);
        wrapped(query, names.collect(), first);
    }
}

/// The column of the result that a key names or counts to.
fn output_of(key: &Expr, outputs: &[Output]) -> Option<usize> {
    match key {
        Expr::Identifier(name) => outputs.iter().position(|output| output.is_named(name)),
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < outputs.len()),
            _ => None,
        },
        _ => None,
    }
}

/// Names inside an expression of ORDER BY, GROUP BY, HAVING or QUALIFY.
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

/// `SELECT names FROM (query)` in the query's order, with its LIMIT.
fn wrapped(query: &mut Query, names: Vec<SelectItem>, order: Option<Vec<OrderByExpr>>) {
    let plain = select(Vec::new(), Vec::new(), None);
    let mut inner =
        Query { body: std::mem::replace(&mut query.body, plain.body), ..select(Vec::new(), Vec::new(), None) };
    if let Some(keys) = order {
        inner.order_by = Some(OrderBy { kind: OrderByKind::Expressions(keys), interpolate: None });
    }
    query.body = select(names, vec![derived(inner, "__ordered", Vec::new())], None).body;
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

/// Below DISTINCT, what ORDER BY repeats of the select list is that column.
fn order_by_selected(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by else { return };
    if !matches!(select.distinct, Some(Distinct::Distinct)) {
        return;
    }
    let selected: Vec<Option<&Expr>> = select
        .projection
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
        .collect();
    if selected.iter().any(Option::is_none) {
        return;
    }
    for key in keys {
        if !matches!(key.expr, Expr::Identifier(_) | Expr::Value(_))
            && let Some(at) = selected.iter().position(|expr| *expr == Some(&key.expr))
        {
            key.expr = Expr::Value(Value::Number((at + 1).to_string(), false).into());
        }
    }
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
