//! Functions under the names that other engines have for them, in the planner's words.

use crate::syntax::{call, cast};
use sqlparser::ast::{
    CaseWhen, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, TimezoneInfo, Value,
};

/// (what is written, what is planned): the same arguments in the same order.
const RENAMED: &[(&str, &str)] = &[
    ("len", "character_length"),
    ("strlen", "octet_length"),
    ("regexp_matches", "regexp_like"),
    ("list", "array_agg"),
    ("group_concat", "string_agg"),
    ("listagg", "string_agg"),
    ("quantile_cont", "percentile_cont"),
    ("quantile", "percentile_cont"),
    ("stdev", "stddev"),
    ("stdev_samp", "stddev"),
    ("variance", "var_samp"),
    ("covar", "covar_samp"),
    ("first", "first_value"),
    ("arbitrary", "first_value"),
    ("last", "last_value"),
    ("strftime", "to_char"),
    ("strptime", "to_timestamp_micros"),
    ("ceiling", "ceil"),
    ("truncate", "trunc"),
    ("datetrunc", "date_trunc"),
    ("every", "bool_and"),
    ("any", "bool_or"),
    ("prefix", "starts_with"),
    ("suffix", "ends_with"),
    ("unicode", "ascii"),
    ("ord", "ascii"),
];

/// Written as calls, planned as something else.
const SPELLED_OUT: &[&str] = &[
    "datepart",
    "if",
    "iff",
    "iif",
    "mod",
    "div",
    "divide",
    "pow",
    "power",
    "sign",
    "date",
    "timestamp",
    "datetime",
    "to_date",
];

/// Every name that is written here, with the function that is planned for it where there is one.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = FIELDS.iter().map(|field| (*field, "date_part"));
    RENAMED.iter().copied().chain(fields).chain(SPELLED_OUT.iter().map(|name| (*name, "")))
}

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
    "isodow",
    "epoch",
    "millisecond",
    "microsecond",
];

/// The call in the planner's words; nothing where it is in them already.
pub fn function(written: &Function) -> Option<Expr> {
    let [part] = written.name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.to_ascii_lowercase();
    if let Some((_, planned)) = RENAMED.iter().find(|(n, _)| *n == name) {
        let ident = Ident { value: (*planned).to_owned(), ..part.as_ident()?.clone() };
        return Some(Expr::Function(Function { name: ObjectName::from(vec![ident]), ..written.clone() }));
    }
    if matches!(name.as_str(), "lag" | "lead")
        && let Some(other) = with_default(written)
    {
        return Some(other);
    }
    let args = arguments(written)?;
    match (name.as_str(), args.as_slice()) {
        (field, [x]) if FIELDS.contains(&field) => {
            let field = match field {
                "dayofweek" => "dow",
                "dayofyear" => "doy",
                other => other,
            };
            Some(call("date_part", vec![text(field), x.clone()]))
        }
        ("datepart", [field, x]) => Some(call("date_part", vec![field.clone(), x.clone()])),
        ("if" | "iff" | "iif", [condition, then, otherwise]) => Some(Expr::Case {
            case_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
            end_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen { condition: condition.clone(), result: then.clone() }],
            else_result: Some(Box::new(otherwise.clone())),
        }),
        ("mod", [x, y]) => Some(binary(x, sqlparser::ast::BinaryOperator::Modulo, y)),
        ("div" | "divide", [x, y]) => Some(binary(x, sqlparser::ast::BinaryOperator::DuckIntegerDivide, y)),
        ("pow" | "power", [x, y]) => Some(call("power", vec![as_double(x), as_double(y)])),
        ("sign", [x]) => Some(cast(call("signum", vec![as_double(x)]), DataType::TinyInt(None))),
        ("date", [x]) => Some(cast(x.clone(), DataType::Date)),
        ("timestamp" | "datetime", [x]) => Some(cast(x.clone(), DataType::Timestamp(None, TimezoneInfo::None))),
        ("to_date", [x]) => Some(cast(x.clone(), DataType::Date)),
        _ => None,
    }
}

/// `LAG(x, n, d)` where `d` is no literal: `d` where there is no row `n` before.
fn with_default(written: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &written.args else { return None };
    let [value, offset, default] = list.args.as_slice() else { return None };
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(default)) = default else { return None };
    if is_literal(default) || written.null_treatment.is_some() {
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

fn as_double(x: &Expr) -> Expr {
    cast(x.clone(), DataType::Double(ExactNumberInfo::None))
}

fn binary(x: &Expr, op: sqlparser::ast::BinaryOperator, y: &Expr) -> Expr {
    let nested = |e: &Expr| Box::new(Expr::Nested(Box::new(e.clone())));
    Expr::Nested(Box::new(Expr::BinaryOp { left: nested(x), op, right: nested(y) }))
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
