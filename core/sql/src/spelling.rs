//! Functions under the names that other engines have for them, under the planner's names.

use crate::syntax::{binary, call, cast, nested};
use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, ObjectName, OrderByExpr, TimezoneInfo,
    Value,
};

/// (what is written, what is planned): the same arguments in the same order.
const RENAMED: &[(&str, &str)] = &[
    ("len", "character_length"),
    ("strlen", "octet_length"),
    ("lcase", "lower"),
    ("ucase", "upper"),
    ("group_concat", "string_agg"),
    ("listagg", "string_agg"),
    ("stddev_samp", "stddev"),
    ("variance", "var_samp"),
    ("first", "first_value"),
    ("arbitrary", "first_value"),
    ("last", "last_value"),
    ("ceiling", "ceil"),
    ("prefix", "starts_with"),
    ("suffix", "ends_with"),
];

/// Fields that are functions of their own elsewhere.
const FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "quarter",
    "week",
    "dayofweek",
    "dayofyear",
    "dayofmonth",
    "weekday",
    "weekofyear",
    "isodow",
    "isoyear",
    "yearweek",
    "decade",
    "century",
    "millennium",
    "era",
    "epoch",
    "julian",
    "millisecond",
    "microsecond",
];

/// The call under the planner's name; nothing where it has that name already.
pub fn function(written: &Function) -> Option<Expr> {
    let [part] = written.name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.to_ascii_lowercase();
    if let Some(within) = within_group(&name, written) {
        return Some(function(&within).unwrap_or(Expr::Function(within)));
    }
    if let Some((_, planned)) = RENAMED.iter().find(|(n, _)| *n == name) {
        let ident = Ident { value: (*planned).to_owned(), ..part.as_ident()?.clone() };
        let renamed = Function { name: ObjectName::from(vec![ident]), ..written.clone() };
        return Some(Expr::Function(if *planned == "string_agg" { separated(renamed) } else { renamed }));
    }
    if name == "string_agg" {
        return Some(Expr::Function(separated(written.clone())));
    }
    if matches!(name.as_str(), "lag" | "lead")
        && let Some(other) = with_default(written)
    {
        return Some(other);
    }
    let args = arguments(written)?;
    match (name.as_str(), args.as_slice()) {
        (field, [x]) if FIELDS.contains(&field) => Some(call("date_part", vec![text(field), x.clone()])),
        ("if" | "iff", [condition, then, otherwise]) => Some(Expr::Case {
            case_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
            end_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen { condition: condition.clone(), result: then.clone() }],
            else_result: Some(Box::new(otherwise.clone())),
        }),
        ("mod", [x, y]) => Some(operation(x, BinaryOperator::Modulo, y)),
        ("div" | "divide", [x, y]) => Some(operation(x, BinaryOperator::DuckIntegerDivide, y)),
        ("pow" | "power", [x, y]) => Some(call("power", vec![as_double(x), as_double(y)])),
        ("date", [x]) => Some(cast(x.clone(), DataType::Date)),
        ("timestamp" | "datetime", [x]) => Some(cast(x.clone(), DataType::Timestamp(None, TimezoneInfo::None))),
        ("date_add", [x, y]) => Some(operation(x, BinaryOperator::Plus, y)),
        ("count_star", []) => Some(call("count", vec![Expr::Value(Value::Number("1".into(), false).into())])),
        _ => None,
    }
}

/// `LISTAGG(s, ',') WITHIN GROUP (ORDER BY x)` as `LISTAGG(s, ',' ORDER BY x)`, `MODE() WITHIN GROUP (ORDER BY x)` as
/// `MODE(x)`, and `PERCENTILE_DISC(p) WITHIN GROUP (ORDER BY x)` as `QUANTILE_DISC(x, p)`.
fn within_group(name: &str, written: &Function) -> Option<Function> {
    let FunctionArguments::List(list) = &written.args else { return None };
    let mut call = Function { within_group: Vec::new(), ..written.clone() };
    let mut list = list.clone();
    match (name, written.within_group.as_slice()) {
        ("listagg" | "string_agg" | "group_concat", [_, ..]) => {
            list.clauses.push(FunctionArgumentClause::OrderBy(written.within_group.clone()));
        }
        ("mode", [key]) if list.args.is_empty() && ascends(key) => list.args.push(argument(&key.expr)),
        ("percentile_disc", [key]) if list.args.len() == 1 && ascends(key) => {
            call.name = ObjectName::from(vec![Ident::new("quantile_disc")]);
            list.args.insert(0, argument(&key.expr));
        }
        _ => return None,
    }
    call.args = FunctionArguments::List(list);
    Some(call)
}

fn ascends(key: &OrderByExpr) -> bool {
    key.options.asc != Some(false) && key.options.nulls_first.is_none()
}

fn argument(expr: &Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr.clone()))
}

/// `LAG(x, n, d)` where `d` is no literal: `d` where there is no row `n` before.
fn with_default(written: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &written.args else { return None };
    let [value, offset, default] = list.args.as_slice() else { return None };
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(default)) = default else { return None };
    if is_literal(default) || written.null_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let of = |value: FunctionArg| {
        let args = FunctionArguments::List(FunctionArgumentList { args: vec![value, offset.clone()], ..list.clone() });
        Expr::Function(Function { args, ..written.clone() })
    };
    let row = of(FunctionArg::Unnamed(FunctionArgExpr::Expr(text("row"))));
    let condition = Expr::IsNull(Box::new(row));
    Some(Expr::Case {
        case_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        end_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result: default.clone() }],
        else_result: Some(Box::new(of(value.clone()))),
    })
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::UnaryOp { expr, .. } | Expr::Cast { expr, .. } | Expr::Nested(expr) => is_literal(expr),
        _ => false,
    }
}

/// `string_agg` of one argument puts commas between.
fn separated(mut call: Function) -> Function {
    if let FunctionArguments::List(list) = &mut call.args
        && list.args.len() == 1
    {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(text(","))));
    }
    call
}

fn as_double(x: &Expr) -> Expr {
    cast(x.clone(), DataType::Double(ExactNumberInfo::None))
}

/// Of two arguments of a call.
fn operation(x: &Expr, op: BinaryOperator, y: &Expr) -> Expr {
    nested(binary(nested(x.clone()), op, nested(y.clone())))
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

/// The plain arguments of a call that has nothing else.
fn arguments(written: &Function) -> Option<Vec<Expr>> {
    let Function { name: _, uses_odbc_syntax: _, parameters, args, filter, null_treatment, over, within_group } =
        written;
    let plain = matches!(parameters, FunctionArguments::None)
        && filter.is_none()
        && null_treatment.is_none()
        && over.is_none()
        && within_group.is_empty();
    let FunctionArguments::List(list) = args else { return None };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let unnamed = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    };
    list.args.iter().map(unnamed).collect()
}
