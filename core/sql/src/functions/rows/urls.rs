//! Text as it stands in a URL: percent signs for what is not a letter, a digit or one of `-._~`.

use super::super::rowwise::{Made, RowWise, Step, Takes, Value};
use super::{Named, TEXT, shape, unexpected};
use datafusion_common::{Result, exec_datafusion_err};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub fn all() -> Vec<Named> {
    let text = |names: &'static [&'static str], step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Takes::Text], TEXT, step)]))
    };
    vec![text(&["url_encode"], || Box::new(encode)), text(&["url_decode"], || Box::new(decode))]
}

fn encode(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text)] = row else { return unexpected(row) };
    Ok(Made::Text(utf8_percent_encode(text, ESCAPED).to_string()))
}

/// A percent sign that no two digits follow stays, and so does a plus.
fn decode(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text)] = row else { return unexpected(row) };
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| exec_datafusion_err!("`{text}` is not UTF-8 once it is decoded"))?;
    Ok(Made::Text(decoded.into_owned()))
}
