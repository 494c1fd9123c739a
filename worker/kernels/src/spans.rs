//! The frames of rows in order. Neighbours of the same frame share it.

use std::ops::Range;

#[derive(Default)]
pub(crate) struct Frames {
    /// The frames in order of their rows, each as a range of rows in order.
    pub(crate) spans: Vec<Range<usize>>,
    /// For each row in order, which of the spans is its frame.
    pub(crate) of_row: Vec<usize>,
}

impl Frames {
    /// Gives the next rows their frame.
    pub(crate) fn push(&mut self, span: Range<usize>, rows: usize) {
        if self.spans.last() != Some(&span) {
            self.spans.push(span);
        }
        self.of_row.extend(std::iter::repeat_n(self.spans.len() - 1, rows));
    }
}
