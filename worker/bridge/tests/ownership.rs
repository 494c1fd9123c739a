//! Either side may drop a column first, or write to it, and the other still has what it was given. Nothing is copied.

mod common;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use common::{array, list, series, some_cells, types};
use polars_core::prelude::{DataType, IntoColumn, Series};
use spotmill_bridge::{to_arrow, to_series};

const ROWS: usize = 301;

fn there(series: Series) -> ArrayRef {
    to_arrow(&series.into_column()).expect("crosses")
}

fn back(array: ArrayRef) -> Series {
    to_series("x", &array).expect("crosses")
}

/// Takes freed memory and overwrites it.
fn scribble() {
    let noise: Vec<Vec<u8>> = (0..200).map(|i| vec![0xA5; 64 * (1 + i % 64)]).collect();
    std::hint::black_box(noise);
}

#[test]
fn the_giver_drops_first() {
    let cells = some_cells(ROWS);
    for dtype in types() {
        let given = there(series(&dtype, &cells));
        scribble();
        assert_eq!(&given, &array(&dtype, &cells));
        let given = back(array(&dtype, &cells));
        scribble();
        assert!(given.equals_missing(&series(&dtype, &cells)), "{dtype}");
    }
}

#[test]
fn the_taker_drops_first() {
    let cells = some_cells(ROWS);
    for dtype in types() {
        let (ours, theirs) = (series(&dtype, &cells), array(&dtype, &cells));
        drop((there(ours.clone()), back(theirs.clone())));
        scribble();
        assert!(ours.equals_missing(&series(&dtype, &cells)), "{dtype}");
        assert_eq!(&theirs, &array(&dtype, &cells));
    }
}

#[test]
fn a_slice_keeps_what_it_shows() {
    let cells = some_cells(ROWS);
    for dtype in types() {
        let sliced = there(back(there(series(&dtype, &cells).slice(5, 290))).slice(6, 100)).slice(2, 90);
        scribble();
        assert_eq!(&sliced, &array(&dtype, &cells[13..103]));
    }
}

#[test]
fn columns_cross_often_and_are_dropped_by_other_threads() {
    let cells = some_cells(ROWS);
    let threads = types().into_iter().map(|dtype| {
        let (first, cells) = (there(series(&dtype, &cells)), cells.clone());
        std::thread::spawn(move || {
            let last = (0..5).fold(first, |array, _| there(back(array)));
            scribble();
            assert_eq!(&last, &array(&dtype, &cells));
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn writing_on_one_side_is_not_seen_on_the_other() {
    let cells = some_cells(ROWS);
    let expected = array(&DataType::Int64, &cells);
    // Polars sees itself as the only holder of the column, and so may write in place.
    let ours = series(&DataType::Int64, &cells);
    let given = there(ours.clone());
    write(ours);
    assert_eq!(&given, &expected);
    let theirs = array(&DataType::Int64, &cells);
    write(to_series("x", &theirs).expect("crosses"));
    assert_eq!(&theirs, &expected);
    // Nor does Arrow write into what Polars made.
    let ours = series(&DataType::Int64, &cells);
    let given = there(ours.clone()).as_primitive::<Int64Type>().clone();
    assert!(given.unary_mut(|number| number.wrapping_add(1)).is_err());
    assert!(ours.equals_missing(&series(&DataType::Int64, &cells)));
}

fn write(column: Series) {
    let mut numbers = column.i64().expect("numbers").clone();
    drop(column);
    numbers.apply_mut(|number| number.wrapping_add(1));
}

/// Where a column's values lie: the last buffer of each array in it.
fn address(array: &dyn Array) -> Vec<usize> {
    let data = array.to_data();
    std::iter::once(&data)
        .chain(data.child_data())
        .map(|data| data.buffers().last().map_or(0, |b| b.as_ptr() as usize))
        .collect()
}

#[test]
fn values_stay_where_they_are() {
    let cells = some_cells(ROWS);
    for dtype in types() {
        let first = there(series(&dtype, &cells));
        let addresses = address(&first);
        let back_and_forth = there(back(first));
        assert_eq!(address(&back_and_forth), addresses, "{dtype}");
    }
    let numbers = series(&DataType::Int64, &cells);
    let ours = numbers.i64().expect("numbers").downcast_iter().next().expect("a chunk").values().as_ptr() as usize;
    assert_eq!(address(&there(numbers)), [ours]);
    // Strings in Arrow's older form get views; their letters stay.
    let strings = array(&DataType::String, &cells);
    let strings = arrow::compute::cast(&strings, &arrow::datatypes::DataType::Utf8).expect("cast");
    assert_eq!(address(&there(to_series("x", &strings).expect("crosses"))), address(&strings));
    assert_eq!(address(&there(back(array(&list(DataType::Null), &cells)))).len(), 2);
}
