//! What an expression depends on. Whatever is not listed here is a value computed of its parts.

use super::deps::Deps;
use super::{Scope, Tracer};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::{AggregateFunction, Case, InSubquery, SetComparison, WindowFunction};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, SortExpr, WindowFunctionDefinition};
use spotmill_core::lineage::Dependence;

impl Tracer {
    pub fn expr(&mut self, expr: &Expr, scope: &Scope) -> Deps {
        match expr {
            Expr::Alias(alias) => self.expr(&alias.expr, scope),
            Expr::Column(column) => scope.column(column).unwrap_or_else(|| scope.everything()),
            Expr::OuterReferenceColumn(_, column) => {
                let found = self.outer.iter().rev().find_map(|scope| scope.column(column));
                found.unwrap_or_else(|| Deps::all(&self.outer.iter().map(Scope::everything).collect::<Vec<_>>()))
            }
            Expr::Case(case) => self.case(case, scope),
            Expr::AggregateFunction(call) => self.aggregate(call, scope),
            Expr::WindowFunction(call) => self.window(call, scope),
            Expr::ScalarSubquery(subquery) => {
                let (values, rows) = self.subquery(subquery, scope);
                Deps::all([&values, &rows])
            }
            Expr::Exists(exists) => self.subquery(&exists.subquery, scope).1,
            Expr::InSubquery(InSubquery { expr, subquery, .. })
            | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
                let (values, rows) = self.subquery(subquery, scope);
                Deps::all([&self.expr(expr, scope).computed(), &values.computed(), &rows])
            }
            other => self.parts(other, scope).computed(),
        }
    }

    pub fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, scope: &Scope) -> Deps {
        let mut all = Deps::default();
        exprs.into_iter().for_each(|expr| all.add(&self.expr(expr, scope)));
        all
    }

    pub fn sorted(&mut self, keys: &[SortExpr], scope: &Scope, how: Dependence) -> Deps {
        self.exprs(keys.iter().map(|key| &key.expr), scope).only(how)
    }

    fn parts(&mut self, expr: &Expr, scope: &Scope) -> Deps {
        let mut all = Deps::default();
        let visited = expr.apply_children(|part| {
            all.add(&self.expr(part, scope));
            Ok(TreeNodeRecursion::Continue)
        });
        match visited {
            Ok(_) => all,
            Err(_) => scope.everything(),
        }
    }

    fn case(&mut self, case: &Case, scope: &Scope) -> Deps {
        let conditions = case.when_then_expr.iter().map(|(when, _)| when).chain(&case.expr);
        let conditions = self.exprs(conditions.map(AsRef::as_ref), scope).only(Dependence::Conditional);
        let values = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
        let values = self.exprs(values.map(AsRef::as_ref), scope).computed();
        Deps::all([&values, &conditions])
    }

    fn aggregate(&mut self, call: &AggregateFunction, scope: &Scope) -> Deps {
        let params = &call.params;
        let values = self.exprs(&params.args, scope).aggregated();
        let filter = self.exprs(params.filter.as_deref(), scope).only(Dependence::Filter);
        let order = self.sorted(&params.order_by, scope, Dependence::Sort);
        Deps::all([&values, &filter, &order])
    }

    /// An aggregate over a window, or the value of another row.
    fn window(&mut self, call: &WindowFunction, scope: &Scope) -> Deps {
        let params = &call.params;
        let args = self.exprs(&params.args, scope);
        let values = match call.fun {
            WindowFunctionDefinition::AggregateUDF(_) => args.aggregated(),
            WindowFunctionDefinition::WindowUDF(_) => args.computed(),
        };
        let filter = self.exprs(params.filter.as_deref(), scope).only(Dependence::Filter);
        let groups = self.exprs(&params.partition_by, scope).only(Dependence::Window);
        let order = self.sorted(&params.order_by, scope, Dependence::Window);
        Deps::all([&values, &filter, &groups, &order])
    }

    /// Of its values, and of which rows it has.
    fn subquery(&mut self, subquery: &Subquery, scope: &Scope) -> (Deps, Deps) {
        let traced = self.within(scope.clone(), |tracer| tracer.node(&subquery.subquery));
        (Deps::all(&traced.columns), traced.rows)
    }
}
