//! Binary operators as they are planned: arithmetic becomes functions of our own, and what compares text with something
//! else is refused here, where the types are resolved, unless the text is a literal.

use crate::functions::arithmetic::{Arithmetic, Op};
use crate::functions::cast::Conversion;
use crate::functions::kinds::{Kind, kind, word};
use crate::functions::registry::built_in;
use arrow::datatypes::DataType;
use datafusion_common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::{Expr, ExprSchemable, Operator};
use sqlparser::ast::BinaryOperator;

#[derive(Debug)]
pub struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if let Some(op) = arithmetic(&expr.op) {
            let RawBinaryExpr { op: _, left, right } = expr;
            return Ok(PlannerResult::Planned(planned(op, left, right, schema)));
        }
        if let Some((negated, any_case)) = regex(&expr.op) {
            return Ok(PlannerResult::Planned(matching(expr, negated, any_case)?));
        }
        match is_comparison(&expr.op) {
            true => Ok(PlannerResult::Original(comparable(expr, schema)?)),
            false => Ok(PlannerResult::Original(expr)),
        }
    }

    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(called("substr", args))
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(called("date_part", args))
    }
}

/// A call of the function that the registry has by this name; the planner's own may be another.
fn called(name: &str, args: Vec<Expr>) -> PlannerResult<Vec<Expr>> {
    match built_in().scalars.get(name) {
        Some(function) => PlannerResult::Planned(function.call(args)),
        None => PlannerResult::Original(args),
    }
}

fn arithmetic(op: &BinaryOperator) -> Option<Op> {
    Some(match op {
        BinaryOperator::Plus => Op::Add,
        BinaryOperator::Minus => Op::Subtract,
        BinaryOperator::Multiply => Op::Multiply,
        BinaryOperator::Divide => Op::Divide,
        BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide => Op::IntegerDivide,
        BinaryOperator::Modulo => Op::Modulo,
        _ => return None,
    })
}

/// Whether a regular expression must not match, and whether it matches in any case.
fn regex(op: &BinaryOperator) -> Option<(bool, bool)> {
    Some(match op {
        BinaryOperator::PGRegexMatch => (false, false),
        BinaryOperator::PGRegexIMatch => (false, true),
        BinaryOperator::PGRegexNotMatch => (true, false),
        BinaryOperator::PGRegexNotIMatch => (true, true),
        _ => return None,
    })
}

/// `~` searches for a match anywhere in the text, as in DuckDB and PostgreSQL.
fn matching(expr: RawBinaryExpr, negated: bool, any_case: bool) -> Result<Expr> {
    let RawBinaryExpr { op, left, right } = expr;
    let text = match &right {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    let (Some(text), Some(like)) = (text, built_in().scalars.get("regexp_matches")) else {
        let message =
            format!("`{op}` takes a pattern as a literal: write regexp_matches({}, …)", crate::describe(&left));
        return Err(crate::rules::last::at(&left, message));
    };
    let flags = if any_case { "(?i)" } else { "" };
    let matched = like.call(vec![left, datafusion_expr::lit(format!("{flags}{text}"))]);
    Ok(if negated { Expr::Not(Box::new(matched)) } else { matched })
}

/// A whole number beside a decimal has the digits it is written with, not those of its type.
fn planned(op: Op, left: Expr, right: Expr, schema: &DFSchema) -> Expr {
    let is_decimal = |e: &Expr| e.get_type(schema).is_ok_and(|ty| kind(&ty) == Kind::Decimal);
    let (left, right) = match (is_decimal(&left), is_decimal(&right)) {
        (true, false) if op != Op::Divide => (left, narrowed(right)),
        (false, true) if op != Op::Divide => (narrowed(left), right),
        _ => (left, right),
    };
    Arithmetic::call(op, left, right)
}

fn narrowed(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => {
            let digits = value.unsigned_abs().checked_ilog10().map_or(1, |d| d + 1) as u8;
            Expr::Literal(ScalarValue::Decimal128(Some(value.into()), digits, 0), metadata)
        }
        other => other,
    }
}

/// Whether a planned operator compares two values.
pub fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Spaceship)
}

fn comparable(expr: RawBinaryExpr, schema: &DFSchema) -> Result<RawBinaryExpr> {
    let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema)) else { return Ok(expr) };
    let RawBinaryExpr { op, left: l, right: r } = expr;
    let (l, r) = like_typed(&format!("`{op}`"), (l, &left), (r, &right))?;
    Ok(RawBinaryExpr { op, left: l, right: r })
}

/// A literal text beside another type is read as that type; any other text is refused. A decimal beside a float is read
/// as that float.
pub fn like_typed(what: &str, (l, left): (Expr, &DataType), (r, right): (Expr, &DataType)) -> Result<(Expr, Expr)> {
    let place = datafusion_expr::binary_expr(l.clone(), Operator::Eq, r.clone());
    let other = |ty: &DataType| !matches!(kind(ty), Kind::Text | Kind::Null | Kind::Other | Kind::Binary);
    let pair = match (kind(left), kind(right)) {
        (Kind::Text, _) if other(right) => (literal_as(l, right)?.ok_or(()), Ok(r)),
        (_, Kind::Text) if other(left) => (Ok(l), literal_as(r, left)?.ok_or(())),
        (Kind::Bool, k) | (k, Kind::Bool) if k.is_number() || matches!(k, Kind::Date | Kind::Timestamp) => {
            (Err(()), Err(()))
        }
        (a, b) if a.is_number() && matches!(b, Kind::Date | Kind::Timestamp | Kind::Interval) => (Err(()), Err(())),
        (a, b) if b.is_number() && matches!(a, Kind::Date | Kind::Timestamp | Kind::Interval) => (Err(()), Err(())),
        (Kind::Float, Kind::Decimal) => (Ok(l), Ok(Conversion::call(r, left.clone(), false))),
        (Kind::Decimal, Kind::Float) => (Ok(Conversion::call(l, right.clone(), false)), Ok(r)),
        _ => (Ok(l), Ok(r)),
    };
    match pair {
        (Ok(l), Ok(r)) => Ok((l, r)),
        _ => {
            let message = format!("{what} compares {} with {}: CAST one of them", word(left), word(right));
            Err(crate::rules::last::at(&place, message))
        }
    }
}

/// The literal as the type; nothing if the expression is no literal.
pub fn literal_as(expr: Expr, ty: &DataType) -> Result<Option<Expr>> {
    let Expr::Literal(value, metadata) = &expr else { return Ok(None) };
    let array = value.to_array()?;
    match crate::functions::cast::convert(&array, ty, false) {
        Ok(array) => Ok(Some(Expr::Literal(ScalarValue::try_from_array(&array, 0)?, metadata.clone()))),
        Err(_) => plan_err!("`{value}` is no {}: write a literal of that type", word(ty)),
    }
}
