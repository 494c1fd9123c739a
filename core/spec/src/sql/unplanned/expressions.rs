//! Expressions that the parser knows from some engine and that have no meaning here. Every kind of expression is named,
//! so that one that a new parser brings is decided on; the suggestion is what a user of that engine wants.

use super::{LEAVE_OUT, Unplanned, operators};
use sqlparser::ast::{
    AccessExpr, Array, CeilFloorKind, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Interval, Spanned, Subscript, UnaryOperator,
    Value, WindowSpec, WindowType, visit_expressions,
};
use sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

const ONE_VALUE: &str = "a column holds one value: give each its own column, or use a function of your worker";
const JSON: &str = "declare a column with its path into the JSON under [step.input]";
const FULL_MATCH: &str = "use regexp_full_match(text, pattern)";
const MATCHES: &str = "use regexp_matches(text, pattern)";
pub const MADE_OF_ANOTHER: &str = "write its PARTITION BY and ORDER BY again";
const LISTED: &str = "write IN (…), or a subquery";

/// What stands there that nobody plans, and what to write instead. `rows` is whether a row may stand here.
pub fn of_expr(expr: &Expr, rows: bool) -> Option<Unplanned> {
    let (clause, instead) = unplanned(expr, rows)?;
    Some(Unplanned { span: place(expr), clause: clause.into(), instead })
}

/// Where an expression stands: some of them know it of their parts only.
fn place(expr: &Expr) -> Span {
    let located = |span: Span| span.start.line > 0;
    let own = expr.span();
    if located(own) {
        return own;
    }
    let found = visit_expressions(expr, |part| match part.span() {
        span if located(span) => ControlFlow::Break(span),
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Break(span) => span,
        ControlFlow::Continue(()) => own,
    }
}

fn unplanned(expr: &Expr, rows: bool) -> Option<(&'static str, &'static str)> {
    Some(match expr {
        Expr::CompoundFieldAccess { root: _, access_chain } => access(access_chain),
        Expr::JsonAccess { .. } => ("a path into a value", JSON),
        Expr::IsNormalized { .. } => ("IS NORMALIZED", "normalize the text in a function of your worker"),
        Expr::InUnnest { .. } => ("IN UNNEST", LISTED),
        Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => {
            ("LIKE ANY", "write one LIKE for each pattern, with OR between")
        }
        Expr::SimilarTo { escape_char: Some(_), .. } => ("SIMILAR TO with ESCAPE", FULL_MATCH),
        Expr::RLike { .. } => ("RLIKE", MATCHES),
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if !is_subquery(right) => {
            ("ANY or ALL of a list", LISTED)
        }
        Expr::BinaryOp { op, .. } => return operators::binary(op),
        Expr::UnaryOp { op, .. } => return operators::unary(*op),
        Expr::Convert { .. } => ("CONVERT", "use CAST(x AS type)"),
        Expr::Cast { array: true, .. } => ("CAST to an array", ONE_VALUE),
        Expr::Cast { format: Some(_), .. } => {
            ("CAST with FORMAT", "use strptime(text, format) or strftime(time, format)")
        }
        Expr::Ceil { field, .. } | Expr::Floor { field, .. } => return to_field(field),
        Expr::Collate { .. } => ("COLLATE", "texts are ordered by their bytes: order by lower(x) to mind no case"),
        Expr::Value(value) => return of_value(&value.value),
        Expr::Prefixed { .. } => ("a character set before a text", LEAVE_OUT),
        Expr::Function(function) => return of_function(function),
        Expr::Tuple(_) if !rows => ("a row as a value", "name each column; rows are compared with =, <> and IN"),
        Expr::Struct { .. } | Expr::Named { .. } => ("a struct", ONE_VALUE),
        Expr::Dictionary(_) | Expr::Map(_) => ("a map", ONE_VALUE),
        Expr::Array(Array { elem: _, named: _ }) => {
            ("a list", "a column holds one value: compare with IN (…), join texts with STRING_AGG")
        }
        Expr::Interval(interval) => return of_interval(interval),
        Expr::MatchAgainst { .. } => ("MATCH AGAINST", "use contains(text, word) or regexp_matches"),
        Expr::OuterJoin(_) => ("(+)", "write LEFT JOIN … ON"),
        Expr::Prior(_) => ("PRIOR", "write the levels as steps"),
        Expr::Lambda(_) => {
            ("a function inside a query (->)", "use a function of your worker, or write out the expression")
        }
        Expr::MemberOf(_) => ("MEMBER OF", LISTED),
        Expr::CompoundIdentifier(parts) if parts.len() > 2 => {
            ("a name of more than two parts", "write table.column: there are no schemas and no structs")
        }
        Expr::Identifier(ident) if ident.value.starts_with('@') => ("a variable", "pass a param: $name"),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::Cast { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Extract { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::Nested(_)
        | Expr::TypedString(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Tuple(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..) => return None,
    })
}

fn is_subquery(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_subquery(inner),
        Expr::Subquery(_) => true,
        _ => false,
    }
}

fn access(chain: &[AccessExpr]) -> (&'static str, &'static str) {
    match chain.first() {
        Some(AccessExpr::Subscript(Subscript::Slice { .. })) => ("a slice", "use substr(text, start, length)"),
        Some(AccessExpr::Subscript(Subscript::Index { .. })) => {
            ("an index", "a column holds one value: use substr(text, n, 1) or split_part(text, ',', n)")
        }
        Some(AccessExpr::Dot(_)) | None => ("a field of a value", JSON),
    }
}

fn to_field(field: &CeilFloorKind) -> Option<(&'static str, &'static str)> {
    match field {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => None,
        CeilFloorKind::DateTimeField(_) => Some(("CEIL or FLOOR to a part of a time", "use date_trunc('hour', time)")),
        CeilFloorKind::Scale(_) => Some(("CEIL or FLOOR to a number of digits", "write floor(x * 100) / 100")),
    }
}

fn of_value(value: &Value) -> Option<(&'static str, &'static str)> {
    Some(match value {
        Value::Number(..)
        | Value::SingleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::UnicodeStringLiteral(_)
        | Value::DoubleQuotedString(_)
        | Value::Boolean(_)
        | Value::Null
        // Not `$name`: complained of by itself.
        | Value::Placeholder(_) => return None,
        Value::SingleQuotedByteStringLiteral(_)
        | Value::DoubleQuotedByteStringLiteral(_)
        | Value::TripleSingleQuotedByteStringLiteral(_)
        | Value::TripleDoubleQuotedByteStringLiteral(_)
        | Value::HexStringLiteral(_) => ("a literal of bytes", "a column holds no bytes: compare hex(x) with a text"),
        Value::TripleSingleQuotedString(_)
        | Value::TripleDoubleQuotedString(_)
        | Value::SingleQuotedRawStringLiteral(_)
        | Value::DoubleQuotedRawStringLiteral(_)
        | Value::TripleSingleQuotedRawStringLiteral(_)
        | Value::TripleDoubleQuotedRawStringLiteral(_)
        | Value::NationalStringLiteral(_)
        | Value::QuoteDelimitedStringLiteral(_)
        | Value::NationalQuoteDelimitedStringLiteral(_) => ("this way to quote a text", "write 'text', a quote in it twice"),
    })
}

fn of_function(function: &Function) -> Option<(&'static str, &'static str)> {
    let Function { name, uses_odbc_syntax, parameters, args, filter: _, null_treatment: _, over, within_group: _ } =
        function;
    let of_another = |spec: &WindowSpec| spec.window_name.is_some();
    if matches!(over, Some(WindowType::WindowSpec(spec)) if of_another(spec)) {
        return Some(("a window made of another", MADE_OF_ANOTHER));
    }
    if *uses_odbc_syntax {
        return Some(("{fn …}", "write the call without braces"));
    }
    if !matches!(parameters, FunctionArguments::None) {
        return Some(("a call with two lists of arguments", "write one list"));
    }
    match args {
        FunctionArguments::None => None,
        FunctionArguments::Subquery(_) => Some(("a query as an argument", "put it into parentheses of its own")),
        FunctionArguments::List(FunctionArgumentList { duplicate_treatment: _, args, clauses }) => {
            let named = |arg: &FunctionArg| matches!(arg, FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. });
            if args.iter().any(named) {
                return Some((
                    "an argument by name",
                    "write the arguments in their order, which `spotmill functions` shows",
                ));
            }
            let star = |arg: &FunctionArg| !matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
            if args.iter().any(star) && !name.to_string().eq_ignore_ascii_case("count") {
                return Some(("`*` as an argument", "name the column; COUNT(*) counts rows"));
            }
            clauses.iter().find_map(of_clause)
        }
    }
}

fn of_clause(clause: &FunctionArgumentClause) -> Option<(&'static str, &'static str)> {
    Some(match clause {
        FunctionArgumentClause::IgnoreOrRespectNulls(_) | FunctionArgumentClause::OrderBy(_) => return None,
        FunctionArgumentClause::Limit(_) => {
            ("LIMIT inside an aggregate", "number the rows in a subquery, and filter them")
        }
        FunctionArgumentClause::OnOverflow(_) => ("ON OVERFLOW", LEAVE_OUT),
        FunctionArgumentClause::Having(_) => ("HAVING inside an aggregate", "use ARG_MAX(x, y) or ARG_MIN(x, y)"),
        FunctionArgumentClause::Separator(_) => ("SEPARATOR", "write it as the second argument: STRING_AGG(x, ',')"),
        FunctionArgumentClause::JsonNullClause(_) | FunctionArgumentClause::JsonReturningClause(_) => {
            ("a clause of a JSON function", LEAVE_OUT)
        }
    })
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(inner) => is_literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        _ => false,
    }
}

fn of_interval(interval: &Interval) -> Option<(&'static str, &'static str)> {
    let Interval { value, leading_field: _, leading_precision, last_field, fractional_seconds_precision } = interval;
    if !is_literal(value) {
        return Some((
            "INTERVAL of an expression",
            "add days with time + x, or write x * 60 and the like in to_timestamp",
        ));
    }
    let ranged = leading_precision.is_some() || last_field.is_some() || fractional_seconds_precision.is_some();
    ranged.then_some((
        "an INTERVAL of two fields or with a precision",
        "write INTERVAL '14 months' or INTERVAL 90 MINUTE",
    ))
}
