//! Columns of every type that crosses, made twice from the same cells: by Polars and by Arrow, each with its own
//! library and neither through the bridge. What crosses is compared with what the other library made.
#![allow(dead_code, reason = "every test uses another part")]

mod arrays;
mod columns;

pub use arrays::array;
pub use columns::series;

use polars_core::prelude::{DataType, TimeUnit, TimeZone};
use proptest::prelude::*;

pub const DAY_IN_NS: i128 = 86_400_000_000_000;

/// What a value of any type is made from.
#[derive(Clone, Debug)]
pub struct Value {
    pub number: i128,
    pub text: String,
}

pub type Cell = Option<Value>;

/// Every type that crosses, lists of them, and lists of lists.
pub fn types() -> Vec<DataType> {
    let flat = flat_types();
    let lists: Vec<_> = flat.iter().cloned().map(list).collect();
    let nested = [DataType::Decimal(20, 3), DataType::String, DataType::Null, DataType::Time];
    flat.into_iter().chain(lists).chain(nested.map(|item| list(list(item)))).collect()
}

pub fn list(item: DataType) -> DataType {
    DataType::List(Box::new(item))
}

pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::opt_try_new(Some(name)).expect("a zone")
}

fn flat_types() -> Vec<DataType> {
    use DataType::*;
    let mut types = vec![Null, Boolean, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64];
    types.extend([String, Binary, Date, Time]);
    types.extend([Decimal(38, 10), Decimal(38, 38), Decimal(18, 0), Decimal(9, 2), Decimal(1, 1)]);
    for unit in [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds] {
        types.push(Duration(unit));
        types.extend([None, zone("UTC"), zone("Europe/Amsterdam")].map(|zone| Datetime(unit, zone)));
    }
    types
}

/// Fields of a row with nulls never, sometimes or everywhere; of every length, nothing among them.
pub fn cells() -> impl Strategy<Value = Vec<Cell>> {
    // Of ten cells as many have a value.
    let filled = prop_oneof![Just(0), Just(5), Just(9), Just(10)];
    let length = prop_oneof![Just(0..=2usize), Just(0..=90)];
    (filled, length).prop_flat_map(|(filled, length)| {
        let cell = (value(), 0..10).prop_map(move |(value, rank)| (rank < filled).then_some(value));
        prop::collection::vec(cell, length)
    })
}

/// Numbers near nothing and of every size; texts that a view holds itself and that it does not.
fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![-3..=3i128, any::<i128>()];
    let text = prop_oneof![text(0..=2), text(0..=14), text(20..=30)];
    (number, text).prop_map(|(number, text)| Value { number, text })
}

fn text(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    let letter = prop_oneof![prop::char::range('a', 'z'), any::<char>()];
    prop::collection::vec(letter, length).prop_map(String::from_iter)
}

/// Cells without chance, for tests of something else than values.
pub fn some_cells(count: usize) -> Vec<Cell> {
    let cell = |i: usize| {
        let number = (i as i128).wrapping_mul(0x1E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        (i % 7 != 3).then(|| Value { number, text: "text ".repeat(i % 9) })
    };
    (0..count).map(cell).collect()
}

/// The cells of a value that is a list.
pub fn items(value: &Value) -> Vec<Cell> {
    let item = |i: u32| {
        let number = value.number.rotate_left(7 * i);
        (number % 3 != 0).then(|| Value { number, text: value.text.repeat(i as usize) })
    };
    (0..value.number.rem_euclid(5) as u32).map(item).collect()
}

/// One vector of the items of all lists, and the length of each.
pub fn flattened(cells: &[Cell]) -> (Vec<Cell>, Vec<usize>) {
    let lists: Vec<Vec<Cell>> = cells.iter().map(|cell| cell.as_ref().map(items).unwrap_or_default()).collect();
    let lengths = lists.iter().map(Vec::len).collect();
    (lists.concat(), lengths)
}

pub fn each<'a, T>(cells: &'a [Cell], of: impl Fn(&'a Value) -> T) -> Vec<Option<T>> {
    cells.iter().map(|cell| cell.as_ref().map(&of)).collect()
}

impl Value {
    pub fn time(&self) -> i64 {
        self.number.rem_euclid(DAY_IN_NS) as i64
    }

    pub fn decimal(&self, precision: usize) -> i128 {
        self.number % 10i128.pow(precision as u32)
    }

    /// Seldom UTF-8.
    pub fn bytes(&self) -> Vec<u8> {
        [self.text.as_bytes(), &self.number.to_le_bytes()[..self.number.rem_euclid(17) as usize]].concat()
    }
}
