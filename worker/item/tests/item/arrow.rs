//! Arrow files: what Parquet promises holds of them, of the file format and of streams.

use crate::common::{Bench, columns};
use arrow::array::{ArrayRef, Date64Array, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use spotmill_core::item::FailureClass;
use spotmill_core::model::{Extra, FieldRules, Format, Missing, Read, Transform};
use spotmill_item::schema::{block, declared};
use std::sync::Arc;

/// A column of each type, written by PyArrow; a row of values and one of NULL.
const FILE: &[u8] = include_bytes!("../data/types.arrow");
const STREAM: &[u8] = include_bytes!("../data/types.arrows");

fn reading(list: &[&str], sql: &str) -> Bench {
    let mut bench = Bench::new(&["a int32"], sql);
    bench.spec.read = Read { columns: columns(list), ..Read::of(Format::Arrow) };
    bench
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("a batch")
}

fn numbers(rows: std::ops::Range<i32>) -> RecordBatch {
    batch(vec![("a", Arc::new(Int32Array::from_iter_values(rows)))])
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    packed(batches, CompressionType::ZSTD)
}

fn packed(batches: &[RecordBatch], codec: CompressionType) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(Some(codec)).expect("options");
    let mut out = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).expect("a writer");
    batches.iter().for_each(|batch| out.write(batch).expect("written"));
    out.into_inner().expect("whole")
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| out.write(batch).expect("written"));
    out.into_inner().expect("whole")
}

#[track_caller]
fn refused(bench: &Bench, parts: &[&str]) {
    let failure = bench.failure();
    assert_ne!(failure.class, FailureClass::Infra, "{failure:?}");
    let text = format!("{} {}", failure.message, failure.remedy.unwrap_or_default());
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in {text}"));
}

const TYPES: [&str; 35] = [
    "b bool",
    "int8 int8",
    "int16 int16",
    "int32 int32",
    "int64 int64",
    "uint8 uint8",
    "uint16 uint16",
    "uint32 uint32",
    "uint64 uint64",
    "f32 float32",
    "f64 float64",
    "d9 decimal(9,2)",
    "d38 decimal(38,2)",
    "s string",
    "large string",
    "view string",
    "word string",
    "number int32",
    "date date",
    "date64 date",
    "t_s timestamp",
    "z_s timestamp_utc",
    "t_ms timestamp",
    "z_ms timestamp_utc",
    "t_us timestamp",
    "z_us timestamp_utc",
    "t_ns timestamp",
    "z_ns timestamp_utc",
    "nothing string",
    "last int64",
    // Of what the columns above are, other types that hold every value.
    "int8 int64",
    "uint32 decimal(12,1)",
    "t_ns int64",
    "fixed string",
    "date timestamp",
];
const FOUND: usize = 30;

#[test]
fn types_are_those_of_the_file_found_planned_or_declared() {
    let list = &TYPES[..FOUND];
    let names: Vec<String> = list.iter().map(|c| format!("\"{}\"", c.split(' ').next().unwrap_or_default())).collect();
    let sql = format!("SELECT {} FROM input", names.join(", "));
    let nine = "9".repeat(36);
    let at = "2023-11-14 22:13:20";
    let one = format!(
        "true|127|32767|2147483647|9223372036854775807|255|65535|4294967295|18446744073709551615|1.5|0.1|1234567.89|\
         {nine}.99|x|x|x is longer than twelve bytes|x|7|9999-12-31|2024-02-29|{at}|{at} UTC|{at}.001|{at}.001 UTC|\
         {at}.000001|{at}.000001 UTC|{at}.000001|{at}.000001 UTC|-|7\n"
    );
    let rows = format!("{one}{}\n", vec!["-"; list.len()].join("|"));
    for (name, bytes) in [("1.arrow", FILE), ("1.arrows", STREAM)] {
        for (list, inferred) in [(&[][..], false), (list, true), (list, false)] {
            let mut bench = reading(list, &sql);
            bench.spec.read.inferred = inferred;
            bench.file(name, bytes);
            assert_eq!(bench.exact_rows(), rows, "{name} {list:?}");
        }
    }
}

#[test]
fn declared_columns_are_read_from_what_holds_them() {
    let read = |list: &[&str], sql: &str| {
        let mut bench = reading(list, sql);
        bench.file("1.feather", FILE);
        bench
    };
    for (declared, value) in TYPES[FOUND..].iter().zip(["127", "4294967295.0", "1700000000000001000", "abc", "-"]) {
        let name = declared.split(' ').next().unwrap_or_default();
        let bench = read(&[declared], &format!("SELECT {name} FROM input"));
        if value == "-" {
            refused(&bench, &["1.feather: column `date` is date, not timestamp as declared", "CAST"]);
        } else {
            assert_eq!(bench.rows(), format!("{value}\n-\n"), "{declared}");
        }
    }
    refused(&read(&["int16 int8"], "SELECT * FROM input"), &["column `int16` is int16, not int8 as declared"]);
    refused(&read(&["bin string"], "SELECT * FROM input"), &["1.feather", "column `bin`", "not UTF-8"]);
    refused(&read(&["LAST int64"], "SELECT * FROM input"), &["has no column `LAST`; it has `last`"]);
    refused(&read(&[], "SELECT * FROM input"), &["`bin` binary", "`d76`"]);
    let mut strict = read(&["last int64"], "SELECT * FROM input");
    strict.spec.read.extra = Extra::Fail;
    refused(&strict, &["1.feather has a column `b` that is not declared", "extra = \"ignore\""]);
    let found = declared(&strict.dir.path().join("1.feather"), &Read::of(Format::Arrow)).expect("columns");
    let text = block(&found);
    assert!(text.contains("\"date64 date\"") && text.contains("# `bin` binary is left out"), "{text}");
}

#[test]
fn nanoseconds_are_kept_refused_or_cut() {
    let fine = batch(vec![("n", Arc::new(TimestampNanosecondArray::from(vec![1_999])))]);
    let mut bench = reading(&["n timestamp"], "SELECT n FROM input");
    bench.file("1.arrow", file(&[fine]));
    refused(&bench, &["1.arrow", "column `n`", "nanoseconds", "`nanoseconds = \"cut\"`"]);
    bench.spec.read.fields.insert("n".into(), FieldRules { cut_nanoseconds: true, ..FieldRules::default() });
    assert_eq!(bench.rows(), "1970-01-01 00:00:00.000001\n");
}

#[test]
fn days_of_milliseconds_that_are_no_days_are_refused() {
    let odd = batch(vec![("day", Arc::new(Date64Array::from(vec![86_400_000, 86_400_001])))]);
    let mut bench = reading(&[], "SELECT day FROM input");
    bench.file("1.arrow", file(&[odd]));
    refused(&bench, &["1.arrow: column `day`", "86400001 milliseconds", "whole days"]);
}

/// Batches smaller and larger than a row group of the copy; and files that differ.
#[test]
fn rows_keep_their_order_over_batches_and_files() {
    let mut bench = reading(&["a int64", "b string"], "SELECT COUNT(*) AS n, SUM(a) AS s FROM input");
    bench.spec.read.missing = Missing::Null;
    let batches = [numbers(0..3), numbers(3..300_000), numbers(300_000..300_001), numbers(0..0)];
    bench.file("1.arrow", file(&batches)).file("2.arrows", stream(&batches));
    let both = batch(vec![
        ("b", Arc::new(StringArray::from(vec![Some("x"), None]))),
        ("a", Arc::new(Int32Array::from(vec![Some(-1), None]))),
    ]);
    bench.file("3.arrow", file(&[both]));
    assert_eq!(bench.rows(), format!("600004|{}\n", 300_000_i64 * 300_001 - 1));
    let report = bench.report();
    assert_eq!(report.rows.read, 600_004, "{report:?}");
    bench.spec.transform = Transform::Sql { text: "SELECT a, b FROM input WHERE a < 2".into(), file: None };
    assert_eq!(bench.rows(), "0|-\n1|-\n0|-\n1|-\n-1|x\n");
    // Of what no file has, every row is NULL.
    bench.spec.read.columns = columns(&["z date"]);
    bench.spec.transform = Transform::Sql { text: "SELECT COUNT(*) AS n, COUNT(z) AS z FROM input".into(), file: None };
    assert_eq!(bench.rows(), "600004|0\n");
    bench.spec.read.missing = Missing::Fail;
    refused(&bench, &["1.arrow has no column `z`", "missing = \"null\""]);
    let mut none = reading(&[], "SELECT * FROM input");
    none.file("1.arrow", file(&[numbers(0..0)]));
    assert_eq!(none.rows(), "");
}

#[test]
fn a_damaged_file_is_refused_by_name() {
    let whole = [file(&[numbers(0..1000), numbers(0..1000)]), stream(&[numbers(0..1000), numbers(0..1000)])];
    for (name, bytes) in [("1.arrow", &whole[0]), ("1.arrows", &whole[1])] {
        let check = |bytes: Vec<u8>| {
            let mut bench = reading(&[], "SELECT * FROM input");
            bench.file(name, bytes);
            refused(&bench, &[name, "is no Arrow file, is damaged or is cut short", "deliver the file again"]);
        };
        // Cut anywhere, between messages as well.
        (0..bytes.len()).step_by(13).for_each(|end| check(bytes[..end].to_vec()));
        check([bytes, &b"more"[..]].concat());
        check([&bytes[..100], &bytes[140..]].concat());
    }
    let mut text = reading(&[], "SELECT * FROM input");
    text.file("1.arrow", "a,b\n1,2\n");
    refused(&text, &["1.arrow is no Arrow file"]);
    let mut old = reading(&[], "SELECT * FROM input");
    old.file("1.feather", "FEA1....FEA1");
    refused(&old, &["1.feather", "Feather of version 1", "rewritten"]);
    let mut twice = reading(&[], "SELECT * FROM input");
    let same = arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Int32, true);
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![same.clone(), same]));
    let one: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    twice.file("1.arrow", file(&[RecordBatch::try_new(schema, vec![one.clone(), one]).expect("a batch")]));
    refused(&twice, &["1.arrow has more than one column `a`"]);
}

/// A reader allocates what a compressed buffer claims to be.
#[test]
fn a_buffer_that_claims_more_than_it_holds_is_refused_by_name() {
    let zeros = |n| batch(vec![("a", Arc::new(Int32Array::from_iter_values(std::iter::repeat_n(0, n))) as ArrayRef)]);
    for (codec, begins) in
        [(CompressionType::ZSTD, [0x28, 0xb5, 0x2f, 0xfd]), (CompressionType::LZ4_FRAME, [4, 34, 77, 24])]
    {
        let length: u64 = 4 << 16;
        let whole = packed(&[zeros(1 << 16)], codec);
        let mark = [&length.to_le_bytes()[..], &begins].concat();
        let at = whole.windows(mark.len()).position(|bytes| bytes == mark).expect("the values' buffer");
        let check = |claimed: i64, parts: &[&str]| {
            let mut damaged = whole.clone();
            damaged[at..at + 8].copy_from_slice(&claimed.to_le_bytes());
            let mut bench = reading(&[], "SELECT COUNT(*) AS n, SUM(a) AS s FROM input");
            bench.file("1.arrow", damaged);
            match parts {
                [] => assert_eq!(bench.rows(), "65536|0\n"),
                parts => refused(&bench, &[&["1.arrow", "deliver the file again"], parts].concat()),
            }
        };
        check(length as i64, &[]);
        for claimed in [1 << 40, i64::MAX] {
            check(claimed, &["compressed bytes claims to be", &claimed.to_string()]);
        }
        check(-2, &["claims to be -2 bytes"]);
        check(length as i64 + 1, &["1.arrow is no Arrow file, is damaged"]);
        check(length as i64 - 1, &["1.arrow is no Arrow file, is damaged"]);
    }
    // In a stream as well, and of a buffer that shrinks to a ten-thousandth.
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).expect("options");
    let one = zeros(1 << 22);
    let mut out = StreamWriter::try_new_with_options(Vec::new(), &one.schema(), options).expect("a writer");
    out.write(&one).expect("written");
    let mut bytes = out.into_inner().expect("whole");
    let mut bench = reading(&[], "SELECT COUNT(*) AS n FROM input");
    bench.file("1.arrows", &bytes);
    assert_eq!(bench.rows(), "4194304\n");
    let mark = [&(4_u64 << 22).to_le_bytes()[..], &[0x28, 0xb5, 0x2f, 0xfd]].concat();
    let at = bytes.windows(mark.len()).position(|found| found == mark).expect("the values' buffer");
    bytes[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let mut bench = reading(&[], "SELECT COUNT(*) AS n FROM input");
    bench.file("1.arrows", &bytes);
    refused(&bench, &["1.arrows", "claims to be 1099511627776 bytes, and holds 16777216"]);
}

/// Arrow has no checksums: what a changed bit says may be read. Whatever the bits that describe the values say, the process
/// lives.
#[test]
fn changed_bits_of_the_description_end_no_process() {
    let bytes = stream(&[numbers(7..9)]);
    let body = bytes.windows(8).position(|w| w == [7, 0, 0, 0, 8, 0, 0, 0]).expect("the values");
    for at in 0..body {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        let mut bench = reading(&["a int32"], "SELECT a FROM input");
        bench.file("1.arrows", damaged);
        let _ = bench.outcome();
    }
}

#[test]
fn text_that_is_declared_and_arrow_that_is_found() {
    let mut bench = Bench::new(&["a int32"], "SELECT a FROM input");
    bench.file("1.csv", FILE);
    refused(&bench, &["1.csv is Arrow, not text", "format = \"arrow\""]);
}
