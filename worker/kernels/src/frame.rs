//! Frames: for each row, which rows its value is made of. It promises each frame as one range of rows in order, an
//! empty one where the bounds cross, and neighbours of the same frame sharing it. It never reads arguments.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};

use crate::layout::Layout;
use crate::range;
use crate::spans::Frames;

pub(crate) fn frames(frame: &WindowFrame, layout: &Layout, order_by: &[(ArrayRef, SortOptions)]) -> Result<Frames> {
    if matches!(&frame.start_bound, WindowFrameBound::Following(value) if value.is_null()) {
        return exec_err!("a frame cannot start at UNBOUNDED FOLLOWING");
    }
    if matches!(&frame.end_bound, WindowFrameBound::Preceding(value) if value.is_null()) {
        return exec_err!("a frame cannot end at UNBOUNDED PRECEDING");
    }
    match frame.units {
        WindowFrameUnits::Rows => by_rows(&Counts::new(frame)?, layout),
        WindowFrameUnits::Groups => by_groups(&Counts::new(frame)?, layout),
        WindowFrameUnits::Range => range::frames(frame, layout, order_by),
    }
}

fn by_rows(counts: &Counts, layout: &Layout) -> Result<Frames> {
    let mut frames = Frames::default();
    for partition in &layout.partitions {
        let first = partition.rows.start;
        for row in 0..partition.rows.len() {
            let span = counts.span(row, partition.rows.len());
            frames.push(first + span.start..first + span.end, 1);
        }
    }
    Ok(frames)
}

fn by_groups(counts: &Counts, layout: &Layout) -> Result<Frames> {
    let mut frames = Frames::default();
    for partition in &layout.partitions {
        let groups = &layout.peers[partition.peers.clone()];
        for (number, group) in groups.iter().enumerate() {
            let span = counts.span(number, groups.len());
            let start = groups.get(span.start).map_or(partition.rows.end, |group| group.start);
            let end = groups[..span.end].last().map_or(partition.rows.start, |group| group.end);
            frames.push(start..end.max(start), group.len());
        }
    }
    Ok(frames)
}

/// The bounds of ROWS and of GROUPS: both count, the one rows, the other groups of peers.
struct Counts {
    start: Bound,
    end: Bound,
}

enum Bound {
    Unbounded,
    Before(usize),
    Current,
    After(usize),
}

impl Counts {
    fn new(frame: &WindowFrame) -> Result<Counts> {
        Ok(Counts { start: Bound::new(&frame.start_bound)?, end: Bound::new(&frame.end_bound)? })
    }

    /// The frame of the item at this place among so many.
    fn span(&self, place: usize, length: usize) -> Range<usize> {
        let start = match self.start {
            Bound::Unbounded => 0,
            Bound::Before(count) => place.saturating_sub(count),
            Bound::Current => place,
            Bound::After(count) => place.saturating_add(count).min(length),
        };
        let end = match self.end {
            Bound::Unbounded => length,
            Bound::Before(count) => (place + 1).saturating_sub(count),
            Bound::Current => place + 1,
            Bound::After(count) => place.saturating_add(count).saturating_add(1).min(length),
        };
        start..end.max(start)
    }
}

impl Bound {
    fn new(bound: &WindowFrameBound) -> Result<Bound> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => Bound::Current,
            WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) if value.is_null() => {
                Bound::Unbounded
            }
            WindowFrameBound::Preceding(value) => Bound::Before(count(value)?),
            WindowFrameBound::Following(value) => Bound::After(count(value)?),
        })
    }
}

fn count(value: &ScalarValue) -> Result<usize> {
    if !value.data_type().is_integer() {
        return exec_err!("an offset of ROWS or GROUPS must be a whole number, not {value}");
    }
    match value.cast_to(&DataType::UInt64) {
        Ok(ScalarValue::UInt64(Some(count))) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => exec_err!("an offset of a frame must not be negative, but is {value}"),
    }
}
