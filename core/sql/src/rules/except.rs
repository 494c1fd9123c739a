//! Rules of DataFusion's that are right but for some plans, which they are kept from.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{NullEquality, Result};
use datafusion_expr::LogicalPlan;
use datafusion_expr::utils::split_conjunction;
use datafusion_optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion_optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion_optimizer::push_down_filter::PushDownFilter;
use datafusion_optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// A rule, and the plans that it leaves as they are.
#[derive(Debug)]
pub struct Except<R> {
    rule: R,
    leaves: fn(&LogicalPlan) -> Result<bool>,
}

/// Filters move towards the tables. One without columns stays, and so does one right above it, which would take it along:
/// below an aggregate it would empty the input, and an aggregate of nothing still has a row.
pub fn filters() -> Except<PushDownFilter> {
    let leaves = |plan: &LogicalPlan| match plan {
        LogicalPlan::Filter(filter) => Ok(has_constant(plan) || has_constant(&filter.input)),
        _ => Ok(false),
    };
    Except { rule: PushDownFilter::new(), leaves }
}

/// Whether it is a filter with a condition that has no columns.
fn has_constant(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => {
            split_conjunction(&filter.predicate).into_iter().any(|part| part.column_refs().is_empty())
        }
        _ => false,
    }
}

/// Lists of tables become joins by their conditions. A chain in which NULL is equal to NULL stays: taking it apart, the
/// rule forgets it.
pub fn crosses() -> Except<EliminateCrossJoin> {
    let leaves = |plan: &LogicalPlan| {
        plan.exists(|node| {
            Ok(matches!(node, LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull))
        })
    };
    Except { rule: EliminateCrossJoin::new(), leaves }
}

/// Equal columns become the keys of a join. A join in whose keys NULL is equal to NULL takes no more of them: in a condition
/// by `=` NULL is equal to nothing.
pub fn keys() -> Except<ExtractEquijoinPredicate> {
    let leaves = |plan: &LogicalPlan| match plan {
        LogicalPlan::Join(join) => Ok(join.null_equality == NullEquality::NullEqualsNull),
        _ => Ok(false),
    };
    Except { rule: ExtractEquijoinPredicate::new(), leaves }
}

/// A rule that changes what is below an alias leaves the alias with the columns that were there before.
fn aliased_anew(plan: LogicalPlan) -> Result<LogicalPlan> {
    let anew = |input: LogicalPlan| match &input {
        LogicalPlan::SubqueryAlias(alias) if alias.schema.fields().len() != alias.input.schema().fields().len() => {
            input.recompute_schema().map(Transformed::yes)
        }
        _ => Ok(Transformed::no(input)),
    };
    plan.map_children(anew).map(|t| t.data)
}

impl<R: OptimizerRule> OptimizerRule for Except<R> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let plan = aliased_anew(plan)?;
        match (self.leaves)(&plan)? {
            true => Ok(Transformed::no(plan)),
            false => self.rule.rewrite(plan, config),
        }
    }
}
