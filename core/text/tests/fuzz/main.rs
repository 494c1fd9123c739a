//! Files that nobody wrote by hand, against parsers that are not ours: the crate `csv` for CSV, `serde_json` and the
//! standard library for JSON and numbers. Values are compared to the last byte and bit. `PROPTEST_CASES` sets how many
//! files there are; what has failed once is kept beside the tests and tried first.

mod csv;
mod ndjson;

use proptest::prelude::*;

/// Bytes with a part put in the place of another.
pub fn mutated(text: Vec<u8>, put: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let len = text.len();
    (0..=len, 0..=8usize, put).prop_map(move |(from, drop, put)| {
        let mut text = text.clone();
        text.splice(from..(from + drop).min(len), put);
        text
    })
}
