//! A subquery that became a join goes by one name, and DataFusion finds its columns by theirs. Where two of them have one
//! name it would take the first: such a query is refused.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{JoinType, Result, plan_err};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::collections::BTreeSet;

/// Nothing, unless a subquery uses a column of the outer query below a join that keeps rows without a partner, or looks
/// for them: DataFusion's rules take its condition out of the join, where it means something else.
pub fn outer_in_joins(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let keeps = matches!(node, LogicalPlan::Join(join) if join.join_type != JoinType::Inner);
        let mut used = false;
        if keeps {
            node.apply(|below| {
                used |= below.contains_outer_reference();
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        match used {
            true => plan_err!("a subquery uses a column of the outer query below a join: write a JOIN"),
            false => Ok(TreeNodeRecursion::Continue),
        }
    })?;
    Ok(())
}

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
