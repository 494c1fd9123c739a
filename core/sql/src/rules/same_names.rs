//! A subquery that became a join goes by one name, and DataFusion finds its columns by theirs. Where two of them have one
//! name it would take the first: such a query is refused.

use datafusion_common::tree_node::Transformed;
use datafusion_common::{Result, plan_err};
use datafusion_expr::LogicalPlan;
use datafusion_optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::collections::BTreeSet;

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
