//! Lists of IN, and texts of OR that are such lists, as calls of `Member`: what DataFusion's optimizer does not take apart.
//! It comes after all rules that find types, so that a value and its list have one.

use crate::functions::member::Member;
use datafusion_common::Result;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::expr::{InList, ScalarFunction};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion_optimizer::AnalyzerRule;

#[derive(Debug)]
pub struct Members;

impl AnalyzerRule for Members {
    fn name(&self) -> &str {
        "members"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(node).map(|t| t.data)
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(|e| Ok(Transformed::yes(member(e))))?;
        Ok(changed.update_data(|e| name.restore(e)))
    })
}

fn member(expr: Expr) -> Expr {
    match expr {
        // Two sides of one comparison may be the keys of a join.
        Expr::InList(InList { expr, mut list, negated }) if list.len() == 1 => {
            let op = if negated { Operator::NotEq } else { Operator::Eq };
            datafusion_expr::binary_expr(*expr, op, list.remove(0))
        }
        Expr::InList(InList { expr, list, negated }) => Member::call(*expr, list, negated),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => either(*left, *right),
        other => other,
    }
}

/// `x = 1 OR x = 2` is `x IN (1, 2)`.
fn either(left: Expr, right: Expr) -> Expr {
    match (values(&left), values(&right)) {
        (Some((one, mut list)), Some((other, more))) if one == other => {
            list.extend(more);
            Member::call(one.clone(), list.into_iter().cloned().collect(), false)
        }
        _ => left.or(right),
    }
}

/// What is compared with constants, and the constants of which it is one.
fn values(expr: &Expr) -> Option<(&Expr, Vec<&Expr>)> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (is_constant(left), is_constant(right))
        {
            (false, true) => Some((left, vec![right])),
            (true, false) => Some((right, vec![left])),
            _ => None,
        },
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let member = func.inner().downcast_ref::<Member>()?;
            let (value, list) = args.split_first()?;
            let is_list = !member.negated && !is_constant(value) && list.iter().all(is_constant);
            is_list.then(|| (value, list.iter().collect()))
        }
        _ => None,
    }
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(..) => true,
        Expr::Cast(cast) => is_constant(&cast.expr),
        _ => false,
    }
}
