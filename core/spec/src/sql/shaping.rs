//! Which params may shape a query's columns by their values. A param is a literal of a fixed type, but a function may
//! type its result by a literal (`ROUND(x, $digits)`), and a column without a name is called by its text. Whatever is not
//! proved harmless here counts as shaping.

use super::params;
use super::select::parse;
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Value, ValueWithSpan, Visit, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Names of the params on whose values names and types of the query's columns may depend.
pub fn shaping(text: &str) -> BTreeSet<String> {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for name in params(text) {
        *all.entry(name).or_default() += 1;
    }
    let mut places = Places::default();
    if let Some(query) = parse(text).ok().and_then(super::Select::into_statement) {
        let _ = query.visit(&mut places);
    }
    // A place that the visit does not come to is not proved harmless.
    let harmless = |name: &str, count: usize| places.harmless.get(name) == Some(&count) && !places.named.contains(name);
    all.into_iter().filter(|(name, count)| !harmless(name, *count)).map(|(name, _)| name).collect()
}

#[derive(Default)]
struct Places {
    /// Expressions around the present one whose type may follow from the value of a literal in them.
    around: usize,
    /// How often a param stands where only its type counts.
    harmless: BTreeMap<String, usize>,
    /// Params that a column without a name is called by.
    named: BTreeSet<String>,
}

impl Places {
    fn unnamed(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::UnnamedExpr(expr) = item {
                        let mut within = Within::default();
                        let _ = expr.visit(&mut within);
                        self.named.extend(within.params);
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.unnamed(left);
                self.unnamed(right);
            }
            // A query of its own is visited as one.
            _ => {}
        }
    }
}

impl Visitor for Places {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.unnamed(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(name) = param(expr)
            && self.around == 0
        {
            *self.harmless.entry(name.to_owned()).or_default() += 1;
        }
        self.around += usize::from(!by_type(expr));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.around -= usize::from(!by_type(expr));
        ControlFlow::Continue(())
    }
}

/// Params within an expression, at any depth.
#[derive(Default)]
struct Within {
    params: Vec<String>,
}

impl Visitor for Within {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.params.extend(param(expr).map(str::to_owned));
        ControlFlow::Continue(())
    }
}

fn param(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => name.strip_prefix('$'),
        _ => None,
    }
}

/// Whether the expression's type follows from the types of its parts alone.
fn by_type(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Value(_)
            | Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Nested(_)
            | Expr::BinaryOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::Between { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::Case { .. }
            | Expr::Cast { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = shaping(text);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_param_whose_type_alone_counts_shapes_nothing() {
        check("SELECT k, v FROM input WHERE d = $date AND length(k) > 3", &[]);
        check("SELECT k, v * $factor AS v, $date AS day FROM input", &[]);
        check("SELECT CASE WHEN d < $date THEN v ELSE $n END AS v FROM input LIMIT $n", &[]);
        check("SELECT k FROM (SELECT k, CAST($n AS BIGINT) AS n FROM input) AS q WHERE n IN (1, $n)", &[]);
        check("SELECT k, (SELECT MAX(v) FROM t WHERE t.d = $date) AS m FROM input", &[]);
    }

    #[test]
    fn a_functions_argument_may_shape_its_type() {
        check("SELECT ROUND(v, $digits) AS v FROM input", &["digits"]);
        check("SELECT SUM(v * $n) AS v FROM input WHERE d = $date", &["n"]);
        check("SELECT $n AS n, ROUND(v, $n) AS v FROM input", &["n"]);
        check("SELECT EXTRACT(year FROM $date) AS y FROM input", &["date"]);
        check("SELECT q.v FROM (SELECT ROUND(v, $n) AS v FROM input) AS q", &["n"]);
    }

    #[test]
    fn a_column_without_a_name_is_called_by_its_text() {
        check("SELECT k, v * $factor FROM input", &["factor"]);
        check("SELECT * FROM (SELECT v + $n FROM input UNION ALL SELECT $n FROM input) AS q", &["n"]);
        check("SELECT k FROM input UNION ALL SELECT $k FROM input", &["k"]);
    }

    #[test]
    fn what_does_not_parse_proves_nothing() {
        check("SELEC k FROM input WHERE d = $date", &["date"]);
    }
}
