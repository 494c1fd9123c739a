//! NDJSON: of every record the values are those of another parser, to the last bit, or the record is refused.

use proptest::prelude::*;
use serde_json::Value;
use spotmill_core::model::{Format, OnBadRows, Read};
use spotmill_core::types::Column;
use spotmill_text::Sink;
use spotmill_text::field::Check;
use spotmill_text::ndjson::{JsonField, JsonRows};
use spotmill_text::source::Source;

const COLUMNS: [(&str, &str); 5] =
    [("i", "int64"), ("f", "float64"), ("d", "decimal(18,3)"), ("s", "string"), ("b", "bool")];

/// Rows of the copy that the engine reads, and how many records were refused.
fn ours(text: &[u8]) -> Option<(Vec<Vec<Vec<u8>>>, u64)> {
    let dir = tempfile::TempDir::new().expect("a directory");
    let path = dir.path().join("a.ndjson");
    std::fs::write(&path, text).expect("written");
    let columns = COLUMNS.map(|(name, ty)| Column { name: name.into(), ty: ty.parse().expect("a type"), parse: None });
    let read = Read { columns: columns.to_vec(), on_bad_rows: OnBadRows::Reject, ..Read::of(Format::Ndjson) };
    let field = |c: &Column| JsonField::new(&read, &c.name, Check::new(c, &read.rules(&c.name)).expect("a check"));
    let fields: Vec<JsonField> = columns.iter().map(|c| field(c).expect("a field")).collect();
    let mut source = Source::open(&path, &read).ok()?;
    let mut sink = Sink::new(false, dir.path().join("rejects"));
    let rows = JsonRows { fields: &fields, no_others: false, in_path: &[] };
    let checked = rows.check(&path, &mut source, dir.path().join("copy"), &mut sink).ok()?;
    let copy = std::fs::read(&checked.read).expect("a copy");
    let chunks: Vec<u8> = checked.chunks.iter().flat_map(|c| copy[c.from..c.to].to_vec()).collect();
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true);
    let all = reader.from_reader(&chunks[..]).into_byte_records().map(|row| row.expect("rows of a copy"));
    let rows: Vec<Vec<Vec<u8>>> = all.map(|row| row.iter().map(<[u8]>::to_vec).collect()).collect();
    assert_eq!(rows.len() as u64, checked.rows, "{}", String::from_utf8_lossy(&copy));
    Some((rows, checked.rejected))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A number of a record, as text: the value that it has is the nearest one, by the standard library.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_filter("a finite one", |f| f.is_finite()).prop_map(|f| format!("{f:e}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?",
    ]
}

/// A value of each of `COLUMNS`: a decimal is its digits, and how many of them stand after the point.
type Record = (Option<i64>, Option<String>, Option<(i64, usize)>, Option<String>, Option<bool>);

fn record() -> impl Strategy<Value = Record> {
    let decimal = (-999_999_999_999_999i64..=999_999_999_999_999, 0..=3usize);
    (
        any::<Option<i64>>(),
        prop::option::of(number()),
        prop::option::of(decimal),
        any::<Option<String>>(),
        any::<Option<bool>>(),
    )
}

/// `12345` with two digits after the point: `123.45`.
fn decimal(digits: i64, after: usize) -> String {
    let all = format!("{:0>width$}", digits.unsigned_abs(), width = after + 1);
    let (whole, rest) = all.split_at(all.len() - after);
    let sign = if digits < 0 { "-" } else { "" };
    if after == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

proptest! {
    #[test]
    fn values_are_those_that_were_written(
        records in prop::collection::vec(record(), 1..8),
        together in any::<bool>(),
        spaces in "[ \t]{0,2}",
    ) {
        let mut file = String::new();
        for (i, f, d, s, b) in &records {
            let d = d.map(|(digits, after)| decimal(digits, after));
            let quoted = s.as_ref().map(|s| Value::from(s.as_str()).to_string());
            let values = [("i", i.map(|i| i.to_string())), ("f", f.clone()), ("d", d), ("s", quoted), ("b", b.map(|b| b.to_string()))];
            let one = |(key, value): (&str, Option<String>)| format!("\"{key}\"{spaces}:{spaces}{}", value.unwrap_or("null".to_owned()));
            file += &format!("{{{}{spaces}}}{}", values.map(one).join(","), if together { "" } else { "\n" });
        }
        let (rows, rejected) = ours(file.as_bytes()).expect("a file of records");
        let holds = |f: &Option<String>| f.as_ref().is_none_or(|f| f.parse::<f64>().is_ok_and(f64::is_finite));
        let fits: Vec<_> = records.iter().filter(|r| holds(&r.1)).collect();
        prop_assert_eq!((rows.len(), rejected as usize), (fits.len(), records.len() - fits.len()), "{}", file);
        for (row, (i, f, d, s, b)) in rows.iter().zip(fits) {
            let of = |at: usize| Some(text(&row[at])).filter(|text| !text.is_empty());
            prop_assert_eq!(of(0).map(|t| t.parse::<i64>().expect("a number")), *i);
            let bits = |t: &str| t.parse::<f64>().expect("a number").to_bits();
            prop_assert_eq!(of(1).map(bits), f.as_deref().map(bits));
            let thousandths = |t: &str| {
                let (whole, after) = t.split_once('.').unwrap_or((t, ""));
                format!("{whole}{after:0<3}").parse::<i64>().expect("digits")
            };
            prop_assert_eq!(of(2).map(thousandths), d.map(|(digits, after)| digits * 10i64.pow(3 - after as u32)));
            prop_assert_eq!(text(&row[3]), s.as_deref().unwrap_or_default());
            prop_assert_eq!(of(4).map(|t| t.eq_ignore_ascii_case("true")), *b);
        }
    }

    /// A record is one for another parser too; of what that one refuses, nothing is a row.
    #[test]
    fn any_text_is_the_records_of_another_parser(
        text in super::mutated(br#"{"i":-12,"f":1.5e3,"d":0.125,"s":"a\"\u00e9\n","b":true,"x":[1,{"y":null}]}"#.to_vec(), prop::collection::vec(prop::sample::select(br#"{}[]":,0-9.eE+\/ unltrabsf"#.to_vec()), 0..5)),
    ) {
        let Some((rows, rejected)) = ours(&text) else { return Ok(()) };
        let values: Vec<_> = serde_json::Deserializer::from_slice(&text).into_iter::<Value>().collect();
        let objects = values.iter().flatten().filter(|value| value.is_object()).count();
        let shown = String::from_utf8_lossy(&text);
        prop_assert!(rows.len() <= objects, "{} rows of {objects} objects: {shown}", rows.len());
        // Whatever else stands there is refused: none of it is passed over.
        prop_assert!(objects == values.len() || rejected > 0, "nothing is refused of {shown}");
        if values.iter().all(Result::is_ok) {
            prop_assert_eq!(rows.len() as u64 + rejected, values.len() as u64, "a record or a rejection each: {}", shown);
        }
    }
}
