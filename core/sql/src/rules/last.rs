//! What no rule has made translatable is refused before anything runs: conversions of text that nobody wrote, subqueries
//! that are still there, nodes and expressions without a translation.

use crate::functions::kinds::{Kind, kind, word};
use arrow::datatypes::DataType;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DataFusionError, Diagnostic, Result, Spans, plan_datafusion_err, plan_err};
use datafusion_expr::expr::Cast;
use datafusion_expr::logical_plan::{Join, JoinType};
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan};

/// Nothing, or why the plan cannot be run.
pub fn checked(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        supported(node)?;
        settled(node)?;
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                expression(e, &schema)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

fn supported(node: &LogicalPlan) -> Result<()> {
    let name = match node {
        LogicalPlan::RecursiveQuery(_) => "WITH RECURSIVE is not supported: write the levels as steps",
        LogicalPlan::Unnest(_) => "UNNEST is not supported: a column holds one value",
        LogicalPlan::Join(join) if unjoinable(join) => {
            "NOT IN with this subquery is not supported: write NOT EXISTS (… WHERE …)"
        }
        LogicalPlan::Extension(_) | LogicalPlan::Repartition(_) => "this clause is not supported: leave it out",
        _ => return Ok(()),
    };
    Err(plan_datafusion_err!("{name}"))
}

/// The types of a node are those of its expressions: a rule that changes one without the other would lose digits.
fn settled(node: &LogicalPlan) -> Result<()> {
    let recomputed = node.clone().recompute_schema()?;
    let mut pairs = node.schema().fields().iter().zip(recomputed.schema().fields());
    match pairs.find(|(one, other)| kept(one.data_type()) != kept(other.data_type())) {
        Some((one, other)) => plan_err!(
            "the type of `{}` is {} in one place and {} in another: CAST it",
            one.name(),
            word(one.data_type()),
            word(other.data_type())
        ),
        None => Ok(()),
    }
}

/// Arrow has several types for text.
fn kept(ty: &DataType) -> DataType {
    match kind(ty) {
        Kind::Text => DataType::Utf8,
        _ => ty.clone(),
    }
}

/// A NULL among the values of NOT IN empties the result; only a plain join can represent that.
fn unjoinable(join: &Join) -> bool {
    join.null_aware && (join.join_type != JoinType::LeftAnti || join.filter.is_some() || join.on.len() != 1)
}

fn expression(expr: &Expr, schema: &datafusion_common::DFSchema) -> Result<()> {
    match expr {
        Expr::Column(column) if !schema.has_column(column) => {
            Err(at(expr, format!("there is no column `{}` at this place: write a JOIN", column.name)))
        }
        Expr::Cast(Cast { expr: inner, field }) => {
            let from = inner.get_type(schema)?;
            let literal = matches!(inner.as_ref(), Expr::Literal(..));
            if narrows(&from, field.data_type()) && !literal {
                let (from, to, text) = (word(&from), word(field.data_type()), crate::describe(inner));
                return Err(at(inner, format!("`{text}` is {from}, not {to}: write CAST({text} AS …)")));
            }
            if kind(&from) == Kind::Text && kind(field.data_type()) != Kind::Text && !literal {
                let (from, to, text) = (word(&from), word(field.data_type()), crate::describe(inner));
                return Err(at(inner, format!("`{text}` is {from} where {to} is needed: write CAST({text} AS …)")));
            }
            Ok(())
        }
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
            Err(at(expr, "a subquery cannot stand here: join its table instead".to_owned()))
        }
        Expr::OuterReferenceColumn(_, column) => Err(at(
            expr,
            format!("the subquery uses `{column}` of the outer query in a way that cannot be joined: write a JOIN"),
        )),
        _ => Ok(()),
    }
}

/// Whether values may be lost on the way: the planner adds no such conversion but for an argument of a user's function.
fn narrows(from: &DataType, to: &DataType) -> bool {
    let bits = |ty: &DataType| ty.primitive_width().unwrap_or(0);
    match (kind(from), kind(to)) {
        (Kind::Integer, Kind::Integer) => bits(to) < bits(from),
        _ => false,
    }
}

/// An error at the first column of the expression.
pub fn at(expr: &Expr, message: String) -> DataFusionError {
    let mut spans: Option<Spans> = None;
    let _ = expr.apply(|e| {
        if let Expr::Column(column) = e
            && spans.is_none()
            && column.spans().first().is_some()
        {
            spans = Some(column.spans().clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    let span = spans.and_then(|s| s.first());
    plan_datafusion_err!("{message}").with_diagnostic(Diagnostic::new_error(message, span))
}
