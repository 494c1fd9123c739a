//! What an expression or a name is, by its form.

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, UnaryOperator};
use sqlparser::tokenizer::Span;

/// How many operators stand in each other, from the left; AND and OR do not count, they are taken apart.
pub(super) fn operations(expr: &Expr) -> usize {
    let (mut count, mut at) = (0, expr);
    loop {
        at = match at {
            Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } => return count,
            Expr::BinaryOp { left, .. } => left,
            Expr::Nested(inner) => {
                at = inner;
                continue;
            }
            _ => return count,
        };
        count += 1;
    }
}

/// Whether an expression binds more tightly than a comparison.
pub(super) fn is_operand(expr: &Expr) -> bool {
    use BinaryOperator::{
        BitwiseAnd, BitwiseOr, Divide, DuckIntegerDivide, Minus, Modulo, Multiply, MyIntegerDivide, Plus, StringConcat,
    };
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            Plus | Minus
                | Multiply
                | Divide
                | DuckIntegerDivide
                | MyIntegerDivide
                | Modulo
                | StringConcat
                | BitwiseAnd
                | BitwiseOr
        ),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Nested(_)
        | Expr::Function(_)
        | Expr::Cast { .. }
        | Expr::Case { .. }
        | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. }
        | Expr::Extract { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Overlay { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Interval(_)
        | Expr::Tuple(_)
        | Expr::Exists { .. }
        | Expr::Subquery(_) => true,
        _ => false,
    }
}

pub(super) fn is_located(span: Span) -> bool {
    span.start.line > 0
}

/// `'a.csv'` in place of a name.
pub(super) fn is_text(name: &ObjectName) -> bool {
    name.0.iter().filter_map(|part| part.as_ident()).any(|ident| ident.quote_style == Some('\''))
}

/// The rows that stand in a comparison which reads them value by value.
pub(super) fn compared_rows(expr: &Expr) -> Vec<&Expr> {
    let operands: Vec<&Expr> = match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right) => vec![left, right],
        Expr::InList { expr, list, negated: _ } => std::iter::once(expr.as_ref()).chain(list).collect(),
        Expr::InSubquery { expr, .. } => vec![expr],
        _ => Vec::new(),
    };
    match operands.iter().all(|operand| matches!(operand, Expr::Tuple(_))) {
        true => operands,
        false => Vec::new(),
    }
}

pub(super) fn is_file_function(name: &str) -> bool {
    const FILES: &[&str] =
        &["csv", "parquet", "ipc", "json", "ndjson", "json_auto", "csv_auto", "text", "blob", "delta"];
    let name = name.to_ascii_lowercase();
    ["read_", "scan_"].iter().any(|p| name.strip_prefix(p).is_some_and(|rest| FILES.contains(&rest)))
}
