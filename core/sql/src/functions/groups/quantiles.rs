//! `quantile_disc`, a value of the group, and `quantile_cont`, between two of them. NULL does not count.

use super::{one_float, value};
use crate::functions::fold::Fold;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{SortOptions, concat, sort_to_indices};
use arrow::datatypes::{DataType, Float64Type};
use datafusion_common::{Result, ScalarValue, exec_err};

#[derive(Clone, Copy, Debug)]
pub enum Between {
    Lower,
    Both,
}

#[derive(Debug)]
pub struct Quantile {
    name: &'static str,
    ty: DataType,
    between: Between,
    part: Option<f64>,
    values: Vec<ArrayRef>,
}

impl Quantile {
    pub fn new(name: &'static str, ty: DataType, between: Between) -> Self {
        Self { name, ty, between, part: None, values: Vec::new() }
    }

    /// The share of the group that lies below, the same for each row.
    fn take_part(&mut self, parts: &ArrayRef) -> Result<()> {
        let parts = parts.as_primitive::<Float64Type>();
        for part in parts.iter() {
            match part.filter(|p| (0.0..=1.0).contains(p)) {
                Some(part) if self.part.is_none_or(|p| p == part) => self.part = Some(part),
                Some(_) => return exec_err!("the second argument of {} is a literal", self.name),
                None => return exec_err!("the second argument of {} is a number from 0 to 1", self.name),
            }
        }
        Ok(())
    }
}

impl Fold for Quantile {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [given, parts] = values else { return exec_err!("{} takes two arguments", self.name) };
        self.take_part(parts)?;
        self.values.push(one_float(given));
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        let arrays: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        let (Some(part), false) = (self.part, arrays.is_empty()) else { return ScalarValue::try_from(&self.ty) };
        let all = concat(&arrays)?;
        let order = sort_to_indices(&all, Some(SortOptions { descending: false, nulls_first: false }), None)?;
        let count = all.len() - all.logical_null_count();
        self.values = vec![all.clone()];
        if count == 0 {
            return ScalarValue::try_from(&self.ty);
        }
        let at = |place: usize| value(&all, order.value(place) as usize);
        match self.between {
            Between::Lower => {
                let above = (count as f64 - part * count as f64).floor() as usize;
                at((count - above).max(1) - 1)
            }
            Between::Both => {
                let place = (count - 1) as f64 * part;
                let (low, high, share) = (place.floor(), place.ceil(), place.fract());
                let number = |place: f64| match at(place as usize)? {
                    ScalarValue::Float64(Some(v)) => Ok(v),
                    other => exec_err!("{} of {other}", self.name),
                };
                let (low, high) = (number(low)?, number(high)?);
                let between = if share == 0.0 { low } else { low * (1.0 - share) + high * share };
                Ok(ScalarValue::Float64(Some(between)))
            }
        }
    }

    fn held(&self) -> usize {
        self.values.iter().map(|v| v.get_array_memory_size()).sum::<usize>()
    }
}
