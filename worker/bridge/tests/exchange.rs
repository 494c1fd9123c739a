//! Every type crosses both ways with its values, nulls and order, however the column lies in memory: in chunks, as a
//! slice that begins within a byte of its bitmap, empty, all null.

mod common;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use common::{Cell, array, cells, series, some_cells, types};
use polars_core::prelude::{Column, DataType, IntoColumn, Series};
use proptest::prelude::*;
use proptest::sample::Index;
use spotmill_bridge::{arrow_type, polars_type, to_arrow, to_series};

/// A column's cells and what surrounds them in memory.
#[derive(Debug)]
struct Laid {
    cells: Vec<Cell>,
    before: usize,
    after: usize,
    cuts: Vec<Index>,
}

fn laid() -> impl Strategy<Value = Laid> {
    (cells(), 0..20usize, 0..20usize, prop::collection::vec(any::<Index>(), 0..3))
        .prop_map(|(cells, before, after, cuts)| Laid { cells, before, after, cuts })
}

impl Laid {
    fn all(&self) -> Vec<Cell> {
        [some_cells(self.before), self.cells.clone(), some_cells(self.after)].concat()
    }

    /// The cells between others, in one part more than there are cuts.
    fn parts<T>(&self, make: impl Fn(&[Cell]) -> T) -> Vec<T> {
        let all = self.all();
        let cuts = self.cuts.iter().map(|cut| cut.index(all.len() + 1));
        let mut ends: Vec<usize> = cuts.chain([0, all.len()]).collect();
        ends.sort_unstable();
        ends.windows(2).map(|part| make(&all[part[0]..part[1]])).collect()
    }

    /// A slice of as many chunks.
    fn series(&self, dtype: &DataType) -> Series {
        let mut parts = self.parts(|cells| series(dtype, cells)).into_iter();
        let mut whole = parts.next().expect("a part");
        parts.for_each(|part| {
            whole.append(&part).expect("of one type");
        });
        whole.slice(self.before as i64, self.cells.len())
    }

    /// A slice of one array, whose strings lie in as many buffers.
    fn array(&self, dtype: &DataType) -> ArrayRef {
        let parts = self.parts(|cells| array(dtype, cells));
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        concat(&parts).expect("of one type").slice(self.before, self.cells.len())
    }
}

#[track_caller]
fn same_series(actual: &Series, expected: &Series) {
    assert_eq!(actual.dtype(), expected.dtype());
    assert_eq!(actual.name(), expected.name());
    assert_eq!(actual.null_count(), expected.null_count(), "{}", actual.dtype());
    assert!(actual.equals_missing(expected), "{}: {actual:?} for {expected:?}", actual.dtype());
}

#[track_caller]
fn same_array(actual: &ArrayRef, expected: &ArrayRef) {
    actual.to_data().validate_full().expect("valid");
    assert_eq!(actual.data_type(), expected.data_type());
    assert_eq!(actual.logical_null_count(), expected.logical_null_count(), "{}", actual.data_type());
    assert_eq!(actual, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn from_polars_and_back(laid in laid()) {
        for dtype in types() {
            let (column, expected) = (laid.series(&dtype), array(&dtype, &laid.cells));
            let there = to_arrow(&column.clone().into_column()).expect("crosses");
            same_array(&there, &expected);
            same_series(&to_series("x", &there).expect("crosses back"), &column);
        }
    }

    #[test]
    fn from_arrow_and_back(laid in laid()) {
        for dtype in types() {
            let (column, expected) = (laid.array(&dtype), series(&dtype, &laid.cells));
            let there = to_series("x", &column).expect("crosses");
            same_series(&there, &expected);
            same_array(&to_arrow(&there.into_column()).expect("crosses back"), &column);
        }
    }

    #[test]
    fn a_slice_of_what_crossed_is_a_slice(laid in laid(), from in any::<Index>(), to in any::<Index>()) {
        let (from, to) = (from.index(laid.cells.len() + 1), to.index(laid.cells.len() + 1));
        let (from, length) = (from.min(to), from.abs_diff(to));
        for dtype in types() {
            let there = to_series("x", &laid.array(&dtype)).expect("crosses").slice(from as i64, length);
            let expected = array(&dtype, &laid.cells[from..from + length]);
            same_array(&to_arrow(&there.into_column()).expect("crosses back"), &expected);
        }
    }
}

#[test]
fn types_are_predicted() {
    for dtype in types() {
        let array = array(&dtype, &some_cells(9));
        assert_eq!(arrow_type(&dtype).as_ref(), Some(array.data_type()));
        assert_eq!(polars_type(array.data_type()), Some(dtype));
    }
}

#[test]
fn a_scalar_is_written_out() {
    for dtype in types() {
        let cells = vec![some_cells(2)[1].clone(); 5];
        let scalar = series(&dtype, &cells[..1]).new_from_index(0, 1);
        let scalar = polars_core::prelude::Scalar::new(dtype.clone(), scalar.get(0).expect("one").into_static());
        let column = Column::new_scalar("x".into(), scalar, 5);
        same_array(&to_arrow(&column).expect("crosses"), &array(&dtype, &cells));
    }
}

#[test]
fn names_may_hold_anything() {
    let name = "a\0b\u{1F600}";
    let there = to_series(name, &array(&DataType::Int64, &some_cells(3))).expect("crosses");
    assert_eq!(there.name().as_str(), name);
    assert_eq!(to_arrow(&there.into_column()).expect("crosses back").len(), 3);
}
