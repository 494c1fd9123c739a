//! Where the columns of a query come from: which of them hold, unchanged, the values of a table's column. Two rows that
//! differ in such a column of the table differ in the query's.

use datafusion_common::Column;
use datafusion_expr::logical_plan::{Aggregate, Distinct, JoinType};
use datafusion_expr::{Expr, LogicalPlan};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub table: String,
    pub column: String,
}

/// For each column of the plan the column of a table that it is, if it is one.
pub fn origins(plan: &LogicalPlan) -> Vec<Option<Origin>> {
    let count = plan.schema().fields().len();
    let none = || vec![None; count];
    match plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.table_name.table();
            let of = |name: &String| Some(Origin { table: table.to_owned(), column: name.clone() });
            scan.projected_schema.fields().iter().map(|f| of(f.name())).collect()
        }
        LogicalPlan::Projection(projection) => of_all(&projection.expr, &projection.input),
        LogicalPlan::Filter(filter) => origins(&filter.input),
        LogicalPlan::Sort(sort) => origins(&sort.input),
        LogicalPlan::Limit(limit) => origins(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => origins(&alias.input),
        LogicalPlan::Distinct(Distinct::All(input)) => origins(input),
        LogicalPlan::Window(window) => {
            let mut out = origins(&window.input);
            out.resize(count, None);
            out
        }
        LogicalPlan::Aggregate(Aggregate { input, group_expr, .. }) => {
            if matches!(group_expr.as_slice(), [Expr::GroupingSet(_)]) {
                return none();
            }
            let mut out = of_all(group_expr, input);
            out.resize(count, None);
            out
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (origins(&join.left), origins(&join.right));
            let blank = |side: Vec<Option<Origin>>| vec![None; side.len()];
            let mut out: Vec<Option<Origin>> = match join.join_type {
                JoinType::Inner => left.into_iter().chain(right).collect(),
                JoinType::Left => left.into_iter().chain(blank(right)).collect(),
                JoinType::Right => blank(left).into_iter().chain(right).collect(),
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
                JoinType::RightSemi | JoinType::RightAnti => right,
                JoinType::Full | JoinType::RightMark => Vec::new(),
            };
            out.resize(count, None);
            out
        }
        _ => none(),
    }
}

fn of_all(exprs: &[Expr], input: &LogicalPlan) -> Vec<Option<Origin>> {
    let inputs = origins(input);
    let column = |c: &Column| input.schema().index_of_column(c).ok().and_then(|i| inputs.get(i).cloned().flatten());
    exprs.iter().map(|e| bare(e).and_then(column)).collect()
}

fn bare(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        Expr::Column(column) => Some(column),
        _ => None,
    }
}
