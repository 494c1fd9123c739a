//! A subquery that became a join goes by one name, and DataFusion finds its columns by theirs. Where two of them have one
//! name it would take the first: such a query is refused.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, plan_err};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::collections::BTreeSet;

/// Nothing, unless a condition on an outer column reads two inner columns of one name.
pub fn checked(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            let correlated = expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(..))))?;
            let columns = if correlated { expr.column_refs() } else { Default::default() };
            let names: BTreeSet<&String> = columns.iter().map(|column| &column.name).collect();
            match names.len() == columns.len() {
                true => Ok(TreeNodeRecursion::Continue),
                false => plan_err!("a subquery compares two columns of one name with the outer query: rename one"),
            }
        })
    })?;
    Ok(())
}

#[derive(Debug, Default)]
pub struct SameNames;

impl OptimizerRule for SameNames {
    fn name(&self) -> &str {
        "same names"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::SubqueryAlias(alias) = &plan
            && alias.alias.table().starts_with("__")
        {
            let mut seen = BTreeSet::new();
            if let Some(field) = alias.input.schema().fields().iter().find(|f| !seen.insert(f.name().clone())) {
                let name = field.name();
                return plan_err!(
                    "a subquery compares two columns named `{name}` with the outer query: rename one in a subquery of its own"
                );
            }
        }
        Ok(Transformed::no(plan))
    }
}
