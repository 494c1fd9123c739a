//! The rows of a window in their final order: by partition, then by the keys of the order, ties as they came. It
//! promises where each partition and each group of peers lies, and brings values back to the order of the input. It
//! never reads arguments or frames.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt64Array};
use arrow::compute::{SortOptions, take};
use arrow::row::Rows;
use datafusion_common::Result;

use crate::keys::encoded;

pub(crate) struct Layout {
    /// For each row in order, its number in the input.
    order: UInt64Array,
    pub(crate) partitions: Vec<Partition>,
    /// Rows that are equal in the order, group after group. A partition begins a group.
    pub(crate) peers: Vec<Range<usize>>,
}

pub(crate) struct Partition {
    pub(crate) rows: Range<usize>,
    /// Which groups of peers the partition holds.
    pub(crate) peers: Range<usize>,
}

impl Layout {
    pub(crate) fn new(partition_by: &[ArrayRef], order_by: &[(ArrayRef, SortOptions)], rows: usize) -> Result<Layout> {
        let partition_by: Vec<_> = partition_by.iter().map(|key| (key.clone(), SortOptions::default())).collect();
        let (partition_by, order_by) = (encoded_some(&partition_by)?, encoded_some(order_by)?);
        let mut order: Vec<u64> = (0..rows as u64).collect();
        if partition_by.is_some() || order_by.is_some() {
            order.sort_by(|left, right| {
                let (left, right) = (*left as usize, *right as usize);
                compare(partition_by.as_ref(), left, right).then_with(|| compare(order_by.as_ref(), left, right))
            });
        }
        let mut layout = Layout { order: order.into(), partitions: Vec::new(), peers: Vec::new() };
        layout.divide(partition_by.as_ref(), order_by.as_ref());
        Ok(layout)
    }

    fn divide(&mut self, partition_by: Option<&Rows>, order_by: Option<&Rows>) {
        let order = self.order.values();
        let (mut first_row, mut first_peer, mut first_group) = (0, 0, 0);
        for row in 1..=order.len() {
            let (left, right) = (row - 1, row);
            let ends = |keys: Option<&Rows>| {
                right == order.len() || compare(keys, order[left] as usize, order[right] as usize).is_ne()
            };
            let partition_ends = ends(partition_by);
            if partition_ends || ends(order_by) {
                self.peers.push(first_peer..row);
                first_peer = row;
            }
            if partition_ends {
                self.partitions.push(Partition { rows: first_row..row, peers: first_group..self.peers.len() });
                (first_row, first_group) = (row, self.peers.len());
            }
        }
    }

    pub(crate) fn sorted(&self, array: &ArrayRef) -> Result<ArrayRef> {
        Ok(take(array, &self.order, None)?)
    }

    pub(crate) fn sorted_filter(&self, filter: &BooleanArray) -> Result<BooleanArray> {
        Ok(take(filter, &self.order, None)?.as_boolean().clone())
    }

    /// Values to the order of the input: `value_of` names the value of each row in order.
    pub(crate) fn scattered(&self, values: &ArrayRef, value_of: impl Fn(usize) -> usize) -> Result<ArrayRef> {
        let mut indices = vec![0; self.order.len()];
        for (row, input) in self.order.values().iter().enumerate() {
            indices[*input as usize] = value_of(row) as u64;
        }
        Ok(take(values, &UInt64Array::from(indices), None)?)
    }
}

fn encoded_some(keys: &[(ArrayRef, SortOptions)]) -> Result<Option<Rows>> {
    if keys.is_empty() { Ok(None) } else { encoded(keys).map(Some) }
}

fn compare(keys: Option<&Rows>, left: usize, right: usize) -> Ordering {
    keys.map_or(Ordering::Equal, |keys| keys.row(left).cmp(&keys.row(right)))
}
