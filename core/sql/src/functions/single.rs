//! The one value of a subquery that stands for a value. Of no rows it is NULL, of more than one it is an error.

use super::fold::{Fold, Folded};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Single {
    signature: Signature,
}

impl Single {
    pub fn call(value: Expr) -> Expr {
        let function = Self { signature: Signature::any(1, Volatility::Immutable) };
        AggregateUDF::from(function).call(vec![value])
    }
}

impl AggregateUDFImpl for Single {
    fn name(&self) -> &str {
        "spotmill_single"
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

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let value = ScalarValue::try_from(args.return_field.data_type())?;
        Ok(Box::new(Folded(Value { value, rows: 0 })))
    }
}

#[derive(Debug)]
struct Value {
    value: ScalarValue,
    rows: usize,
}

impl Fold for Value {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return plan_err!("a subquery that stands for a value has one column") };
        self.rows += values.len();
        if self.rows > 1 {
            return exec_err!(
                "a subquery that stands for one value gave more than one row: add LIMIT 1 or an aggregate"
            );
        }
        if !values.is_empty() {
            self.value = ScalarValue::try_from_array(values, 0)?;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn held(&self) -> usize {
        self.value.size()
    }
}
