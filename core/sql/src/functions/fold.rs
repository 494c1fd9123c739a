//! Aggregates that see all rows of their group in one place: none of them merges states, which is stated here once.

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::Accumulator;
use std::fmt::Debug;

/// What an aggregate does with the rows of a group.
pub trait Fold: Debug + Send + Sync + 'static {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()>;

    fn value(&mut self) -> Result<ScalarValue>;

    /// Bytes beside the value itself.
    fn held(&self) -> usize {
        0
    }

    /// Whether rows that leave a frame can be taken back.
    fn takes_back(&self) -> bool {
        false
    }

    fn take_back(&mut self, _: &[ArrayRef]) -> Result<()> {
        exec_err!("rows of this aggregate are not taken back")
    }
}

/// A fold as DataFusion runs it.
#[derive(Debug)]
pub struct Folded<T>(pub T);

impl<T: Fold> Accumulator for Folded<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.take_back(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.takes_back()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.value()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.held()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        exec_err!("states of this aggregate are not merged")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        exec_err!("states of this aggregate are not merged")
    }
}
