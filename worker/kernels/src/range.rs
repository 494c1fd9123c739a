//! Frames of RANGE: bounds by the value of the key, not by counting. It promises that peers share a frame, and that a
//! null or a NaN reaches, by any offset, its own peers only. It never takes an offset over more keys than one.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{WindowFrame, WindowFrameBound};

use crate::layout::{Layout, Partition};
use crate::offset::moved;
use crate::spans::Frames;

pub(crate) fn frames(frame: &WindowFrame, layout: &Layout, order_by: &[(ArrayRef, SortOptions)]) -> Result<Frames> {
    let start = Edge::new(&frame.start_bound, layout, order_by)?;
    let end = Edge::new(&frame.end_bound, layout, order_by)?;
    let mut frames = Frames::default();
    for partition in &layout.partitions {
        for group in &layout.peers[partition.peers.clone()] {
            let first = start.first(group, partition);
            let last = end.last(group, partition);
            frames.push(first..last.max(first), group.len());
        }
    }
    Ok(frames)
}

enum Edge {
    Unbounded,
    Peers,
    Offset(Offset),
}

struct Offset {
    /// The key, by row in order.
    key: ArrayRef,
    /// The value a row reaches, on the left, to the key of a row, on the right, in the direction of the order. A null
    /// lies where the order has it.
    reach: DynComparator,
}

impl Edge {
    fn new(bound: &WindowFrameBound, layout: &Layout, order_by: &[(ArrayRef, SortOptions)]) -> Result<Edge> {
        let (value, follows) = match bound {
            WindowFrameBound::CurrentRow => return Ok(Edge::Peers),
            WindowFrameBound::Preceding(value) => (value, false),
            WindowFrameBound::Following(value) => (value, true),
        };
        if value.is_null() {
            return Ok(Edge::Unbounded);
        }
        let [(key, options)] = order_by else {
            return exec_err!("a RANGE with an offset needs one key of its order, not {}", order_by.len());
        };
        if key.data_type().is_null() {
            return Ok(Edge::Peers);
        }
        let (key, target) = moved(&layout.sorted(key)?, value, follows != options.descending)?;
        let reach = make_comparator(&target, &key, *options)?;
        Ok(Edge::Offset(Offset { key, reach }))
    }

    /// The first row of the frame of these peers.
    fn first(&self, group: &Range<usize>, partition: &Partition) -> usize {
        match self {
            Edge::Unbounded => partition.rows.start,
            Edge::Peers => group.start,
            Edge::Offset(offset) if offset.key.is_null(group.start) => group.start,
            Edge::Offset(offset) => first_not(partition.rows.clone(), |row| (offset.reach)(group.start, row).is_gt()),
        }
    }

    /// The row after the last row of the frame of these peers.
    fn last(&self, group: &Range<usize>, partition: &Partition) -> usize {
        match self {
            Edge::Unbounded => partition.rows.end,
            Edge::Peers => group.end,
            Edge::Offset(offset) if offset.key.is_null(group.start) => group.end,
            Edge::Offset(offset) => first_not(partition.rows.clone(), |row| (offset.reach)(group.start, row).is_ge()),
        }
    }
}

/// The first of the rows for which the test fails. It holds for rows up to some row, and for none after.
fn first_not(rows: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = rows;
    while start < end {
        let middle = start + (end - start) / 2;
        if holds(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}
