//! The outer values that a subquery depends on: a table of their distinct combinations, under names of its own.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, Result, TableReference};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use std::sync::Arc;

/// Names that occur once in a plan.
#[derive(Default)]
pub struct Numbers(usize);

impl Numbers {
    pub fn name(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}_{}", self.0)
    }
}

pub struct Domain {
    /// Outer columns, and their names in `plan`.
    columns: Vec<(Column, String)>,
    /// The distinct values.
    pub plan: LogicalPlan,
}

impl Domain {
    /// Columns of `outer` that the subquery uses.
    pub fn columns_of(subquery: &LogicalPlan, outer: &DFSchema) -> Result<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        subquery.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|e| {
                    if let Expr::OuterReferenceColumn(_, column) = e
                        && outer.has_column(column)
                        && !columns.contains(column)
                    {
                        columns.push(column.clone());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(columns)
    }

    pub fn of(outer: &LogicalPlan, subquery: &LogicalPlan, numbers: &mut Numbers) -> Result<Self> {
        let columns = Self::columns_of(subquery, outer.schema())?;
        let columns: Vec<(Column, String)> = columns.into_iter().map(|c| (c, numbers.name("__outer"))).collect();
        let exprs = columns.iter().map(|(column, name)| Expr::Column(column.clone()).alias(name));
        let plan = LogicalPlanBuilder::from(outer.clone()).project(exprs)?.distinct()?.build()?;
        Ok(Self { columns, plan })
    }

    pub fn outer(&self) -> Vec<Column> {
        self.columns.iter().map(|(column, _)| column.clone()).collect()
    }

    pub fn names(&self) -> Vec<Column> {
        self.columns.iter().map(|(_, name)| Column::new_unqualified(name)).collect()
    }

    pub fn keys(&self) -> Vec<Expr> {
        self.names().into_iter().map(Expr::Column).collect()
    }

    /// Whether the plan, its inputs or its subqueries use an outer value.
    pub fn is_used(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut used = false;
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                used |= self.is_in(expr)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(used)
    }

    pub fn is_in(&self, expr: &Expr) -> Result<bool> {
        expr.exists(|e| match e {
            Expr::OuterReferenceColumn(_, column) => Ok(self.name(column).is_some()),
            Expr::ScalarSubquery(value) => self.is_used(&value.subquery),
            _ => Ok(false),
        })
    }

    fn name(&self, column: &Column) -> Option<&String> {
        self.columns.iter().find(|(outer, _)| outer == column).map(|(_, name)| name)
    }

    /// The expression over rows that bear the outer values.
    pub fn replaced(&self, expr: Expr) -> Result<Expr> {
        let replaced = expr.transform_up(|e| match &e {
            Expr::OuterReferenceColumn(_, column) => Ok(match self.name(column) {
                Some(name) => Transformed::yes(Expr::Column(Column::new_unqualified(name))),
                None => Transformed::no(e),
            }),
            Expr::ScalarSubquery(value) if self.is_used(&value.subquery)? => {
                Ok(Transformed::yes(Expr::ScalarSubquery(self.within(value)?)))
            }
            _ => Ok(Transformed::no(e)),
        });
        replaced.map(|t| t.data)
    }

    /// A subquery further in, over rows that bear the outer values.
    fn within(&self, subquery: &Subquery) -> Result<Subquery> {
        let value = |e: Expr| match e {
            Expr::OuterReferenceColumn(field, column) => {
                let name = self.name(&column).map(Column::new_unqualified);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, name.unwrap_or(column))))
            }
            other => Ok(Transformed::no(other)),
        };
        let plan = subquery.subquery.as_ref().clone();
        let plan = plan.transform_up_with_subqueries(|node| node.map_expressions(|e| e.transform_up(value)))?.data;
        let outer_ref_columns = plan.all_out_ref_exprs();
        Ok(Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: subquery.spans.clone() })
    }

    /// The rows by another name; outer values keep theirs.
    pub fn aliased(&self, rows: LogicalPlan, name: TableReference) -> Result<LogicalPlan> {
        let plan = LogicalPlanBuilder::from(rows).alias(name.clone())?.build()?;
        let is_key = |field: &str| self.columns.iter().any(|(_, key)| key == field);
        let exprs: Vec<Expr> = plan
            .schema()
            .iter()
            .map(|(qualifier, field)| {
                let column = Expr::from((qualifier, field));
                if is_key(field.name()) { column.alias(field.name()) } else { column }
            })
            .collect();
        LogicalPlanBuilder::from(plan).project(exprs)?.build()
    }

    /// The rows with other names for the outer values, so that two such tables can be joined; and those names.
    pub fn renamed(&self, rows: LogicalPlan, numbers: &mut Numbers) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut names = Vec::new();
        let mut exprs = Vec::new();
        for (qualifier, field) in rows.schema().iter() {
            let column = Expr::from((qualifier, field));
            if !self.columns.iter().any(|(_, key)| qualifier.is_none() && key == field.name()) {
                exprs.push(column);
            }
        }
        for (_, key) in &self.columns {
            let name = numbers.name("__outer");
            exprs.push(Expr::Column(Column::new_unqualified(key)).alias(&name));
            names.push(Column::new_unqualified(name));
        }
        Ok((LogicalPlanBuilder::from(rows).project(exprs)?.build()?, names))
    }
}
