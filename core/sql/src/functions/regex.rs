//! Regular expressions in one form. DataFusion's simplifier turns some calls into operators of its own; they are turned
//! back, so that whoever runs a plan knows the function only.

use super::registry::built_in;
use datafusion_common::ScalarValue;
use datafusion_expr::{BinaryExpr, Expr, Operator, lit};

/// The call that an operator of regular expressions stands for; nothing for any other operator.
pub fn as_call(binary: &BinaryExpr) -> Option<Expr> {
    let (negated, any_case) = match binary.op {
        Operator::RegexMatch => (false, false),
        Operator::RegexIMatch => (false, true),
        Operator::RegexNotMatch => (true, false),
        Operator::RegexNotIMatch => (true, true),
        _ => return None,
    };
    let pattern = match binary.right.as_ref() {
        Expr::Literal(value, _) if any_case => lit(format!("(?i){}", value.try_as_str()??)),
        Expr::Literal(ScalarValue::Null, _) => Expr::Literal(ScalarValue::Utf8(None), None),
        other => other.clone(),
    };
    let call = built_in().scalars.get("regexp_like")?.call(vec![binary.left.as_ref().clone(), pattern]);
    Some(if negated { Expr::Not(Box::new(call)) } else { call })
}
