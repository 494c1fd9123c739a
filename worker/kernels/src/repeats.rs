//! Repeats, for DISTINCT: which rows have the same arguments. It promises, for any frame, to find the first and the
//! last row of a value in it. It never holds a row of the input.

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use datafusion_common::{HashMap, Result};

use crate::keys::encoded;

pub(crate) struct Repeats {
    /// For each row, one more than the row before it of the same arguments; 0 where there is none.
    after_previous: Vec<usize>,
    /// For each row, the row after it of the same arguments; the greatest number where there is none.
    next: Vec<usize>,
}

impl Repeats {
    pub(crate) fn new(args: &[ArrayRef]) -> Result<Repeats> {
        let args: Vec<_> = args.iter().map(|arg| (arg.clone(), SortOptions::default())).collect();
        let rows = encoded(&args)?;
        let mut repeats = Repeats { after_previous: vec![0; rows.num_rows()], next: vec![usize::MAX; rows.num_rows()] };
        let mut last = HashMap::new();
        for row in 0..rows.num_rows() {
            if let Some(previous) = last.insert(rows.row(row), row) {
                repeats.after_previous[row] = previous + 1;
                repeats.next[previous] = row;
            }
        }
        Ok(repeats)
    }

    /// Whether no row from this start on, and before the row, has its arguments.
    pub(crate) fn is_first(&self, row: usize, start: usize) -> bool {
        self.after_previous[row] <= start
    }

    pub(crate) fn next(&self, row: usize) -> usize {
        self.next[row]
    }
}
