//! `LIKE` and `ILIKE`: `%` and `_`, and an escape only where one is named. The kernel reads a backslash as an escape;
//! patterns are rewritten so that it does not.

use super::constants;
use arrow::array::{ArrayRef, AsArray, Datum, Scalar, StringViewArray};
use arrow::compute::{cast, kernels::comparison};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Matching {
    pub negated: bool,
    pub any_case: bool,
    pub escape: Option<char>,
    signature: Signature,
}

impl Matching {
    pub fn call(expr: Expr, pattern: Expr, negated: bool, any_case: bool, escape: Option<char>) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Self { negated, any_case, escape, signature })).call(vec![expr, pattern])
    }

    pub fn word(&self) -> &'static str {
        match (self.negated, self.any_case) {
            (false, false) => "LIKE",
            (true, false) => "NOT LIKE",
            (false, true) => "ILIKE",
            (true, true) => "NOT ILIKE",
        }
    }

    /// The pattern with `\` as the only escape.
    fn pattern(&self, text: &str) -> Result<String> {
        let mut out = String::with_capacity(text.len() + 4);
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                _ if Some(c) == self.escape => match rest.next() {
                    Some(next) => out.extend(['\\', next]),
                    None => return exec_err!("the pattern `{text}` ends with its escape character"),
                },
                '\\' => out.push_str("\\\\"),
                other => out.push(other),
            }
        }
        Ok(out)
    }
}

impl ScalarUDFImpl for Matching {
    fn name(&self) -> &str {
        "spotmill_like"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{} {} {}", args[0], self.word(), args[1]))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{} {} {} {:?}", args[0].schema_name(), self.word(), args[1].schema_name(), self.escape))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.iter().find(|ty| !ty.is_string() && !ty.is_null()) {
            Some(other) => plan_err!("{} takes strings, not {}: CAST it", self.word(), super::kinds::word(other)),
            None => Ok(vec![DataType::Utf8View; 2]),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, pattern] = args.args.as_slice() else { return exec_err!("LIKE takes two arguments") };
        let rewritten = |array: &ArrayRef| -> Result<ArrayRef> {
            let texts = cast(array, &DataType::Utf8View)?;
            let texts = texts.as_string_view().iter().map(|t| t.map(|t| self.pattern(t)).transpose());
            Ok(Arc::new(texts.collect::<Result<StringViewArray>>()?))
        };
        let value = cast(&value.to_array(constants::values(&args.args, args.number_rows))?, &DataType::Utf8View)?;
        let pattern: Box<dyn Datum> = match pattern {
            ColumnarValue::Array(array) => Box::new(rewritten(array)?),
            ColumnarValue::Scalar(value) => Box::new(Scalar::new(rewritten(&value.to_array()?)?)),
        };
        let kernel = match (self.negated, self.any_case) {
            (false, false) => comparison::like,
            (true, false) => comparison::nlike,
            (false, true) => comparison::ilike,
            (true, true) => comparison::nilike,
        };
        constants::made(Arc::new(kernel(&value, pattern.as_ref())?), &args.args)
    }
}
