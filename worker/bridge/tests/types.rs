//! Arrow's other forms of the same types are taken; whatever else is refused by its name, never made to fit.

mod common;

use arrow::array::*;
use arrow::datatypes::{DataType as ArrowType, Field, Fields, Int8Type, TimeUnit as ArrowUnit};
use common::{array, each, list, series, some_cells, zone};
use polars_core::prelude::{DataType, IntoColumn, IntoSeries, NamedFrom, Series, TimeUnit};
use spotmill_bridge::{BridgeError, arrow_type, polars_type, to_arrow, to_series};
use std::sync::Arc;

#[track_caller]
fn becomes(array: &dyn Array, expected: &Series) {
    assert_eq!(polars_type(array.data_type()).as_ref(), Some(expected.dtype()));
    let actual = to_series("x", array).expect("crosses");
    assert_eq!(actual.dtype(), expected.dtype());
    assert!(actual.equals_missing(expected), "{actual:?} for {expected:?}");
    let sliced = to_series("x", &array.slice(1, array.len() - 2)).expect("crosses");
    assert!(sliced.equals_missing(&expected.slice(1, array.len() - 2)), "{sliced:?}");
}

#[test]
fn strings_of_every_form() {
    let cells = some_cells(30);
    let strings = series(&DataType::String, &cells);
    let texts = each(&cells, |v| v.text.as_str());
    becomes(&StringArray::from(texts.clone()), &strings);
    becomes(&LargeStringArray::from(texts), &strings);
    let binaries = series(&DataType::Binary, &cells);
    let bytes = each(&cells, |v| v.bytes());
    becomes(&BinaryArray::from_iter(bytes.clone()), &binaries);
    becomes(&LargeBinaryArray::from_iter(bytes), &binaries);
}

#[test]
fn narrow_decimals() {
    let cells = some_cells(30);
    let narrow = Decimal32Array::from(each(&cells, |v| v.decimal(9) as i32)).with_precision_and_scale(9, 2);
    becomes(&narrow.expect("a decimal"), &series(&DataType::Decimal(9, 2), &cells));
    let wider = Decimal64Array::from(each(&cells, |v| v.decimal(18) as i64)).with_precision_and_scale(18, 18);
    becomes(&wider.expect("a decimal"), &series(&DataType::Decimal(18, 18), &cells));
}

#[test]
fn seconds_become_milliseconds_or_do_not_cross() {
    let seconds = vec![Some(-1), None, Some(1_700_000_000)];
    let millis = Series::new("x".into(), [Some(-1_000i64), None, Some(1_700_000_000_000)]);
    let unit = TimeUnit::Milliseconds;
    becomes(&TimestampSecondArray::from(seconds.clone()), &millis.clone().into_datetime(unit, None));
    let zoned = TimestampSecondArray::from(seconds.clone()).with_timezone("Asia/Kathmandu");
    becomes(&zoned, &millis.clone().into_datetime(unit, zone("Asia/Kathmandu")));
    becomes(&DurationSecondArray::from(seconds), &millis.into_duration(unit));
    let late = TimestampSecondArray::from(vec![i64::MAX]);
    assert!(matches!(to_series("x", &late), Err(BridgeError::Arrow(_))));
}

#[test]
fn zones_by_their_other_names() {
    let names = [("+00:00", "UTC"), ("UTC", "UTC"), ("Etc/UTC", "Etc/UTC"), ("+01:00", "Etc/GMT-1")];
    for (theirs, ours) in names {
        let array = TimestampMicrosecondArray::from(vec![Some(7), None, Some(-7)]).with_timezone(theirs);
        let expected = Series::new("x".into(), [Some(7i64), None, Some(-7)]);
        becomes(&array, &expected.into_datetime(TimeUnit::Microseconds, zone(ours)));
    }
    let array = TimestampMicrosecondArray::from(vec![1, 2, 3]).with_timezone("");
    becomes(&array, &Series::new("x".into(), [1i64, 2, 3]).into_datetime(TimeUnit::Microseconds, None));
}

#[test]
fn lists_of_every_form() {
    let cells = some_cells(30);
    let narrow = |ty| arrow::compute::cast(&array(&list(DataType::String), &cells), &ty).expect("cast");
    let expected = series(&list(DataType::String), &cells);
    for item in [ArrowType::Utf8, ArrowType::LargeUtf8, ArrowType::Utf8View] {
        // Names of a list's field, its metadata and "not null" have no effect on values.
        let metadata = [("ARROW:extension:name".to_owned(), "example.of".to_owned())].into();
        let field = Arc::new(Field::new("element", item, true).with_metadata(metadata));
        becomes(&narrow(ArrowType::List(field.clone())), &expected);
        becomes(&narrow(ArrowType::LargeList(field)), &expected);
    }
    let decimals = array(&list(DataType::Decimal(9, 2)), &cells);
    let field = Arc::new(Field::new_list_field(ArrowType::Decimal32(9, 2), true));
    let decimals = arrow::compute::cast(&decimals, &ArrowType::List(field)).expect("cast");
    becomes(&decimals, &series(&list(DataType::Decimal(9, 2)), &cells));
}

#[test]
fn a_time_past_midnight_does_not_become_a_null() {
    for time in [-1, 86_400_000_000_000] {
        let times = Time64NanosecondArray::from(vec![Some(0), None, Some(time)]);
        assert!(matches!(to_series("x", &times), Err(BridgeError::TimeOfDay(found)) if found == time));
    }
    let last = Time64NanosecondArray::from(vec![86_399_999_999_999]);
    assert_eq!(to_series("x", &last).expect("crosses").null_count(), 0);
}

#[test]
fn other_types_of_arrow_are_refused() {
    let fields = Fields::from(vec![Field::new("a", ArrowType::Int64, true)]);
    let refused = [
        ArrowType::Struct(fields.clone()),
        ArrowType::Float16,
        ArrowType::Date64,
        ArrowType::Time32(ArrowUnit::Second),
        ArrowType::Time64(ArrowUnit::Microsecond),
        ArrowType::Decimal256(50, 2),
        ArrowType::Decimal128(5, -2),
        ArrowType::FixedSizeBinary(4),
        ArrowType::FixedSizeList(Arc::new(Field::new_list_field(ArrowType::Int8, true)), 2),
        ArrowType::Timestamp(ArrowUnit::Microsecond, Some("+05:30".into())),
        ArrowType::Timestamp(ArrowUnit::Microsecond, Some("Nowhere/Town".into())),
        ArrowType::Timestamp(ArrowUnit::Microsecond, Some("*".into())),
    ];
    for ty in refused {
        assert_eq!(polars_type(&ty), None, "{ty}");
        let listed = ArrowType::LargeList(Arc::new(Field::new_list_field(ty.clone(), true)));
        for ty in [ty, listed] {
            let error = to_series("x", &new_null_array(&ty, 2)).expect_err("refused");
            assert!(matches!(&error, BridgeError::Unsupported(name) if *name == ty.to_string()), "{error}");
        }
    }
    let dictionary: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
    assert!(matches!(to_series("x", &dictionary), Err(BridgeError::Unsupported(_))));
}

#[test]
fn other_types_of_polars_are_refused() {
    let wide = Series::new("x".into(), [1i128, 2]);
    let columns = [("i128", wide.clone()), ("list[i128]", wide.implode().expect("a list").into_series())];
    for (name, column) in columns {
        assert_eq!(arrow_type(column.dtype()), None);
        let error = to_arrow(&column.into_column()).expect_err("refused");
        assert!(matches!(&error, BridgeError::Unsupported(found) if found == name), "{error}");
    }
    assert_eq!(arrow_type(&DataType::BinaryOffset), None);
    assert_eq!(arrow_type(&DataType::Datetime(TimeUnit::Microseconds, zone("*"))), None);
}
