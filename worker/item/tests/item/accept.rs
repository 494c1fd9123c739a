//! The row check against the engine's reader: what the check accepts, the engine reads to the same number of rows,
//! and no accepted field that holds something becomes NULL. Files are made of what goes wrong in files.

use crate::common::{Bench, columns, plain, text};
use proptest::prelude::*;
use spotmill_item::polars::prelude::{Engine, col};
use spotmill_text::field::Check;

const TYPES: &[&str] = &[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal(6,2)",
    "decimal(38,10)",
    "date",
    "timestamp",
    "timestamp_utc",
    "string",
];

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i8>().prop_map(|v| v.to_string()),
        any::<i64>().prop_map(|v| v.to_string()),
        any::<u64>().prop_map(|v| v.to_string()),
        any::<i128>().prop_map(|v| v.to_string()),
        any::<f64>().prop_map(|v| v.to_string()),
        any::<f32>().prop_map(|v| format!("{v:e}")),
        (0u8..6, "[0-9]{1,8}").prop_map(|(p, d)| format!("{}.{d}", 10u64.pow(p.into()))),
        "[ \\t]{0,2}[-+]?[0-9]{0,5}[.]?[0-9]{0,4}(e[-+]?[0-9]{1,3})?",
        prop::sample::select(
            &["inf", "-inf", "NaN", "nan", "infinity", "+1", "-0", "00", ".", "-", "+", "1e999", "0x1"][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn time() -> impl Strategy<Value = String> {
    "(19|20)[0-9][0-9]-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-]0[0-9]:?30)?)?"
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,6}",
        prop::sample::select(&["true", "FALSE", "True", "t", "NA", "null", "é", "\\N"][..]).prop_map(str::to_owned)
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![4 => number(), 2 => time(), 2 => word()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..Default::default() })]

    /// Many fields of one type: accepted means read, and read as something.
    #[test]
    fn what_a_field_accepts_the_engine_reads(
        texts in prop::collection::vec(value(), 100),
        ty in prop::sample::select(TYPES),
    ) {
        let list = [format!("a {ty}"), "z string".to_owned()];
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let check = Check::new(&columns(&list)[0], &Default::default()).expect("a type");
        let accepted: Vec<&String> = texts.iter().filter(|t| !t.is_empty() && check.accepts(t.as_bytes())).collect();
        let mut bench = Bench::new(&list, "SELECT a, z FROM input WHERE a IS NULL");
        bench.file("a.csv", accepted.iter().map(|t| format!("{t},{t}\n")).collect::<String>());
        prop_assert_eq!(bench.rows(), "", "as {}", ty);
    }
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => value(),
        2 => "[a-z,\n\r ]{0,5}".prop_map(|t| format!("\"{t}\"")),
        1 => "[a-z\"]{0,4}",
        1 => Just("\"\"".to_owned()),
        1 => Just("x\"\"y\r".to_owned()),
        1 => Just("\"unclosed".to_owned()),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let row = prop::collection::vec(field(), 1..5).prop_map(|f| f.join(","));
    let end = prop::sample::select(&["\n", "\r\n", "\n\n"][..]);
    (prop::collection::vec((row, end), 0..12), any::<bool>()).prop_map(|(rows, last)| {
        let mut text: String = rows.iter().map(|(r, e)| format!("{r}{e}")).collect();
        if !last {
            text.truncate(text.trim_end().len());
        }
        // Lines that end in a bare CR are refused as a file.
        if !text.contains('\n') {
            text.retain(|c| c != '\r');
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Whole files: whatever is in them, the rows checked are the rows read (the item fails itself otherwise), and
    /// the strings are those that RFC 4180 gives.
    #[test]
    fn rows_checked_are_rows_read(text in file(), number in prop::sample::select(TYPES)) {
        let list = ["a string".to_owned(), format!("b {number}"), "c string".to_owned()];
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let mut bench = Bench::new(&list, "SELECT a, c FROM input");
        bench.rejecting().file("a.csv", &text);
        let report = bench.report();
        prop_assert_eq!(report.rows.raw, report.rows.read + report.rows.rejected);
        prop_assert_eq!(report.rows.written, report.rows.read);
    }

    /// Strings come out as csv-core, an independent reader, reads them.
    #[test]
    fn strings_are_those_of_an_independent_reader(text in file()) {
        let list = &["a string", "b string", "c string"];
        let mut bench = Bench::new(list, "SELECT * FROM input");
        bench.rejecting().file("a.csv", &text);
        let expected = independent(&text);
        let rows = bench.rows();
        let rejected = bench.rejects();
        let rejected = rejected.lines().filter(|l| !l.contains("unclosed_quote")).count();
        // Where a quote is wrong the readers differ on purpose; elsewhere nothing may.
        if !bench.rejects().contains("unclosed_quote") {
            prop_assert_eq!(rows, expected.iter().filter(|r| r.len() == 3).map(|r| line(r)).collect::<String>());
            prop_assert_eq!(rejected, expected.iter().filter(|r| r.len() != 3).count());
        }
    }

    /// A file without quotes that is accepted whole is read by plain Polars to the same text.
    #[test]
    fn clean_files_are_read_as_they_lie_there(rows in prop::collection::vec((any::<i32>(), "[a-zé ]{1,6}", any::<i16>()), 1..20)) {
        let body: String = rows.iter().map(|(a, b, c)| format!("{a},{b},{c}\n")).collect();
        let list = &["a int32", "b string", "c int16"];
        let mut bench = Bench::new(list, "SELECT * FROM input");
        bench.file("a.csv", &body);
        let plain = plain(&bench.dir.path().join("a.csv"), list).select([col("a"), col("b"), col("c")]);
        let plain = plain.collect_with_engine(Engine::Streaming).expect("read").unwrap_single();
        prop_assert_eq!(bench.rows(), text(&plain));
    }
}

fn line(row: &[Option<String>]) -> String {
    let text = |v: &Option<String>| v.clone().unwrap_or_else(|| "-".to_owned());
    row.iter().map(text).collect::<Vec<_>>().join("|") + "\n"
}

/// Rows as csv-core splits them; a field that is empty and not in quotes is NULL.
fn independent(text: &str) -> Vec<Vec<Option<String>>> {
    let mut reader = csv_core::ReaderBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    let mut input = text.as_bytes();
    let mut out = vec![0u8; text.len() + 16];
    loop {
        let before = input;
        let (result, read, written) = reader.read_field(input, &mut out);
        input = &input[read..];
        let mut value = String::from_utf8_lossy(&out[..written]).into_owned();
        let raw = &before[..read];
        let quoted = raw.iter().find(|b| **b != b'\n') == Some(&b'"');
        if raw.ends_with(b"\r\n") && value.ends_with('\r') {
            value.pop();
        }
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push((quoted || !value.is_empty()).then_some(value));
                if record_end {
                    let row = std::mem::take(&mut row);
                    // A blank line is no row.
                    rows.extend((row != [None]).then_some(row));
                }
            }
            csv_core::ReadFieldResult::End => return rows,
            _ => {}
        }
    }
}
