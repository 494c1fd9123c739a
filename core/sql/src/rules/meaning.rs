//! Expressions with a meaning of our own: conversions that somebody wrote, LIKE, negation, counts that are signed,
//! comparisons of text with something else in lists, decimals among floats.

use crate::functions::arithmetic::{Arithmetic, Op};
use crate::functions::beside::{float_beside, of_one_kind};
use crate::functions::cast::{Conversion, Written};
use crate::functions::kinds::{Kind, kind};
use crate::functions::like::Matching;
use crate::operators::{compares, like_typed, literal_as};
use crate::rules::floats;
use crate::rules::frames;
use crate::rules::last::at;
use crate::rules::micros;
use crate::rules::outer;
use crate::rules::sets::set_operation;
use crate::rules::unnest::subquery_below;
use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRewriter};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::{AggregateFunction, Between, Case, Cast, InList, Like, ScalarFunction, TryCast};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr};
use datafusion_optimizer::AnalyzerRule;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use std::sync::Arc;

/// The first whole number that int64 does not hold.
const PAST_INT64: i128 = i64::MAX as i128 + 1;

#[derive(Debug)]
pub struct Meaning;

impl AnalyzerRule for Meaning {
    fn name(&self) -> &str {
        "meaning"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        meant_plan(plan)
    }
}

/// From the inputs up, and of a node first its subqueries: the columns of the outer query in them have their types once its
/// inputs have.
fn meant_plan(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = match plan {
        LogicalPlan::Join(mut join) if subquery_below(&join.right).is_some() => {
            join.left = Arc::new(meant_plan(Arc::unwrap_or_clone(join.left))?);
            let right = outer::typed(Arc::unwrap_or_clone(join.right), join.left.schema())?;
            join.right = Arc::new(meant_plan(right)?);
            LogicalPlan::Join(join)
        }
        other => other.map_children(|input| Ok(Transformed::yes(meant_plan(input)?)))?.data,
    };
    let schema = merge_schema(&plan.inputs());
    let subquery = |plan| Ok(Transformed::yes(meant_plan(outer::typed(plan, &schema)?)?));
    node(plan.map_subqueries(subquery)?.data).map(|t| t.data)
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let plan = floats::one_column(plan)?;
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&scan.projected_schema);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let mut rewriter = Rewriter { schema: &schema, types: TypeCoercionRewriter::new(&schema) };
        Ok(expr.rewrite(&mut rewriter)?.update_data(|e| name.restore(e)))
    })?;
    let plan = TypeCoercionRewriter::new(&schema).coerce_plan(rewritten.data)?.recompute_schema()?;
    let plan = micros::plan(plan)?;
    Ok(Transformed::yes(match plan {
        LogicalPlan::Join(join) => set_operation(join)?,
        other => other,
    }))
}

/// From the leaves up, so that the type of every operand is final when its operator is handled: of CASE, e.g., it is
/// not before its branches have one type.
struct Rewriter<'a> {
    schema: &'a DFSchema,
    types: TypeCoercionRewriter<'a>,
}

impl TreeNodeRewriter for Rewriter<'_> {
    type Node = Expr;

    fn f_up(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let expr = meant(expr, self.schema)?;
        let typed = self.types.f_up(expr)?.data.map_children(|operand| decimal_as_float(operand, self.schema))?;
        Ok(Transformed::yes(micros::operands(typed.data)?))
    }
}

/// Of decimals and floats all three are floats; a text is of the type of what it is compared with.
fn between(range: Between, schema: &DFSchema) -> Result<Between> {
    let Between { expr, negated, low, high } = range;
    let all = [&expr, &low, &high].map(|e| e.get_type(schema));
    let types: Vec<DataType> = all.into_iter().collect::<Result<_>>()?;
    let float = float_beside(types.iter());
    let as_float = |expr: Expr, ty: &DataType| match &float {
        Some(float) if kind(ty) == Kind::Decimal => Conversion::call(expr, float.clone(), false),
        _ => expr,
    };
    let expr = as_float(*expr, &types[0]);
    let ty = expr.get_type(schema)?;
    let side = |bound: Expr, bound_type: &DataType| -> Result<Box<Expr>> {
        let bound = as_float(bound, bound_type);
        let bound_type = bound.get_type(schema)?;
        Ok(Box::new(like_typed("BETWEEN", (expr.clone(), &ty), (bound, &bound_type))?.1))
    };
    let (low, high) = (side(*low, &types[1])?, side(*high, &types[2])?);
    Ok(Between { expr: Box::new(expr), negated, low, high })
}

/// The planner's own conversion of a decimal to a float does not always give the nearest one.
fn decimal_as_float(operand: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match operand {
        Expr::Cast(Cast { expr, field })
            if kind(field.data_type()) == Kind::Float && kind(&expr.get_type(schema)?) == Kind::Decimal =>
        {
            Ok(Transformed::yes(Conversion::call(*expr, field.data_type().clone(), false)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn meant(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let meant = match expr {
        Expr::Cast(Cast { expr, field }) => Transformed::yes(Conversion::call(*expr, field.data_type().clone(), false)),
        Expr::TryCast(TryCast { expr, field }) => {
            Transformed::yes(Conversion::call(*expr, field.data_type().clone(), true))
        }
        Expr::Like(Like { negated, expr, pattern, escape_char, case_insensitive }) => {
            Transformed::yes(Matching::call(*expr, *pattern, negated, case_insensitive, escape_char))
        }
        Expr::Negative(inner) if matches!(inner.as_ref(), Expr::Literal(ScalarValue::Int64(Some(_)), _)) => {
            match *inner {
                Expr::Literal(ScalarValue::Int64(Some(value)), metadata) if value != i64::MIN => {
                    Transformed::yes(Expr::Literal(ScalarValue::Int64(Some(-value)), metadata))
                }
                other => Transformed::no(Expr::Negative(Box::new(other))),
            }
        }
        // No column is unsigned; the least int64 is written as what is past the greatest, with a sign.
        Expr::Literal(ScalarValue::UInt64(Some(value)), metadata) => {
            Transformed::yes(Expr::Literal(ScalarValue::Decimal128(Some(value.into()), 20, 0), metadata))
        }
        Expr::Negative(inner)
            if matches!(inner.as_ref(), Expr::Literal(ScalarValue::Decimal128(Some(PAST_INT64), _, 0), _)) =>
        {
            Transformed::yes(Expr::Literal(ScalarValue::Int64(Some(i64::MIN)), None))
        }
        Expr::Negative(inner) => {
            let zero = Expr::Literal(ScalarValue::Int64(Some(0)), None);
            match inner.get_type(schema).map(|ty| kind(&ty)) {
                Ok(Kind::Integer) => Transformed::yes(Arithmetic::call(Op::Subtract, zero, *inner)),
                _ => Transformed::no(Expr::Negative(inner)),
            }
        }
        Expr::InSubquery(within) => Transformed::yes(Expr::InSubquery(floats::in_subquery(within, schema)?)),
        Expr::InList(list) => Transformed::yes(in_list(list, schema)?),
        Expr::Between(range) => Transformed::yes(Expr::Between(between(range, schema)?)),
        // The planner's own comparisons, and those whose operands have got other types since `Operators` saw them.
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let (of_left, of_right) = (left.get_type(schema)?, right.get_type(schema)?);
            let (left, right) = like_typed(&format!("`{op}`"), (*left, &of_left), (*right, &of_right))?;
            Transformed::yes(binary_expr(left, op, right))
        }
        Expr::Case(case) => Transformed::yes(Expr::Case(one_kind(searched(case, schema)?, schema)?)),
        Expr::ScalarFunction(call) => match Written::planned(&call) {
            Some(conversion) => Transformed::yes(conversion),
            None => scalar(call, schema)?,
        },
        Expr::AggregateFunction(call) => aggregate(call, schema)?,
        Expr::WindowFunction(call) => Transformed::yes(Expr::WindowFunction(Box::new(frames::exact(*call, schema)?))),
        other => Transformed::no(other),
    };
    Ok(meant.data)
}

/// `CASE x WHEN v` as `CASE WHEN x = v` where the two are not of one kind, so that they are compared as by `=`.
fn searched(case: Case, schema: &DFSchema) -> Result<Case> {
    let Case { expr: Some(value), when_then_expr, else_expr } = case else { return Ok(case) };
    let ty = value.get_type(schema)?;
    let types: Vec<DataType> = when_then_expr.iter().map(|(when, _)| when.get_type(schema)).collect::<Result<_>>()?;
    if types.iter().all(|other| kind(other) == kind(&ty) || kind(other) == Kind::Null) {
        return Ok(Case { expr: Some(value), when_then_expr, else_expr });
    }
    let compared = |((when, then), other): ((Box<Expr>, Box<Expr>), &DataType)| {
        let (left, right) = like_typed("CASE", ((*value).clone(), &ty), (*when, other))?;
        Ok((Box::new(binary_expr(left, Operator::Eq, right)), then))
    };
    let when_then_expr = when_then_expr.into_iter().zip(&types).map(compared).collect::<Result<_>>()?;
    Ok(Case { expr: None, when_then_expr, else_expr })
}

/// The values of a CASE: decimals among floats are floats.
fn one_kind(case: Case, schema: &DFSchema) -> Result<Case> {
    let Case { expr, when_then_expr, else_expr } = case;
    let (whens, mut values): (Vec<_>, Vec<_>) = when_then_expr.into_iter().map(|(when, then)| (when, *then)).unzip();
    let has_else = else_expr.is_some();
    values.extend(else_expr.map(|e| *e));
    let mut values = literals_as(of_one_kind(values, schema), schema)?;
    let else_expr = if has_else { values.pop().map(Box::new) } else { None };
    let when_then_expr = whens.into_iter().zip(values.into_iter().map(Box::new)).collect();
    Ok(Case { expr, when_then_expr, else_expr })
}

/// Literal texts among values of another type are read as that type.
fn literals_as(values: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let types: Vec<DataType> = values.iter().map(|e| e.get_type(schema)).collect::<Result<_>>()?;
    let text = |(value, ty): (&Expr, &DataType)| kind(ty) == Kind::Text && !matches!(value, Expr::Literal(..));
    let other = types.iter().find(|ty| !matches!(kind(ty), Kind::Text | Kind::Null));
    let Some(other) = other.filter(|_| !values.iter().zip(&types).any(text)) else { return Ok(values) };
    let typed = |(value, ty): (Expr, &DataType)| match (&value, kind(ty)) {
        (Expr::Literal(..), Kind::Text) => Ok(literal_as(value.clone(), other)?.unwrap_or(value)),
        _ => Ok(value),
    };
    values.into_iter().zip(&types).map(typed).collect()
}

fn in_list(list: InList, schema: &DFSchema) -> Result<Expr> {
    let InList { expr, list, negated } = list;
    let ty = expr.get_type(schema)?;
    let item = |item: Expr| -> Result<Expr> {
        let item_type = item.get_type(schema)?;
        Ok(like_typed("IN", ((*expr).clone(), &ty), (item, &item_type))?.1)
    };
    let list = list.into_iter().map(item).collect::<Result<_>>()?;
    Ok(Expr::InList(InList { expr, list, negated }))
}

fn scalar(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let ScalarFunction { func, mut args } = call;
    if matches!(func.name(), "coalesce" | "greatest" | "least" | "nullif" | "nvl") {
        args = of_one_kind(args, schema);
    }
    if let ("nullif", [x, y]) = (func.name(), args.as_slice()) {
        let (ty, other) = (x.get_type(schema)?, y.get_type(schema)?);
        // What is compared has a common type; what is returned is the first value, as it was.
        if let (Kind::Date, Kind::Timestamp)
        | (Kind::Decimal, Kind::Decimal | Kind::Integer)
        | (Kind::Integer, Kind::Decimal) = (kind(&ty), kind(&other))
        {
            let expr = Expr::ScalarFunction(ScalarFunction { func, args });
            return Ok(Transformed::yes(Conversion::call(expr, ty, false)));
        }
    }
    // The places decide the type, so they are a literal as soon as they can be.
    if func.name() == "round"
        && let Some(Expr::Literal(places, _)) = args.get_mut(1)
    {
        *places = places.cast_to(&DataType::Int32)?;
    }
    if let Some(precision) = whole(func.name(), &args, schema) {
        let expr = Expr::ScalarFunction(ScalarFunction { func, args });
        return Ok(Transformed::yes(Conversion::call(expr, DataType::Decimal128(precision, 0), false)));
    }
    let expr = Expr::ScalarFunction(ScalarFunction { func, args });
    Ok(signed(expr, schema))
}

/// Precision of the decimal whose fraction a function takes away.
fn whole(function: &str, args: &[Expr], schema: &DFSchema) -> Option<u8> {
    let [arg] = args else { return None };
    match arg.get_type(schema) {
        Ok(DataType::Decimal128(precision, 1..)) if matches!(function, "ceil" | "floor" | "trunc") => Some(precision),
        _ => None,
    }
}

fn aggregate(call: AggregateFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let AggregateFunction { func, mut params } = call;
    if func.name() == "count" && params.args.len() > 1 {
        let message = "COUNT takes one value: write COUNT(*) FILTER (WHERE a IS NOT NULL AND b IS NOT NULL)".to_owned();
        return Err(at(&params.args[0], message));
    }
    if matches!(func.name(), "median" | "percentile_cont")
        && let Some(arg) = params.args.get_mut(0)
        && arg.get_type(schema).is_ok_and(|ty| kind(&ty).is_number())
    {
        let inner = arg.clone();
        *arg = Conversion::call(inner, DataType::Float64, false);
    }
    Ok(Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params })))
}

/// What DataFusion counts is int64.
fn signed(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr.get_type(schema) {
        Ok(ty) if (ty.is_unsigned_integer() || counts(&expr)) && ty.is_integer() && !takes_unsigned(&expr) => {
            Transformed::yes(Conversion::call(expr, DataType::Int64, false))
        }
        _ => Transformed::no(expr),
    }
}

/// Lengths and positions.
fn counts(expr: &Expr) -> bool {
    const COUNTS: &[&str] = &["ascii", "bit_length", "character_length", "octet_length", "strpos"];
    matches!(expr, Expr::ScalarFunction(call) if COUNTS.contains(&call.func.name()))
}

/// A function of a user may return what it likes.
fn takes_unsigned(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => !crate::functions::registry::built_in().scalars.contains_key(call.func.name()),
        _ => false,
    }
}
