//! What a query asks of every row of a table before anything else, of some columns alone. Where a file's rows all have the
//! same values of these columns, and the condition does not hold for them, no row of the file reaches the query.

use datafusion_common::Result;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::logical_plan::{Filter, TableScan};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{Expr, LogicalPlan};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The condition over the table's rows: its first parts, up to one that reads another column. A part behind that one may
/// be what a row fails at now. None where the table is read more than once, or not filtered as it is read.
pub fn first_condition(plan: &LogicalPlan, table: &str, columns: &BTreeSet<String>) -> Option<LogicalPlan> {
    let (mut scans, mut found) = (0, None);
    plan.apply_with_subqueries(|node| {
        scans += usize::from(is_scan(node, table));
        if let LogicalPlan::Filter(filter) = node
            && is_bare(&filter.input, table)
        {
            found = of_filter(filter, columns)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    found.filter(|_| scans == 1)
}

fn is_scan(node: &LogicalPlan, table: &str) -> bool {
    matches!(node, LogicalPlan::TableScan(scan) if scan.table_name.table() == table)
}

/// Whether the rows are those of the table, under whatever name.
fn is_bare(node: &LogicalPlan, table: &str) -> bool {
    match node {
        LogicalPlan::SubqueryAlias(alias) => is_bare(&alias.input, table),
        LogicalPlan::TableScan(TableScan { filters, fetch, .. }) => {
            is_scan(node, table) && filters.is_empty() && fetch.is_none()
        }
        _ => false,
    }
}

fn of_filter(filter: &Filter, columns: &BTreeSet<String>) -> Result<Option<LogicalPlan>> {
    let mut parts = Vec::new();
    for part in split_conjunction(&filter.predicate) {
        if !reads_only(part, columns)? {
            break;
        }
        parts.push(part.clone());
    }
    let Some(condition) = conjunction(parts) else { return Ok(None) };
    Ok(Some(LogicalPlan::Filter(Filter::try_new(condition, Arc::clone(&filter.input))?)))
}

/// Reads one of the columns, and nothing else.
fn reads_only(expr: &Expr, columns: &BTreeSet<String>) -> Result<bool> {
    let read = expr.column_refs();
    let beyond = expr.exists(|e| Ok(e.contains_outer() || crate::rules::lifted::subquery_of(e).is_some()))?;
    Ok(!beyond && !read.is_empty() && read.iter().all(|column| columns.contains(&column.name)))
}
