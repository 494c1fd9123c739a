//! `corr` and `regr_slope` as DuckDB has them: NaN where there are pairs but one side never changes, NULL where there is
//! no pair. `regr_count` is int64 as every count.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Correlation(Arc<AggregateUDF>);

impl Correlation {
    pub fn of(function: &Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        match function.name() {
            "corr" | "regr_slope" | "regr_count" => Arc::new(AggregateUDF::from(Self(function.clone()))),
            _ => function.clone(),
        }
    }
}

impl Correlation {
    fn counts(&self) -> bool {
        self.0.name() == "regr_count"
    }
}

impl AggregateUDFImpl for Correlation {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match self.counts() {
            true => Ok(DataType::Int64),
            false => self.0.return_type(types),
        }
    }

    fn default_value(&self, ty: &DataType) -> Result<ScalarValue> {
        if self.counts() { Ok(ScalarValue::Int64(Some(0))) } else { ScalarValue::try_from(ty) }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let counts = self.counts();
        Ok(Box::new(Pairs { inner: self.0.accumulator(args)?, pairs: 0, counts }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.state_fields(args)
    }
}

#[derive(Debug)]
struct Pairs {
    inner: Box<dyn Accumulator>,
    pairs: usize,
    counts: bool,
}

impl Accumulator for Pairs {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |v| v.len());
        self.pairs += (0..rows).filter(|row| values.iter().all(|v| v.is_valid(*row))).count();
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.counts {
            return Ok(ScalarValue::Int64(Some(self.pairs as i64)));
        }
        let value = self.inner.evaluate()?;
        Ok(if value.is_null() && self.pairs > 0 { ScalarValue::Float64(Some(f64::NAN)) } else { value })
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}
