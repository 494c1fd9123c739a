//! `mode`, `count_if`, `product`. NULL does not count.

use super::{first_of, one_float, value};
use crate::functions::fold::Fold;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion_common::{Result, ScalarValue};
use std::collections::HashMap;

/// The most frequent value; of those that are as frequent, the one that comes first.
#[derive(Debug)]
pub struct Mode {
    ty: DataType,
    /// How often a value comes, and as which of all values it came first.
    counts: HashMap<ScalarValue, (u64, usize)>,
}

impl Mode {
    pub fn new(ty: DataType) -> Self {
        Self { ty, counts: HashMap::new() }
    }
}

impl Fold for Mode {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let array = one_float(first_of(values)?);
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            let next = self.counts.len();
            self.counts.entry(value(&array, row)?).or_insert((0, next)).0 += 1;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        let most = self.counts.iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
        match most {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.ty),
        }
    }

    fn held(&self) -> usize {
        self.counts.keys().map(|v| v.size() + 16).sum::<usize>()
    }
}

/// NULL where there is no condition to count, as any sum.
#[derive(Debug, Default)]
pub struct CountIf {
    rows: bool,
    count: i64,
}

impl Fold for CountIf {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let array = first_of(values)?;
        self.rows |= array.null_count() < array.len();
        self.count += array.as_boolean().true_count() as i64;
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(self.rows.then_some(self.count)))
    }
}

#[derive(Debug, Default)]
pub struct Product(Option<f64>);

impl Fold for Product {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        for v in first_of(values)?.as_primitive::<Float64Type>().iter().flatten() {
            self.0 = Some(self.0.unwrap_or(1.0) * v);
        }
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.0))
    }
}
