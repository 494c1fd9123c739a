//! Every declared type through every format and back, twice: what is written is read as the same values, bit by bit,
//! extremes, NULL, NaN and empty texts among them; what a format has no form for is refused.

use crate::common::{Bench, columns, parquet};
use spotmill_core::endings;
use spotmill_core::model::{Format, Layout, OutputCompression, Read};
use spotmill_item::polars::prelude::*;

/// A type and the texts of some of its values, as a CSV file has them.
const VALUES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int8", &["-128", "127", "0"]),
    ("int16", &["-32768", "32767", "-1"]),
    ("int32", &["-2147483648", "2147483647", "1"]),
    ("int64", &["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    ("uint8", &["0", "255", "7"]),
    ("uint16", &["0", "65535", "7"]),
    ("uint32", &["0", "4294967295", "7"]),
    ("uint64", &["0", "18446744073709551615", "9007199254740993"]),
    ("float32", &["3.4028235e38", "1e-45", "-0.0", "0.1", "16777216"]),
    ("float64", &["1.7976931348623157e308", "5e-324", "-0.0", "0.1", "31.245270191439438", "9007199254740993"]),
    ("decimal(38,10)", &["9999999999999999999999999999.9999999999", "-0.0000000001", "9007199254740993.25"]),
    ("decimal(18,0)", &["999999999999999999", "-1", "0"]),
    ("decimal(6,6)", &["0.999999", "-0.000001", "0"]),
    (
        "string",
        &[
            "\"\"",
            "\"a \"\"quote\"\", a comma\"",
            "\"two\nlines\"",
            "\"a tab\t, a comma\"",
            "\"cr\rlf\r\n\"",
            "\" blank \"",
            "NULL",
            "\\N",
            "ü€😀",
            "\u{feff}x",
            "#x",
            "1e5",
        ],
    ),
    ("date", &["0001-01-01", "9999-12-31", "1969-12-31", "2024-02-29"]),
    (
        "timestamp",
        &["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "1969-12-31T23:59:59.999999", "2024-03-10T02:30:00.5"],
    ),
    ("timestamp_utc", &["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-03-10T10:00:00.000001Z"]),
];

/// A file with a column of every type, its values one below the other, and NULLs.
fn all() -> (Vec<String>, String) {
    let names = VALUES.iter().enumerate().map(|(i, (ty, _))| format!("c{i} {ty}")).collect();
    let rows = VALUES.iter().map(|(_, values)| values.len()).max().unwrap_or(0) + 1;
    let cell = |row: usize, values: &[&str]| values.get(row).copied().unwrap_or_default().to_owned();
    let line = |row| VALUES.iter().map(|(_, values)| cell(row, values)).collect::<Vec<_>>().join(",") + "\n";
    (names, (0..rows).map(line).collect())
}

/// What a step that copies its input reads and writes.
fn copied(list: &[&str], name: &str, bytes: &[u8], read: Read, to: Format) -> (String, Vec<u8>) {
    copied_with(list, name, bytes, read, to, false)
}

fn copied_with(list: &[&str], name: &str, bytes: &[u8], read: Read, to: Format, tabs: bool) -> (String, Vec<u8>) {
    let mut bench = Bench::new(list, "SELECT * FROM input");
    bench.spec.read = read;
    bench.file(name, bytes);
    (bench.spec.output.format, bench.spec.output.compression) = (to, OutputCompression::None);
    bench.spec.output.tabs = tabs;
    let report = bench.report();
    (report.files[0].path.clone(), std::fs::read(bench.out().join(&report.files[0].path)).expect("read"))
}

fn frame(bytes: &[u8]) -> DataFrame {
    let dir = tempfile::TempDir::new().expect("a directory");
    let path = dir.path().join("x.parquet");
    std::fs::write(&path, bytes).expect("written");
    parquet(&path)
}

/// Equal types and bits; NaN is NaN.
#[track_caller]
fn same(a: &DataFrame, b: &DataFrame, how: &str) {
    assert_eq!(a.schema(), b.schema(), "{how}");
    for (a, b) in a.columns().iter().zip(b.columns()) {
        let bits = |column: &Column| -> Vec<String> {
            let cell = |value: AnyValue<'_>| match value {
                AnyValue::Float32(v) => format!("{:08x}", if v.is_nan() { f32::NAN } else { v }.to_bits()),
                AnyValue::Float64(v) => format!("{:016x}", if v.is_nan() { f64::NAN } else { v }.to_bits()),
                other => format!("{other:?}"),
            };
            (0..column.len()).map(|i| cell(column.get(i).expect("a value"))).collect()
        };
        assert_eq!(bits(a), bits(b), "{how}, column {} {}", a.name(), a.dtype());
    }
}

fn read_of(format: Format, list: &[&str]) -> Read {
    let columns = if format == Format::Parquet { Vec::new() } else { columns(list) };
    Read { columns, ..Read::of(format) }
}

#[track_caller]
fn through(list: &[&str], text: &str, formats: &[Format]) {
    let start = Read { header: false, ..read_of(Format::Csv, list) };
    let (_, first) = copied(list, "a.csv", text.as_bytes(), start, Format::Parquet);
    let expected = frame(&first);
    for format in formats {
        for tabs in [false, true].into_iter().filter(|tabs| !tabs || *format == Format::Csv) {
            let parquet = read_of(Format::Parquet, list);
            let (name, written) = copied_with(list, "a.parquet", &first, parquet, *format, tabs);
            assert_eq!(tabs, name.ends_with(".tsv"), "{name}");
            let read = Read { delimiter: endings::of(&name).delimiter, ..read_of(*format, list) };
            let (_, back) = copied(list, &name, &written, read, Format::Parquet);
            same(&expected, &frame(&back), &format!("through {name}: {}", String::from_utf8_lossy(&written)));
        }
    }
}

const ALL: [Format; 3] = [Format::Parquet, Format::Csv, Format::Ndjson];

#[test]
fn every_type_through_every_format() {
    let (names, text) = all();
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    through(&list, &text, &ALL);
}

#[test]
fn the_values_are_those_of_the_text() {
    let (names, text) = all();
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    let start = Read { header: false, ..read_of(Format::Csv, &list) };
    let found = frame(&copied(&list, "a.csv", text.as_bytes(), start, Format::Parquet).1);
    for (i, (ty, values)) in VALUES.iter().enumerate() {
        let column = &found.columns()[i];
        assert_eq!(column.null_count(), column.len() - values.len(), "{ty}");
        for (row, text) in values.iter().enumerate() {
            match column.get(row).expect("a value") {
                AnyValue::Float32(v) => {
                    assert_eq!(v.to_bits(), text.parse::<f32>().expect("a number").to_bits(), "{text}")
                }
                AnyValue::Float64(v) => {
                    assert_eq!(v.to_bits(), text.parse::<f64>().expect("a number").to_bits(), "{text}")
                }
                AnyValue::String(v) => assert_eq!(v, text.trim_matches('"').replace("\"\"", "\"")),
                AnyValue::Datetime(micros, TimeUnit::Microseconds, _) => {
                    assert!(text.starts_with("1969") == (micros == -1), "{text} {micros}");
                }
                AnyValue::Decimal(..) | AnyValue::Date(_) | AnyValue::Boolean(_) => {}
                whole => assert_eq!(whole.to_string(), *text),
            }
        }
    }
}

#[test]
fn a_single_column() {
    for (ty, values) in VALUES {
        let list = [format!("c {ty}")];
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let text: String = values.iter().map(|v| format!("{v}\n")).collect();
        through(&list, &text, &ALL);
    }
    // A single NULL has no form in CSV, and is refused there.
    let nulls = "a,-\n,-\n\"\",-\n";
    let mut bench = Bench::new(&["a string", "b string"], "SELECT a FROM input");
    bench.file("a.csv", nulls);
    bench.spec.output.format = Format::Csv;
    bench.spec.output.compression = OutputCompression::None;
    let failure = bench.failure();
    assert!(failure.message.contains("`a` is NULL in a row"), "{}", failure.message);
    bench.spec.expect.not_null = vec!["a".into()];
    let report = bench.report();
    assert_eq!((report.violations.len(), report.violations[0].rows), (1, 1), "a promise that is broken is told first");
    for format in [Format::Parquet, Format::Ndjson] {
        bench.spec.expect.not_null.clear();
        bench.spec.output.format = format;
        let report = bench.report();
        let bytes = std::fs::read(bench.out().join(&report.files[0].path)).expect("read");
        let (_, back) =
            copied(&["a string"], &report.files[0].path, &bytes, read_of(format, &["a string"]), Format::Parquet);
        assert_eq!(crate::common::text(&frame(&back)), "a\n-\n\n", "{format:?}");
    }
}

#[test]
fn nan_and_infinities() {
    let list = &["a float64", "b float32"];
    through(list, "NaN,inf\ninf,NaN\n-inf,-inf\n1,\n", &[Format::Parquet, Format::Csv]);
    let mut bench = Bench::new(list, "SELECT * FROM input");
    bench.file("a.csv", "1,1\n1,inf\n");
    bench.spec.output.format = Format::Ndjson;
    bench.spec.output.compression = OutputCompression::None;
    let failure = bench.failure();
    assert!(failure.message.contains("column `b` has NaN or an infinity"), "{}", failure.message);
    // As other writers have them.
    let (_, back) =
        copied(list, "a.ndjson", br#"{"a":"NaN","b":"-Infinity"}"#, read_of(Format::Ndjson, list), Format::Parquet);
    assert_eq!(crate::common::text(&frame(&back)), "NaN|-inf\n");
}

#[test]
fn timestamps_of_both_kinds_keep_their_zone_in_text() {
    let list = &["t timestamp", "u timestamp_utc", "k string"];
    for format in [Format::Csv, Format::Ndjson] {
        let mut bench = Bench::new(list, "SELECT * FROM input");
        bench.file("a.csv", "2024-03-10T10:00:00,2024-03-10T10:00:00.5Z,x\n");
        (bench.spec.output.format, bench.spec.output.compression) = (format, OutputCompression::None);
        bench.layout(Layout::Partition { by: vec!["k".into()] });
        let report = bench.report();
        let text = std::fs::read_to_string(bench.out().join(&report.files[0].path)).expect("read");
        assert!(text.contains("2024-03-10T10:00:00.500Z") && !text.contains("2024-03-10T10:00:00Z"), "{text}");
    }
}

#[test]
fn names_that_need_quotes_and_keys_of_partitions() {
    let list = &["t timestamp", "u timestamp_utc", "d date", "n int64"];
    let sql = "SELECT t AS \"a,b\", u AS \"say \"\"u\"\"\", d AS \" d \", n AS \"#n\" FROM input";
    let names = ["a,b", "say \"u\"", " d ", "#n"];
    for format in ALL {
        for by in names {
            let mut bench = Bench::new(list, sql);
            bench.file("a.csv", "2024-03-10T10:00:00.5,2024-03-10T10:00:00.000001Z,2024-03-10,-7\n");
            (bench.spec.output.format, bench.spec.output.compression) = (format, OutputCompression::None);
            bench.layout(Layout::Partition { by: vec![by.into()] });
            let report = bench.report();
            let bytes = std::fs::read(bench.out().join(&report.files[0].path)).expect("read");
            let mut reread = Bench::new(list, "SELECT * FROM input");
            reread.spec.read = Read { columns: report.columns.clone(), ..Read::of(format) };
            reread.file(&format!("a.{}", report.files[0].path.rsplit('.').next().unwrap_or_default()), bytes);
            assert_eq!(
                reread.rows(),
                "2024-03-10 10:00:00.500|2024-03-10 10:00:00.000001 UTC|2024-03-10|-7\n",
                "{format:?} by {by}"
            );
        }
    }
}

#[test]
fn what_is_published_has_types_that_every_reader_has() {
    let list = &["a uint8", "b uint16", "c uint32", "d uint64", "e int8"];
    let mut bench = Bench::new(list, "SELECT * FROM input");
    bench.file("a.csv", "255,65535,4294967295,18446744073709551615,-128\n,,,,\n");
    bench.spec.output.destination = Some("out".into());
    let types: Vec<String> = bench.report().columns.iter().map(|c| c.ty.to_string()).collect();
    assert_eq!(types.join(" "), "int16 int32 int64 decimal(20,0) int8");
    assert_eq!(bench.rows(), "255|65535|4294967295|18446744073709551615|-128\n-|-|-|-|-\n");
}

/// Random floats, of which a reader that converts twice gets one in ten wrong.
#[test]
fn floats_to_the_last_bit() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 31)
    };
    let values: Vec<(f64, f32)> = (0..20_000)
        .map(|_| (f64::from_bits(next()), f32::from_bits(next() as u32)))
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    let csv: String = values.iter().map(|(a, b)| format!("{a:e},{b}\n")).collect();
    let json: String = values.iter().map(|(a, b)| format!("{{\"a\":{a},\"b\":{b:e}}}\n")).collect();
    let list = &["a float64", "b float32"];
    let csv_read = Read { header: false, ..read_of(Format::Csv, list) };
    for (name, text, read) in [("a.csv", csv, csv_read), ("a.ndjson", json, read_of(Format::Ndjson, list))] {
        let found = frame(&copied(list, name, text.as_bytes(), read, Format::Parquet).1);
        let a: Vec<u64> = found.columns()[0].f64().expect("f64").into_no_null_iter().map(f64::to_bits).collect();
        let b: Vec<u32> = found.columns()[1].f32().expect("f32").into_no_null_iter().map(f32::to_bits).collect();
        assert!(a.iter().zip(&values).all(|(bits, (value, _))| *bits == value.to_bits()), "{name}");
        assert!(b.iter().zip(&values).all(|(bits, (_, value))| *bits == value.to_bits()), "{name}");
        assert_eq!((a.len(), b.len()), (values.len(), values.len()));
    }
}
