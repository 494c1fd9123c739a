//! `arg_max` and `arg_min`: rows in which one of the two is NULL do not count; of equal ones the first row wins.

use super::{both, one_float, value};
use crate::functions::fold::Fold;
use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use std::cmp::Ordering;

#[derive(Debug)]
pub struct Extreme {
    wins: Ordering,
    best: ScalarValue,
    /// One value: what the best is ordered by.
    key: Option<ArrayRef>,
    ty: DataType,
}

impl Extreme {
    pub fn new(greatest: bool, ty: DataType) -> Self {
        let wins = if greatest { Ordering::Greater } else { Ordering::Less };
        Self { wins, best: ScalarValue::Null, key: None, ty }
    }
}

impl Fold for Extreme {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [given, keys] = values else { return exec_err!("two arguments are needed") };
        let keys = one_float(keys);
        let mut rows = (0..keys.len()).filter(|row| both(given, &keys, *row));
        let Some(first) = rows.next() else { return Ok(()) };
        let compare = make_comparator(&keys, &keys, SortOptions::default())?;
        let best = rows.fold(first, |best, row| if compare(row, best) == self.wins { row } else { best });
        let better = match &self.key {
            Some(key) => make_comparator(&keys, key, SortOptions::default())?(best, 0) == self.wins,
            None => true,
        };
        if better {
            self.best = value(given, best)?;
            self.key = Some(keys.slice(best, 1));
        }
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        match self.key {
            Some(_) => Ok(self.best.clone()),
            None => ScalarValue::try_from(&self.ty),
        }
    }

    fn held(&self) -> usize {
        self.best.size()
    }
}
