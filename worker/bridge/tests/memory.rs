//! Ten thousand columns cross, are refused or fail midway, and the process stays as large as it was. It is the only
//! test of its file, and so of its process: other tests would be measured with it.

mod common;

use arrow::array::{Array, TimestampSecondArray};
use common::{Cell, array, series, some_cells, types};
use polars_core::prelude::{DataType, IntoColumn};
use spotmill_bridge::{to_arrow, to_series};

const WARM_UP: usize = 1_000;
const EXCHANGES: usize = 10_000;
/// A twentieth of a kilobyte an exchange: less than the smallest thing that could be forgotten, a schema.
const ALLOWED: usize = EXCHANGES * 50;

/// Bytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

/// One column there and back, from either side, and ones that do not cross.
fn exchange(dtype: &DataType, cells: &[Cell]) {
    let there = to_arrow(&series(dtype, cells).into_column()).expect("crosses");
    let back = to_series("x", &there).expect("crosses back");
    drop(there);
    drop(to_arrow(&back.slice(3, 50).into_column()).expect("crosses again"));
    drop(to_series("x", &array(dtype, cells).slice(5, 20)).expect("crosses"));
    drop(to_series("x", &TimestampSecondArray::from(vec![i64::MAX; 50])).expect_err("too late"));
}

#[test]
fn memory_is_bounded() {
    let (types, cells) = (types(), some_cells(200));
    let mut before = 0;
    for i in 0..WARM_UP + EXCHANGES {
        if i == WARM_UP {
            before = resident();
        }
        exchange(&types[i % types.len()], &cells);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < ALLOWED, "{grown} bytes more after {EXCHANGES} exchanges");
}
