//! Expressions: what the engine does exactly as planned becomes its own expression, every other function is called as
//! it is (`call`). An unlisted expression is refused.

use super::call::{Argument, call};
use super::comparison::{between, comparison, equal};
use super::{Rows, engine_type, failed, literal, untranslated};
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion_common::{Column as PlanColumn, DFSchema, ScalarValue};
use datafusion_expr::expr::{Between, Cast, InList, Like, ScalarFunction};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{BinaryExpr, Expr as Plan, ExprSchemable, Operator};
use polars::prelude::*;
use spotmill_sql::functions::arithmetic::{Arithmetic, Op};
use spotmill_sql::functions::cast::Conversion;
use spotmill_sql::functions::like::Matching;
use spotmill_sql::functions::member::Member;
use spotmill_sql::functions::nearest;
use spotmill_sql::functions::optional;

/// The length above which `IN` searches a set.
const SHORT_LIST: usize = 8;

/// Expressions over the columns of one input.
pub struct Expressions<'a> {
    schema: &'a DFSchema,
    columns: &'a [PlSmallStr],
    subqueries: &'a [(Subquery, PlSmallStr)],
    /// Whether a value that is an error is NULL.
    pub(super) tries: bool,
}

impl<'a> Expressions<'a> {
    pub fn new(schema: &'a DFSchema, rows: &'a Rows) -> Self {
        Self { schema, columns: &rows.columns, subqueries: &[], tries: false }
    }

    pub fn with(schema: &'a DFSchema, columns: &'a [PlSmallStr], subqueries: &'a [(Subquery, PlSmallStr)]) -> Self {
        Self { schema, columns, subqueries, tries: false }
    }

    /// The expression with NULL in place of errors.
    pub(super) fn trying(&self, plan: &Plan) -> PolarsResult<Expr> {
        Self { tries: true, ..*self }.guarded(plan, None)
    }

    pub fn of(&self, plan: &Plan) -> PolarsResult<Expr> {
        self.guarded(plan, None)
    }

    pub fn ty(&self, plan: &Plan) -> PolarsResult<ArrowType> {
        plan.get_type(self.schema).map_err(failed)
    }

    pub fn column(&self, column: &PlanColumn) -> PolarsResult<PlSmallStr> {
        let index = self.schema.index_of_column(column).map_err(failed)?;
        Ok(self.columns[index].clone())
    }

    /// Where `guard` is not true the value does not matter, and must be no error.
    pub(super) fn guarded(&self, plan: &Plan, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let of = |e: &Plan| self.guarded(e, guard);
        Ok(match plan {
            Plan::Alias(alias) => of(&alias.expr)?,
            Plan::Column(column) => col(self.column(column)?),
            Plan::Literal(value, _) => literal::literal(value)?,
            Plan::BinaryExpr(binary) => self.binary(binary, guard)?,
            Plan::Not(e) => of(e)?.not(),
            Plan::IsNotNull(e) | Plan::IsNotUnknown(e) => of(e)?.is_not_null(),
            Plan::IsNull(e) | Plan::IsUnknown(e) => of(e)?.is_null(),
            Plan::IsTrue(e) => of(e)?.fill_null(lit(false)),
            Plan::IsFalse(e) => of(e)?.not().fill_null(lit(false)),
            Plan::IsNotTrue(e) => of(e)?.fill_null(lit(false)).not(),
            Plan::IsNotFalse(e) => of(e)?.fill_null(lit(true)),
            Plan::Negative(e) => match self.ty(e)? {
                ArrowType::Float32 | ArrowType::Float64 => lit(-1.0).cast(engine_type(&self.ty(e)?)?) * of(e)?,
                ArrowType::Decimal128(..) => self.negated_decimal(e, guard)?,
                other => return Err(untranslated(format!("`-` takes no {other}: subtract from zero"))),
            },
            Plan::Between(Between { expr, negated, low, high }) => {
                let inside = between(&of(expr)?, &of(low)?, &of(high)?);
                if *negated { inside.not() } else { inside }
            }
            // Made by the planner of other functions, with a backslash as the escape.
            Plan::Like(Like { negated, expr, pattern, escape_char: None, case_insensitive }) => {
                let (value, pattern) = (expr.as_ref().clone(), pattern.as_ref().clone());
                self.guarded(&Matching::call(value, pattern, *negated, *case_insensitive, Some('\\')), guard)?
            }
            Plan::Case(case) => self.case(case, guard)?,
            Plan::Cast(Cast { expr, field }) => self.cast(expr, field.data_type(), guard)?,
            Plan::InList(InList { expr, list, negated }) => self.in_list(expr, list, *negated, guard)?,
            Plan::ScalarFunction(function) => self.function(function, plan, guard)?,
            Plan::ScalarSubquery(subquery) => match self.subqueries.iter().find(|(planned, _)| planned == subquery) {
                Some((_, column)) => col(column.clone()),
                None => {
                    return Err(untranslated("a scalar subquery cannot stand here: put it into a CTE and join it"));
                }
            },
            Plan::WindowFunction(_) => {
                return Err(untranslated(
                    "a window function cannot stand here: use QUALIFY, or a subquery that makes it",
                ));
            }
            Plan::Placeholder(param) => {
                return Err(untranslated(format!(
                    "there is no param `{}`: declare it, or give it with --param",
                    param.id
                )));
            }
            other => {
                let text = spotmill_sql::describe(other);
                return Err(untranslated(format!("`{text}` is not supported: write it another way")));
            }
        })
    }

    fn binary(&self, binary: &BinaryExpr, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let BinaryExpr { left, op, right } = binary;
        if matches!(op, Operator::And | Operator::Or) {
            return self.chain(binary, guard);
        }
        let l = self.guarded(left, guard)?;
        let r = self.guarded(right, guard)?;
        if let Some(comparison) = comparison(*op, &l, &r) {
            return Ok(comparison);
        }
        Ok(match op {
            Operator::StringConcat => {
                let text = |side: &Plan, made: Expr| match self.ty(side)?.is_string() {
                    true => Ok(made),
                    false => self.guarded(&Conversion::call(side.clone(), ArrowType::Utf8View, false), guard),
                };
                concat_str([text(left, l)?, text(right, r)?], "", false)
            }
            Operator::BitwiseAnd | Operator::BitwiseOr | Operator::BitwiseXor => {
                let wide = |e: Expr| e.cast(DataType::Int64);
                let out = match op {
                    Operator::BitwiseAnd => wide(l).and(wide(r)),
                    Operator::BitwiseOr => wide(l).or(wide(r)),
                    _ => wide(l).xor(wide(r)),
                };
                out.cast(engine_type(&self.ty(&Plan::BinaryExpr(binary.clone()))?)?)
            }
            Operator::BitwiseShiftRight => match constant(right).map(|v| v.cast_to(&ArrowType::Int64)) {
                // The planner's own, of numbers that encode the keys of a grouping set.
                Some(Ok(ScalarValue::Int64(Some(bits)))) if (0..63).contains(&bits) => {
                    l.cast(DataType::Int64).floor_div(lit(1i64 << bits)).cast(engine_type(&self.ty(left)?)?)
                }
                _ => return Err(untranslated("the operator `>>` is not supported: divide by a power of 2")),
            },
            other => return Err(untranslated(format!("the operator `{other}` is not supported: use a function"))),
        })
    }

    fn negated_decimal(&self, inner: &Plan, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let zero = Plan::Literal(ScalarValue::Decimal128(Some(0), 1, 0), None);
        self.guarded(&Arithmetic::call(Op::Subtract, zero, inner.clone()), guard)
    }

    fn in_list(&self, expr: &Plan, list: &[Plan], negated: bool, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let value = self.guarded(expr, guard)?;
        let literals: Option<Vec<&ScalarValue>> = list
            .iter()
            .map(|item| match item {
                Plan::Literal(value, _) => Some(value),
                _ => None,
            })
            .collect();
        let found = match literals {
            Some(literals) if literals.len() > SHORT_LIST => in_set(value, &literals)?,
            _ => {
                let mut any: Option<Expr> = None;
                for item in list {
                    let other = self.guarded(item, guard)?;
                    let equal = equal(&value, &other);
                    any = Some(match any {
                        Some(any) => any.or(equal),
                        None => equal,
                    });
                }
                any.ok_or_else(|| untranslated("IN needs a list"))?
            }
        };
        Ok(if negated { found.not() } else { found })
    }

    /// A conversion that the planner added.
    fn cast(&self, inner: &Plan, to: &ArrowType, guard: Option<&Expr>) -> PolarsResult<Expr> {
        if let Plan::Literal(value, _) = inner {
            return literal::literal(&nearest::constant(value, to).map_err(failed)?);
        }
        let from = self.ty(inner)?;
        if from.is_null() {
            return Ok(literal::null(engine_type(to)?));
        }
        if &from == to || (from.is_string() && to.is_string()) {
            return self.guarded(inner, guard);
        }
        if lossless(&from, to) {
            return Ok(self.guarded(inner, guard)?.strict_cast(engine_type(to)?));
        }
        self.guarded(&Conversion::call(inner.clone(), to.clone(), false), guard)
    }

    fn function(&self, function: &ScalarFunction, whole: &Plan, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let ScalarFunction { func, args } = function;
        if let Some(native) = self.native(function, guard)? {
            return Ok(native);
        }
        let (_, return_field) = whole.to_field(self.schema).map_err(failed)?;
        let mut given = Vec::with_capacity(args.len());
        for arg in args {
            given.push(match constant(arg) {
                Some(value) => Argument::Literal(value),
                None => Argument::Column(self.guarded(arg, guard)?, self.ty(arg)?),
            });
        }
        if let Some(user) = func.inner().downcast_ref::<super::user::UserFunction>() {
            return user.call(given, guard, self.tries);
        }
        call(func, given, return_field, (guard, self.tries), spotmill_sql::describe(whole))
    }

    /// What the engine does exactly as the function does.
    fn native(&self, function: &ScalarFunction, guard: Option<&Expr>) -> PolarsResult<Option<Expr>> {
        let ScalarFunction { func, args } = function;
        let of = |e: &Plan| self.guarded(e, guard);
        if let Some(arithmetic) = func.inner().downcast_ref::<Arithmetic>() {
            return self.floats(arithmetic.op, args, guard);
        }
        if let Some(member) = func.inner().downcast_ref::<Member>() {
            let Some((value, list)) = args.split_first() else { return Ok(None) };
            return self.in_list(value, list, member.negated, guard).map(Some);
        }
        if let Some(conversion) = func.inner().downcast_ref::<Conversion>() {
            let [inner] = args.as_slice() else { return Ok(None) };
            let from = self.ty(inner)?;
            let same = from == conversion.to || (from.is_string() && conversion.to.is_string());
            return Ok(match same || lossless(&from, &conversion.to) {
                true if same => Some(of(inner)?),
                true => Some(of(inner)?.strict_cast(engine_type(&conversion.to)?)),
                false => None,
            });
        }
        Ok(match (func.name(), args.as_slice()) {
            ("coalesce", [_, ..]) => Some(self.coalesce(args, guard)?),
            // The kernel's zero below zero is not equal to zero.
            ("nullif", [x, y]) if self.ty(x)? == self.ty(y)? => {
                let (l, r) = (of(x)?, of(y)?);
                Some(when(equal(&l, &r)).then(literal::null(engine_type(&self.ty(x)?)?)).otherwise(l))
            }
            (optional::NAME, [x]) => Some(of(x)?),
            ("lower", [x]) if self.ty(x)?.is_string() => Some(of(x)?.str().to_lowercase()),
            ("upper", [x]) if self.ty(x)?.is_string() => Some(of(x)?.str().to_uppercase()),
            ("btrim", [x]) if self.ty(x)?.is_string() => Some(of(x)?.str().strip_chars(lit(" "))),
            ("strftime", [x, Plan::Literal(format, _)]) => match (self.ty(x)?, format.try_as_str().flatten()) {
                (ArrowType::Date32, Some(format)) if plain_date_format(format) => Some(of(x)?.dt().to_string(format)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Arithmetic of floats is the processor's.
    fn floats(&self, op: Op, args: &[Plan], guard: Option<&Expr>) -> PolarsResult<Option<Expr>> {
        let [left, right] = args else { return Ok(None) };
        let float = |ty: ArrowType| matches!(ty, ArrowType::Float32 | ArrowType::Float64);
        if !float(self.ty(left)?) || self.ty(left)? != self.ty(right)? {
            return Ok(None);
        }
        let (l, r) = (self.guarded(left, guard)?, self.guarded(right, guard)?);
        Ok(match op {
            Op::Add => Some(l + r),
            Op::Subtract => Some(l - r),
            Op::Multiply => Some(l * r),
            Op::Divide => Some(super::call::divided(l, r)),
            Op::IntegerDivide | Op::Modulo => None,
        })
    }
}

/// The value of a literal, through conversions of it.
pub fn constant(plan: &Plan) -> Option<ScalarValue> {
    match plan {
        Plan::Literal(value, _) => Some(value.clone()),
        Plan::Alias(alias) => constant(&alias.expr),
        Plan::Cast(Cast { expr, field }) => nearest::constant(&constant(expr)?, field.data_type()).ok(),
        _ => None,
    }
}

/// Whether every value of `from` is one of `to`, and the engine's conversion gives it.
fn lossless(from: &ArrowType, to: &ArrowType) -> bool {
    use ArrowType::{Date32, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32, UInt64};
    let rank = |ty: &ArrowType| match ty {
        Int8 => Some((true, 8)),
        Int16 => Some((true, 16)),
        Int32 => Some((true, 32)),
        Int64 => Some((true, 64)),
        UInt8 => Some((false, 8)),
        UInt16 => Some((false, 16)),
        UInt32 => Some((false, 32)),
        UInt64 => Some((false, 64)),
        _ => None,
    };
    match (rank(from), rank(to)) {
        (Some((f, a)), Some((t, b))) => (f == t && a <= b) || (!f && t && a < b),
        (Some(_), None) => matches!(to, Float64),
        _ => matches!((from, to), (Float32, Float64) | (Date32, Timestamp(arrow::datatypes::TimeUnit::Microsecond, _))),
    }
}

/// Patterns that both formatters read alike.
fn plain_date_format(format: &str) -> bool {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c == '%' && !matches!(chars.next(), Some('Y' | 'm' | 'd' | 'j' | 'F' | '%')) {
            return false;
        }
    }
    true
}

/// `IN` over many literals: NULL where nothing is equal and one of the list is NULL.
fn in_set(value: Expr, literals: &[&ScalarValue]) -> PolarsResult<Expr> {
    let some: Vec<ScalarValue> = literals.iter().filter(|v| !v.is_null()).map(|v| (*v).clone()).collect();
    let has_null = some.len() < literals.len();
    if some.is_empty() {
        return Ok(literal::null(DataType::Boolean));
    }
    let array = ScalarValue::iter_to_array(some).map_err(failed)?;
    let series = super::bridged(spotmill_bridge::to_series("list", &array))?;
    let found = value.is_in(lit(series).implode(false), false);
    Ok(match has_null {
        true => when(found.clone()).then(found).otherwise(literal::null(DataType::Boolean)),
        false => found,
    })
}

/// The field of a planned expression, for calls of functions.
pub fn field(plan: &Plan, schema: &DFSchema) -> PolarsResult<FieldRef> {
    Ok(plan.to_field(schema).map_err(failed)?.1)
}
