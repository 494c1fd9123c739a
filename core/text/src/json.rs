//! What a JSON value is in a column: NULL, or the text that the engine reads. Numbers are never converted: their digits
//! are those that stand in the file.

use crate::field::Check;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use spotmill_core::json_path::Segment;
use spotmill_core::model::FieldRules;
use spotmill_core::types::Column;
use std::borrow::Cow;
use std::fmt;

/// A number with an exponent is written out to at most as many digits.
const MAX_EXPONENT: i64 = 400;

type Key<'a> = Cow<'a, str>;

/// The text of a value that is a string; none of another value. A string may be JSON and no text: half of a pair of
/// surrogates is no character.
pub fn string(value: &RawValue) -> Option<Result<Cow<'_, str>, String>> {
    let text = value.get();
    if !text.starts_with('"') {
        return None;
    }
    let plain = &text[1..text.len() - 1];
    if !plain.contains('\\') {
        return Some(Ok(Cow::Borrowed(plain)));
    }
    let invalid = |_| format!("`{}` has an escape that is no character", crate::show::shorten(text, 80));
    Some(serde_json::from_str::<String>(text).map(Cow::Owned).map_err(invalid))
}

/// The keys and values of a record, in its order; none if it is no object.
pub fn entries(record: &str) -> Vec<(String, &RawValue)> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some(entry) = map.next_entry::<String, &RawValue>()? {
                found.push(entry);
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(record).deserialize_map(Entries).unwrap_or_default()
}

/// Some keys of an object, by their places; a key that stands twice is refused.
pub struct Picked<'a, 'k, 'de> {
    pub keys: &'k [&'a str],
    pub values: &'k mut [Option<&'de RawValue>],
    /// A key that is none of `keys` is refused.
    pub no_others: bool,
    /// Keys of the file's path: a record that has one too, and of which nobody reads it, is refused.
    pub in_path: &'k [Column],
}

impl<'de> Visitor<'de> for Picked<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(BorrowedKey(key)) = map.next_key()? {
            match self.keys.iter().position(|k| **k == key) {
                Some(i) if self.values[i].is_some() => {
                    return Err(serde::de::Error::custom(format!("the key `{key}` stands twice")));
                }
                Some(i) => self.values[i] = Some(map.next_value()?),
                None if self.in_path.iter().any(|column| column.name == key) => {
                    let way = "leave it out of `hive` to read the record's own, or have the file written without it";
                    return Err(serde::de::Error::custom(format!("the key `{key}` stands in the path as well: {way}")));
                }
                None if self.no_others => {
                    let way = "add it to `columns`, or set `extra = \"ignore\"`";
                    return Err(serde::de::Error::custom(format!("the key `{key}` is not declared: {way}")));
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key without a copy where it has no escapes.
struct BorrowedKey<'de>(Key<'de>);

impl<'de> Deserialize<'de> for BorrowedKey<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = BorrowedKey<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// The value that the moves lead to; none where it is missing or NULL on the way.
pub fn dig<'de>(mut value: &'de RawValue, moves: &[Segment]) -> Result<Option<&'de RawValue>, String> {
    for step in moves {
        let text = value.get();
        let mut json = serde_json::Deserializer::from_str(text);
        let next = match step {
            _ if text == "null" => return Ok(None),
            Segment::Key(key) if text.starts_with('{') => {
                let mut found = [None];
                let picked = Picked { keys: &[key], values: &mut found, no_others: false, in_path: &[] };
                json.deserialize_map(picked).map_err(|e| e.to_string())?;
                found[0]
            }
            Segment::Index(index) if text.starts_with('[') => {
                json.deserialize_seq(Nth(*index)).map_err(|e| e.to_string())?
            }
            Segment::Key(key) => {
                return Err(format!("`{}` is no object: it has no `{key}`", crate::show::shorten(text, 80)));
            }
            Segment::Index(index) => {
                return Err(format!("`{}` is no array: it has no [{index}]", crate::show::shorten(text, 80)));
            }
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

struct Nth(usize);

impl<'de> Visitor<'de> for Nth {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut at, mut found) = (0, None);
        while let Some(value) = seq.next_element::<&RawValue>()? {
            if at == self.0 {
                found = Some(value);
            }
            at += 1;
        }
        Ok(found)
    }
}

/// The text of a column's value; none for NULL.
pub fn text<'v>(check: &Check, rules: &FieldRules, value: &'v RawValue) -> Result<Option<Cow<'v, [u8]>>, String> {
    let raw = value.get();
    let hint = || check.hint(raw.trim_matches('"').as_bytes());
    let wrong = || format!("`{}` is not {}{}", crate::show::shorten(raw, 80), check.expected(), hint());
    if raw == "null" {
        return Ok(None);
    }
    if rules.json {
        return Ok(Some(raw.as_bytes().into()));
    }
    if raw.starts_with(['{', '[']) {
        let kind = if raw.starts_with('{') { "object" } else { "array" };
        let ways = "declare the column as `json` to keep it as text, or a `path` such as `$.user.id` to what it holds";
        return Err(format!("`{}` is an {kind}, not {}: {ways}", crate::show::shorten(raw, 80), check.expected()));
    }
    let text: Cow<'v, [u8]> = match (check, string(value).transpose()?) {
        (_, Some(text)) if is_null(rules, &text) => return Ok(None),
        (Check::Text, Some(text)) => return Ok(Some(bytes(text))),
        (Check::Time(_) | Check::Decimal { .. }, Some(text)) if !text.is_empty() => bytes(text),
        (Check::Float32 | Check::Float64, Some(text)) if is_named(&text) => bytes(text),
        (Check::Bool | Check::Int { .. } | Check::Uint { .. } | Check::Float32 | Check::Float64, Some(text))
            if rules.lenient && !text.is_empty() =>
        {
            bytes(text)
        }
        (_, Some(_)) => return Err(wrong()),
        (Check::Text, None) if rules.lenient => return Ok(Some(raw.as_bytes().into())),
        (Check::Bool, None) if matches!(raw, "true" | "false") => raw.as_bytes().into(),
        (_, None) if matches!(raw, "true" | "false") => return Err(wrong()),
        (Check::Float32 | Check::Float64 | Check::Int { .. } | Check::Uint { .. }, None) => raw.as_bytes().into(),
        (Check::Decimal { .. }, None) => raw.as_bytes().into(),
        (Check::Text | Check::Bool | Check::Time(_), None) => return Err(number(check, raw)),
    };
    let text = match check {
        Check::Decimal { .. } => plain(text),
        Check::Int { .. } | Check::Uint { .. } if rules.lenient => whole(plain(text)),
        _ => text,
    };
    if check.accepts(&text) { Ok(Some(text)) } else { Err(wrong()) }
}

fn number(check: &Check, raw: &str) -> String {
    let way = if matches!(check, Check::Text) { "; `lenient = true` takes it as it stands" } else { "" };
    format!("`{}` is not {}{way}", crate::show::shorten(raw, 80), check.expected())
}

fn is_null(rules: &FieldRules, text: &str) -> bool {
    rules.null_values.as_ref().is_some_and(|nulls| nulls.iter().any(|null| null == text))
}

/// JSON has no number for these.
fn is_named(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity" | "inf" | "-inf")
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// A number without its exponent, with the same value; other texts, and exponents out of all bounds, as they are.
fn plain(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let written = || {
        let text = std::str::from_utf8(&text).ok()?;
        let (mantissa, exponent) = text.split_once(['e', 'E'])?;
        let exponent: i64 = exponent.parse().ok()?;
        let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{before}{after}");
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.is_empty() || exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let point = before.len() as i64 + exponent;
        Some(match usize::try_from(point) {
            Err(_) | Ok(0) => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
            Ok(point) if point >= digits.len() => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
            Ok(point) => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        })
    };
    match written() {
        Some(written) => Cow::Owned(written.into_bytes()),
        None => text,
    }
}

/// A whole number without a fraction of zeros.
fn whole(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match memchr::memchr(b'.', &text) {
        Some(point) if text[point + 1..].iter().all(|b| *b == b'0') => Cow::Owned(text[..point].to_vec()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out() {
        for (text, expected) in [
            ("1e-7", "0.0000001"),
            ("-1.25e2", "-125"),
            ("1.5E+1", "15"),
            ("12.345e1", "123.45"),
            ("0e0", "0"),
            ("5e-1", "0.5"),
            ("1e999999999999", "1e999999999999"),
            ("7", "7"),
        ] {
            assert_eq!(plain(text.as_bytes().into()).as_ref(), expected.as_bytes(), "{text}");
        }
        assert_eq!(whole(plain(b"2.50e1".as_slice().into())).as_ref(), b"25");
        assert_eq!(whole(b"2.5".as_slice().into()).as_ref(), b"2.5");
    }
}
