//! `x IN (…)` and `x NOT IN (…)` as functions. DataFusion merges lists over one value without a thought for NULL, and for
//! columns among their items: `x NOT IN (…) OR x NOT IN (…)` became true where x is NULL. It leaves functions as they are;
//! the engine translates these (`Member`), and nothing evaluates them here.

use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Arguments: the value, and the items of the list, all of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Member {
    pub negated: bool,
    signature: Signature,
}

impl Member {
    pub fn call(value: Expr, list: Vec<Expr>, negated: bool) -> Expr {
        let function = ScalarUDF::from(Self { negated, signature: Signature::user_defined(Volatility::Immutable) });
        Arc::new(function).call(std::iter::once(value).chain(list).collect())
    }

    pub fn word(&self) -> &'static str {
        if self.negated { "NOT IN" } else { "IN" }
    }
}

impl ScalarUDFImpl for Member {
    fn name(&self) -> &str {
        if self.negated { "spotmill_not_in" } else { "spotmill_in" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} is for the engine", self.word())
    }
}
