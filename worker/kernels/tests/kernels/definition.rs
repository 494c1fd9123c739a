//! The definition of a frame, and any rows and windows to try it on. It compares every row with every row, and never
//! uses the code it is to check.

use std::ops::Range as Numbers;

use arrow::compute::SortOptions;
use datafusion_expr::WindowFrameBound;
use datafusion_expr::WindowFrameUnits::{self, Groups, Range, Rows};
use proptest::prelude::*;

use crate::support::{CURRENT, after, before};

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub partition: Option<i64>,
    pub key: Option<i64>,
    pub value: Option<i64>,
    pub kept: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edge {
    Unbounded,
    Current,
    Before(i64),
    After(i64),
}

#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub units: WindowFrameUnits,
    pub start: Edge,
    pub end: Edge,
    pub options: SortOptions,
    pub distinct: bool,
    pub filtered: bool,
}

fn small(numbers: Numbers<i64>) -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 5 => numbers.prop_map(Some)]
}

pub fn row() -> impl Strategy<Value = Row> {
    let kept = prop_oneof![1 => Just(None), 1 => Just(Some(false)), 3 => Just(Some(true))];
    let parts = (small(0..2), small(0..6), small(-9..9), kept);
    parts.prop_map(|(partition, key, value, kept)| Row { partition, key, value, kept })
}

fn edge() -> impl Strategy<Value = Edge> {
    prop_oneof![
        Just(Edge::Unbounded),
        Just(Edge::Current),
        (0..4_i64).prop_map(Edge::Before),
        (0..4_i64).prop_map(Edge::After),
    ]
}

pub fn any_window() -> impl Strategy<Value = Window> {
    let units = prop_oneof![Just(Rows), Just(Range), Just(Groups)];
    let parts = (units, edge(), edge(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    parts.prop_map(|(units, start, end, descending, nulls_first, distinct, filtered)| {
        let options = SortOptions { descending, nulls_first };
        Window { units, start, end, options, distinct, filtered }
    })
}

pub fn bound(edge: Edge, unbounded: WindowFrameBound, units: WindowFrameUnits) -> WindowFrameBound {
    match (edge, units) {
        (Edge::Unbounded, _) => unbounded,
        (Edge::Current, _) => CURRENT,
        (Edge::Before(offset), Range) => before(offset),
        (Edge::After(offset), Range) => after(offset),
        (Edge::Before(count), Rows | Groups) => before(count.unsigned_abs()),
        (Edge::After(count), Rows | Groups) => after(count.unsigned_abs()),
    }
}

/// The rows of the input in order.
fn sorted(rows: &[Row], options: SortOptions) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| {
        let key = rows[*row].key;
        let nulls = key.is_none() != options.nulls_first;
        (rows[*row].partition, nulls, key.map(|key| if options.descending { -key } else { key }))
    });
    order
}

/// Whether the second of two places of a partition is in the frame of the first.
fn is_in(window: &Window, rows: &[Row], order: &[usize], of: usize, place: usize) -> bool {
    let key = |place: usize| rows[order[place]].key;
    let near = |from: Edge, sign: i64| match (window.units, from) {
        (_, Edge::Unbounded) => true,
        (Rows, edge) => (place as i64 - of as i64 - steps(edge)) * sign >= 0,
        (Groups, edge) => (group(rows, order, place) - group(rows, order, of) - steps(edge)) * sign >= 0,
        (Range, Edge::Current) => (group(rows, order, place) - group(rows, order, of)) * sign >= 0,
        (Range, edge) => match (key(place), key(of)) {
            (Some(key), Some(origin)) => {
                let direction = if window.options.descending { -1 } else { 1 };
                ((key - origin) * direction - steps(edge)) * sign >= 0
            }
            (None, None) => true,
            // A null and a value: by their place in the order.
            (Some(_), None) | (None, Some(_)) => (place as i64 - of as i64) * sign >= 0,
        },
    };
    near(window.start, 1) && near(window.end, -1)
}

fn steps(edge: Edge) -> i64 {
    match edge {
        Edge::Unbounded | Edge::Current => 0,
        Edge::Before(count) => -count,
        Edge::After(count) => count,
    }
}

/// How many changes of the key come before this place.
fn group(rows: &[Row], order: &[usize], place: usize) -> i64 {
    (1..=place).filter(|place| rows[order[*place]].key != rows[order[place - 1]].key).count() as i64
}

/// For each row of the input, the rows of its frame, in order.
pub fn frames(window: &Window, rows: &[Row]) -> Vec<Vec<usize>> {
    let order = sorted(rows, window.options);
    let mut frames = vec![vec![]; rows.len()];
    for of in 0..order.len() {
        let partition = rows[order[of]].partition;
        let first = order.iter().position(|row| rows[*row].partition == partition).unwrap();
        let inside: Vec<usize> = order.iter().copied().filter(|row| rows[*row].partition == partition).collect();
        let places = (0..inside.len()).filter(|place| is_in(window, rows, &inside, of - first, *place));
        frames[order[of]] = places.map(|place| inside[place]).collect();
    }
    frames
}
