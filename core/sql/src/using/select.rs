//! Queries: each select with its own FROM, and the keys in everything of it but FROM.

use super::by_name::has_join_by_name;
use super::outputs::{name_of, numbered, outputs, renamed};
use super::side::{Columns, Found, Item, Side, is_named};
use super::walk::{Answer, Stop, Walk};
use sqlparser::ast::{Expr, Ident, OrderBy, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut};
use std::ops::ControlFlow;

impl Walk<'_> {
    pub(super) fn query(&mut self, query: &mut Query) -> Answer<Columns> {
        let (outer, unnamed) = (self.ctes.len(), self.unnamed.take());
        let columns = self.in_query(query);
        self.ctes.truncate(outer);
        self.unnamed = unnamed;
        columns
    }

    pub(super) fn in_query(&mut self, query: &mut Query) -> Answer<Columns> {
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                let name = cte.alias.name.value.clone();
                if with.recursive {
                    self.ctes.push((name.clone(), renamed(None, &cte.alias)));
                }
                let columns = self.query(&mut cte.query)?;
                self.ctes.push((name, renamed(columns, &cte.alias)));
            }
        }
        let columns = self.body(&mut query.body, query.order_by.as_mut())?;
        self.rewrite(&mut query.limit_clause, &[])?;
        Ok(columns)
    }

    pub(super) fn body(&mut self, body: &mut SetExpr, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let columns = self.body(left, None)?;
                self.body(right, None)?;
                Ok(columns)
            }
            SetExpr::Values(values) => {
                self.rewrite(values, &[])?;
                Ok(Some(numbered(values)))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn select(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        let by_name = select.from.iter().any(has_join_by_name);
        let unnamed = std::mem::replace(&mut self.unnamed, by_name.then_some(0));
        let mut side = Side::default();
        for item in &mut select.from {
            side = self.from(item, side)?;
        }
        self.unnamed = unnamed;
        if by_name {
            self.expand_stars(&mut select.projection, &side)?;
        }
        let aliases = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
            _ => None,
        });
        side.aliases = aliases.collect();
        self.scopes.push(side);
        let columns = self.clauses(select, order_by);
        self.scopes.pop();
        columns
    }

    /// Everything of a select but FROM.
    pub(super) fn clauses(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        for item in &mut select.projection {
            self.projected(item)?;
        }
        self.rewrite(&mut select.distinct, &[])?;
        self.rewrite(&mut select.selection, &[])?;
        self.rewrite(&mut select.group_by, &[])?;
        self.rewrite(&mut select.having, &[])?;
        self.rewrite(&mut select.named_window, &[])?;
        self.rewrite(&mut select.qualify, &[])?;
        let columns = self.scopes.last().and_then(|side| outputs(&select.projection, side));
        if let Some(order_by) = order_by {
            let outputs: Vec<String> = columns.iter().flatten().flatten().cloned().collect();
            self.rewrite(order_by, &outputs)?;
        }
        Ok(columns)
    }

    /// What is written without a name keeps the name that it had.
    pub(super) fn projected(&mut self, item: &mut SelectItem) -> Answer<()> {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                if let Some(found) = self.merged(ident) {
                    *item = found.select_item(ident.span);
                }
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr).unwrap_or_else(|| expr.to_string());
                if self.rewrite(expr, &[])? && !matches!(expr, Expr::CompoundIdentifier(_)) {
                    let alias = Ident::with_quote('"', name);
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
            other => {
                self.rewrite(other, &[])?;
            }
        }
        Ok(())
    }

    /// Replaces keys in `node`, but for the names in `outputs`, and walks its subqueries; whether a key was replaced.
    pub(super) fn rewrite(&mut self, node: &mut impl VisitMut, outputs: &[String]) -> Answer<bool> {
        let mut keys = Keys { walk: self, outputs, depth: 0, replaced: false };
        match node.visit(&mut keys) {
            ControlFlow::Continue(()) => Ok(keys.replaced),
            ControlFlow::Break(stop) => Err(stop),
        }
    }

    /// The merged key that a name without a qualifier means, if it means one.
    pub(super) fn merged(&self, ident: &Ident) -> Option<&Item> {
        for scope in self.scopes.iter().rev() {
            match scope.find(ident) {
                Found::One(at) => return Some(&scope.star[at]).filter(|item| item.merged),
                Found::Several => return None,
                Found::Nothing if !scope.is_declared() => return None,
                Found::Nothing if scope.aliases.iter().any(|alias| is_named(&alias.value, ident)) => return None,
                Found::Nothing => {}
            }
        }
        None
    }
}

/// Replaces names by keys, outside of subqueries: those are walked with their own FROM.
struct Keys<'w, 'a, 'o> {
    walk: &'w mut Walk<'a>,
    outputs: &'o [String],
    depth: usize,
    replaced: bool,
}

impl VisitorMut for Keys<'_, '_, '_> {
    type Break = Stop;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Stop> {
        if self.depth == 0
            && let Err(stop) = self.walk.query(query)
        {
            return ControlFlow::Break(stop);
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Stop> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Stop> {
        if let Expr::Identifier(ident) = expr
            && self.depth == 0
            && !self.outputs.iter().any(|name| is_named(name, ident))
            && let Some(item) = self.walk.merged(ident)
        {
            *expr = item.expr(ident.span);
            self.replaced = true;
        }
        ControlFlow::Continue(())
    }
}
