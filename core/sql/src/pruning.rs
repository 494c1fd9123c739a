//! What a query asks of every row of a table before anything else, of some columns alone. Where a file's rows all have the
//! same values of these columns, and the condition does not hold for them, no row of the file reaches the query.

use crate::operators::compares;
use datafusion_common::Result;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::logical_plan::{Filter, TableScan};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{Expr, LogicalPlan, Operator};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The condition over the table's rows: the parts of its filter that read these columns only. None where the table is read
/// more than once, or not filtered as it is read; and none where another condition of the query may fail: the engine may try
/// it of rows that these leave out, and a row that fails is not to be passed over.
pub fn first_condition(plan: &LogicalPlan, table: &str, columns: &BTreeSet<String>) -> Option<LogicalPlan> {
    let (mut scans, mut found, mut may_fail) = (0, None, false);
    plan.apply_with_subqueries(|node| {
        scans += usize::from(is_scan(node, table));
        match node {
            LogicalPlan::Filter(filter) => {
                let of_keys = is_bare(&filter.input, table);
                for part in split_conjunction(&filter.predicate) {
                    let is_tried = of_keys && reads_only(part, columns)?;
                    may_fail |= !(is_tried || harmless(part)?);
                }
                if of_keys {
                    found = of_filter(filter, columns)?;
                }
            }
            LogicalPlan::Join(join) => {
                if let Some(condition) = &join.filter {
                    may_fail |= !harmless(condition)?;
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    found.filter(|_| scans == 1 && !may_fail)
}

/// Whether the condition fails of no row: comparisons of columns and literals, and what joins them.
fn harmless(expr: &Expr) -> Result<bool> {
    let odd = expr.exists(|e| {
        Ok(!match e {
            Expr::BinaryExpr(binary) => compares(binary.op) || matches!(binary.op, Operator::And | Operator::Or),
            Expr::Column(_) | Expr::Literal(..) | Expr::Not(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
            Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => true,
            Expr::Between(_) | Expr::InList(_) => true,
            _ => false,
        })
    })?;
    Ok(!odd)
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
        if reads_only(part, columns)? {
            parts.push(part.clone());
        }
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
