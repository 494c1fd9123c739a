//! Planned expressions as a person would write them, for messages: conversions that the planner added are left out.

use crate::functions::arithmetic::Arithmetic;
use crate::functions::cast::Conversion;
use crate::functions::kinds::word;
use crate::functions::like::Matching;
use crate::functions::member::Member;
use crate::functions::single::Single;
use datafusion_common::ScalarValue;
use datafusion_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion_expr::{BinaryExpr, Expr};

/// `CAST(price AS int64) * quantity`.
pub fn describe(expr: &Expr) -> String {
    match expr {
        Expr::Alias(alias) => describe(&alias.expr),
        Expr::Column(column) => column.name.clone(),
        Expr::OuterReferenceColumn(_, column) => column.name.clone(),
        Expr::Literal(value, _) => literal(value),
        Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => describe(expr),
        Expr::Not(inner) => format!("NOT {}", describe(inner)),
        Expr::IsNull(inner) => format!("{} IS NULL", describe(inner)),
        Expr::IsNotNull(inner) => format!("{} IS NOT NULL", describe(inner)),
        Expr::Negative(inner) => format!("-{}", nested(inner)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => format!("{} {op} {}", nested(left), nested(right)),
        Expr::ScalarFunction(call) => function(call),
        Expr::AggregateFunction(call) if call.func.inner().downcast_ref::<Single>().is_some() => {
            "(SELECT …)".to_owned()
        }
        Expr::AggregateFunction(call) => {
            let distinct = if call.params.distinct { "DISTINCT " } else { "" };
            format!("{}({distinct}{})", call.func.name(), list(&call.params.args))
        }
        Expr::WindowFunction(call) => format!("{}({}) OVER (…)", call.fun.name(), list(&call.params.args)),
        Expr::ScalarSubquery(_) => "(SELECT …)".to_owned(),
        other => other.to_string(),
    }
}

fn function(call: &ScalarFunction) -> String {
    let ScalarFunction { func, args } = call;
    if let (Some(member), [value, items @ ..]) = (func.inner().downcast_ref::<Member>(), args.as_slice()) {
        return format!("{} {} ({})", nested(value), member.word(), list(items));
    }
    if let (Some(arithmetic), [left, right]) = (func.inner().downcast_ref::<Arithmetic>(), args.as_slice()) {
        return format!("{} {} {}", nested(left), arithmetic.op.symbol(), nested(right));
    }
    if let (Some(conversion), [inner]) = (func.inner().downcast_ref::<Conversion>(), args.as_slice()) {
        let name = if conversion.lenient { "TRY_CAST" } else { "CAST" };
        return format!("{name}({} AS {})", describe(inner), word(&conversion.to));
    }
    if let (Some(matching), [value, pattern]) = (func.inner().downcast_ref::<Matching>(), args.as_slice()) {
        return format!("{} {} {}", nested(value), matching.word(), describe(pattern));
    }
    if let (crate::functions::time_zone::NAME, [time, zone]) = (func.name(), args.as_slice()) {
        return format!("{} AT TIME ZONE {}", nested(time), describe(zone));
    }
    format!("{}({})", func.name(), list(args))
}

fn list(args: &[Expr]) -> String {
    args.iter().map(describe).collect::<Vec<_>>().join(", ")
}

fn nested(expr: &Expr) -> String {
    let text = describe(expr);
    match text.contains(' ') && !text.ends_with(')') {
        true => format!("({text})"),
        false => text,
    }
}

fn literal(value: &ScalarValue) -> String {
    match value.try_as_str() {
        Some(Some(text)) => format!("'{}'", text.replace('\'', "''")),
        _ => value.to_string(),
    }
}
