//! Operators that the parser knows from some engine and that have no meaning here, or another one in each engine.

use sqlparser::ast::{BinaryOperator, UnaryOperator};

const JSON: &str = "declare a column with its path into the JSON under [step.input]";
const SHIFT: &str = "write x * 2 or x // 2 as often as needed, or use power(2, n)";
const NO_LISTS: &str = "a column holds one value: write IN (…), or join a table of the values";
const NO_SHAPES: &str = "there are no shapes and no ranges: compare their numbers";

/// What an operator is called that nobody plans, and what to write instead.
pub fn binary(op: &BinaryOperator) -> Option<(&'static str, &'static str)> {
    use BinaryOperator as Op;
    Some(match op {
        Op::Plus
        | Op::Minus
        | Op::Multiply
        | Op::Divide
        | Op::Modulo
        | Op::StringConcat
        | Op::Gt
        | Op::Lt
        | Op::GtEq
        | Op::LtEq
        | Op::Eq
        | Op::NotEq
        | Op::And
        | Op::Or
        | Op::BitwiseOr
        | Op::BitwiseAnd
        | Op::DuckIntegerDivide
        | Op::MyIntegerDivide
        | Op::PGRegexMatch
        | Op::PGRegexIMatch
        | Op::PGRegexNotMatch
        | Op::PGRegexNotIMatch
        | Op::PGLikeMatch
        | Op::PGILikeMatch
        | Op::PGNotLikeMatch
        | Op::PGNotILikeMatch
        | Op::PGStartsWith => return None,
        Op::Spaceship => ("the operator `<=>`", "write a IS NOT DISTINCT FROM b"),
        Op::Xor => ("XOR of conditions", "write a <> b"),
        // A power in DuckDB and PostgreSQL, bits in MySQL.
        Op::BitwiseXor | Op::PGExp => ("the operator `^`", "write power(a, b); of bits xor(a, b)"),
        Op::PGBitwiseXor => ("the operator `#`", "write xor(a, b)"),
        Op::PGBitwiseShiftLeft => ("the operator `<<`", SHIFT),
        Op::PGBitwiseShiftRight => ("the operator `>>`", SHIFT),
        Op::Match | Op::Regexp => ("MATCH or REGEXP", "use regexp_matches(text, pattern)"),
        Op::PGOverlap => ("the operator `&&`", "write AND; a column holds no list"),
        Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow => ("an arrow into JSON", JSON),
        Op::HashMinus | Op::AtQuestion | Op::Question | Op::QuestionAnd | Op::QuestionPipe => {
            ("an operator of JSON", JSON)
        }
        Op::AtAt => ("the operator `@@`", "use contains(text, word) or regexp_matches"),
        Op::AtArrow | Op::ArrowAt => ("the operator `@>` or `<@`", NO_LISTS),
        Op::Overlaps => ("OVERLAPS", "write start1 < end2 AND start2 < end1"),
        Op::Assignment => ("the operator `:=`", "name the value in a subquery"),
        Op::Custom(_) | Op::PGCustomBinaryOperator(_) => ("an operator of your own", "use a function of your worker"),
        Op::DoubleHash
        | Op::LtDashGt
        | Op::AndLt
        | Op::AndGt
        | Op::LtLtPipe
        | Op::PipeGtGt
        | Op::AndLtPipe
        | Op::PipeAndGt
        | Op::LtCaret
        | Op::GtCaret
        | Op::QuestionHash
        | Op::QuestionDash
        | Op::QuestionDashPipe
        | Op::QuestionDoublePipe
        | Op::At
        | Op::TildeEq => ("an operator of shapes", NO_SHAPES),
    })
}

/// The same for an operator before or after one value.
pub fn unary(op: UnaryOperator) -> Option<(&'static str, &'static str)> {
    use UnaryOperator as Op;
    Some(match op {
        Op::Plus | Op::Minus | Op::Not => return None,
        Op::BangNot => ("the operator `!`", "write NOT"),
        Op::BitwiseNot => ("the operator `~` before a value", "write -1 - x"),
        Op::PGAbs => ("the operator `@`", "write abs(x)"),
        Op::PGCubeRoot => ("the operator `||/`", "write cbrt(x)"),
        Op::PGSquareRoot => ("the operator `|/`", "write sqrt(x)"),
        Op::PGPostfixFactorial | Op::PGPrefixFactorial => ("a factorial written as `!`", "write factorial(x)"),
        Op::AtDashAt | Op::DoubleAt | Op::Hash | Op::QuestionDash | Op::QuestionPipe => {
            ("an operator of shapes", NO_SHAPES)
        }
    })
}
