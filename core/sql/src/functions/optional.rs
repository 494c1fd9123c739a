//! The value of a subquery, which is NULL where the subquery finds no row, whatever it selects: of a literal or a count
//! the planner would take it that the value is always there.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub const NAME: &str = "spotmill_optional";

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Optional {
    signature: Signature,
}

impl Optional {
    pub fn call(value: Expr) -> Expr {
        let function = Self { signature: Signature::any(1, Volatility::Immutable) };
        Arc::new(ScalarUDF::from(function)).call(vec![value])
    }
}

impl ScalarUDFImpl for Optional {
    fn name(&self) -> &str {
        NAME
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args[0].to_string())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args[0].schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [ty] => Ok(ty.clone()),
            _ => plan_err!("a subquery that stands for a value has one column"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [field] => Ok(Arc::new(Field::new(field.name(), field.data_type().clone(), true))),
            _ => plan_err!("a subquery that stands for a value has one column"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [value] => Ok(value.clone()),
            _ => exec_err!("a subquery that stands for a value has one column"),
        }
    }
}
