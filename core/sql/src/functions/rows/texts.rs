//! Text: parts of it by code points, distances by bytes, digits of numbers.

use super::super::rowwise::{Made, RowWise, Step, Takes, Value};
use super::{INTEGER, Named, TEXT, shape, unexpected};
use datafusion_common::{Result, exec_err};
use std::fmt::Write;
use unicode_segmentation::UnicodeSegmentation;

use Takes::{Integer, Text};

/// A row's text may be made this long; what is longer is a mistake that would take the machine's memory.
const LONGEST: i64 = 64 << 20;

pub fn all() -> Vec<Named> {
    let text = |names: &'static [&'static str], step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Text], TEXT, step)]))
    };
    let distance = |names: &'static [&'static str], step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Text, Text], INTEGER, step)]))
    };
    let padded = |names: &'static [&'static str], step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Text, Integer, Text], TEXT, step)]))
    };
    let substr = vec![shape(&[Text, Integer], TEXT, substr_step), shape(&[Text, Integer, Integer], TEXT, substr_step)];
    let digits = |names: &'static [&'static str], step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Integer], TEXT, step), shape(&[Text], TEXT, step)]))
    };
    vec![
        (&["substr", "substring"], RowWise::function("substr", substr)),
        (
            &["split_part"],
            RowWise::function("split_part", vec![shape(&[Text, Text, Integer], TEXT, || Box::new(split_part))]),
        ),
        padded(&["lpad"], || Box::new(|row| pad(row, true))),
        padded(&["rpad"], || Box::new(|row| pad(row, false))),
        (&["repeat"], RowWise::function("repeat", vec![shape(&[Text, Integer], TEXT, || Box::new(repeat))])),
        text(&["reverse"], || Box::new(reverse)),
        text(&["sha1"], || Box::new(|row| hashed(row, |t| hex(&<sha1::Sha1 as sha1::Digest>::digest(t), "x")))),
        text(&["sha256"], || Box::new(|row| hashed(row, |t| hex(&<sha2::Sha256 as sha2::Digest>::digest(t), "x")))),
        distance(&["levenshtein", "editdist3"], || {
            Box::new(|row| distance_of(row, |a, b| strsim::generic_levenshtein(a, b)))
        }),
        distance(&["damerau_levenshtein"], || {
            Box::new(|row| distance_of(row, |a, b| strsim::generic_damerau_levenshtein(a, b)))
        }),
        (&["unicode", "ord"], RowWise::function("unicode", vec![shape(&[Text], INTEGER, || Box::new(unicode))])),
        digits(&["hex", "to_hex"], || Box::new(|row| in_digits(row, "X"))),
        digits(&["bin", "to_binary"], || Box::new(|row| in_digits(row, "b"))),
    ]
}

fn substr_step() -> Step {
    Box::new(substr)
}

/// A start below zero counts from the end; zero is the place before the first character. A length below zero takes
/// what lies before the start.
fn substr(row: &[Value<'_>]) -> Result<Made> {
    let (text, start, length) = match row {
        [Value::Text(text), Value::Integer(start)] => (text, *start, None),
        [Value::Text(text), Value::Integer(start), Value::Integer(length)] => (text, *start, Some(*length)),
        _ => return unexpected(row),
    };
    // Only a start from the end asks how long the text is.
    let first = match start {
        0.. => start - 1,
        _ => start.saturating_add(text.chars().count() as i64),
    };
    let (from, to) = match length {
        None => (first, i64::MAX),
        Some(length @ 0..) => (first, first.saturating_add(length)),
        Some(length) => (first.saturating_add(length), first),
    };
    Ok(Made::Text(characters(text, from, to).to_owned()))
}

/// The characters from one place up to another; places outside the text count, and hold nothing.
fn characters(text: &str, from: i64, to: i64) -> &str {
    let (from, to) = (from.max(0) as usize, to.max(0) as usize);
    if from >= to {
        return "";
    }
    let byte = |place: usize| match text.is_ascii() {
        true => place.min(text.len()),
        false => text.char_indices().nth(place).map_or(text.len(), |(at, _)| at),
    };
    &text[byte(from)..byte(to)]
}

/// By an empty separator a text is split into its characters; a part that is not there is empty.
fn split_part(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text), Value::Text(separator), Value::Integer(part)] = row else { return unexpected(row) };
    let nth = part.unsigned_abs().checked_sub(1).and_then(|n| usize::try_from(n).ok());
    let found = match (nth, *part > 0, separator.is_empty()) {
        (None, ..) => None,
        (Some(n), true, true) => text.char_indices().nth(n).map(|(at, c)| &text[at..at + c.len_utf8()]),
        (Some(n), false, true) => text.char_indices().rev().nth(n).map(|(at, c)| &text[at..at + c.len_utf8()]),
        (Some(n), true, false) => text.split(separator).nth(n),
        (Some(n), false, false) => text.rsplit(separator).nth(n),
    };
    Ok(Made::Text(found.unwrap_or_default().to_owned()))
}

fn pad(row: &[Value<'_>], left: bool) -> Result<Made> {
    let [Value::Text(text), Value::Integer(length), Value::Text(filling)] = row else { return unexpected(row) };
    if *length > LONGEST {
        return exec_err!("a text of {length} characters is too long: the most is {LONGEST}");
    }
    let (length, count) = ((*length).max(0) as usize, text.chars().count());
    if length <= count {
        return Ok(Made::Text(text.chars().take(length).collect()));
    }
    if filling.is_empty() {
        return exec_err!("an empty text cannot fill `{text}` up to {length} characters");
    }
    let filling = filling.chars().cycle().take(length - count);
    Ok(Made::Text(match left {
        true => filling.chain(text.chars()).collect(),
        false => text.chars().chain(filling).collect(),
    }))
}

fn repeat(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text), Value::Integer(times)] = row else { return unexpected(row) };
    let times = (*times).max(0);
    match times.checked_mul(text.len() as i64) {
        Some(bytes @ ..=LONGEST) => {
            Ok(Made::Text(if bytes == 0 { String::new() } else { text.repeat(times as usize) }))
        }
        _ => exec_err!("{times} repetitions of `{text}` are too long: the most is {LONGEST} bytes"),
    }
}

/// What a reader takes for one character stays whole.
fn reverse(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text)] = row else { return unexpected(row) };
    Ok(Made::Text(text.graphemes(true).rev().collect()))
}

fn hashed(row: &[Value<'_>], hash: impl Fn(&[u8]) -> String) -> Result<Made> {
    let [Value::Text(text)] = row else { return unexpected(row) };
    Ok(Made::Text(hash(text.as_bytes())))
}

fn distance_of(row: &[Value<'_>], distance: impl Fn(&Vec<u8>, &Vec<u8>) -> usize) -> Result<Made> {
    let [Value::Text(a), Value::Text(b)] = row else { return unexpected(row) };
    Ok(Made::Integer(distance(&a.as_bytes().to_vec(), &b.as_bytes().to_vec()) as i64))
}

fn unicode(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Text(text)] = row else { return unexpected(row) };
    Ok(Made::Integer(text.chars().next().map_or(-1, |c| i64::from(u32::from(c)))))
}

/// The digits of a number, or of the bytes of a text.
fn in_digits(row: &[Value<'_>], base: &str) -> Result<Made> {
    Ok(Made::Text(match (row, base) {
        ([Value::Integer(number)], "X") => format!("{number:X}"),
        ([Value::Integer(number)], _) => format!("{number:b}"),
        ([Value::Text(text)], base) => hex(text.as_bytes(), base),
        _ => return unexpected(row),
    }))
}

fn hex(bytes: &[u8], base: &str) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = match base {
            "X" => write!(out, "{byte:02X}"),
            "b" => write!(out, "{byte:08b}"),
            _ => write!(out, "{byte:02x}"),
        };
    }
    out
}
