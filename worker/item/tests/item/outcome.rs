//! One item from spec to outcome: layouts, rules, expectations, formats, and each way to fail.

use crate::common::{Bench, columns, csv_read, parquet};
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use spotmill_core::item::{FailureClass, ItemReport, ValueFilter};
use spotmill_core::model::*;
use std::io::Write;

const KV: &[&str] = &["k string", "v int32"];

fn bench(sql: &str, text: &str) -> Bench {
    let mut bench = Bench::new(KV, sql);
    bench.file("a.csv", text);
    bench
}

fn partitions(report: &ItemReport) -> Vec<(&str, u64)> {
    report.files.iter().map(|f| (f.partition.as_str(), f.rows)).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Level::fast());
    out.write_all(text.as_bytes()).expect("packed");
    out.finish().expect("packed")
}

#[test]
fn partitions_are_named_so_that_no_two_values_meet() {
    let text = "a,1\n,2\n\"\",3\n__HIVE_DEFAULT_PARTITION__,4\n../x/y,5\nü=%,6\na,7\n";
    let mut bench = bench("SELECT * FROM input", text);
    bench.layout(Layout::Partition { by: vec!["k".into()] });
    let report = bench.report();
    assert_eq!(
        partitions(&report),
        [
            ("k=", 1),
            ("k=%5F_HIVE_DEFAULT_PARTITION__", 1),
            ("k=%C3%BC%3D%25", 1),
            ("k=..%2Fx%2Fy", 1),
            ("k=__HIVE_DEFAULT_PARTITION__", 1),
            ("k=a", 2)
        ]
    );
    let file = parquet(&bench.out().join("k=a/00000.parquet"));
    assert_eq!(crate::common::text(&file), "a|1\na|7\n", "key columns stay in the files");
    assert_eq!(report.files.iter().map(|f| f.rows).sum::<u64>(), report.rows.written);
}

#[test]
fn partitions_by_several_keys_of_several_types() {
    let list = &["d date", "t timestamp_utc", "b bool", "n int8"];
    let mut bench = Bench::new(list, "SELECT * FROM input");
    bench.file("a.csv", "2013-01-01,2013-01-01T10:00:00Z,true,1\n,,,\n");
    let by = ["d", "t", "b", "n"].map(str::to_owned).to_vec();
    bench.layout(Layout::Partition { by });
    let labels: Vec<String> = bench.report().files.into_iter().map(|f| f.partition).collect();
    let null = "__HIVE_DEFAULT_PARTITION__";
    assert_eq!(
        labels,
        ["d=2013-01-01/t=2013-01-01T10:00:00Z/b=true/n=1".to_owned(), format!("d={null}/t={null}/b={null}/n={null}"),]
    );
}

#[test]
fn buckets_follow_the_documented_hash_whatever_the_width() {
    let text: String = (0..100).map(|i| format!("{i}\n")).collect();
    let run = |ty: &str| {
        let list = [format!("v {ty}")];
        let mut bench = Bench::new(&[list[0].as_str()], "SELECT * FROM input");
        bench.file("a.csv", &text).layout(Layout::Bucket { by: vec!["v".into()], buckets: 7 });
        let report = bench.report();
        report
            .files
            .iter()
            .map(|f| (f.partition.clone(), crate::common::text(&parquet(&bench.out().join(&f.path)))))
            .collect()
    };
    let narrow: Vec<(String, String)> = run("int8");
    assert_eq!(narrow, run("int64"));
    assert_eq!(narrow, run("uint64"));
    for (label, rows) in &narrow {
        for row in rows.lines() {
            let mut bytes = Vec::new();
            spotmill_core::bucket::Key::Int(row.parse().expect("a number")).append(&mut bytes);
            assert_eq!(*label, spotmill_core::bucket::label(spotmill_core::bucket::bucket(&bytes, 7)));
        }
    }
}

#[test]
fn no_rows_make_one_file_or_none() {
    let mut bench = bench("SELECT * FROM input WHERE v > 100", "a,1\n");
    assert_eq!(partitions(&bench.report()), [("", 0)]);
    bench.layout(Layout::Partition { by: vec!["k".into()] });
    assert_eq!(partitions(&bench.report()), []);
    bench.layout(Layout::Bucket { by: vec!["k".into()], buckets: 4 });
    assert_eq!(partitions(&bench.report()), []);
    bench.layout(Layout::Single).spec.output.file_rows = Some(10);
    assert_eq!(partitions(&bench.report()), [("", 0)]);
}

#[test]
fn files_are_split_by_rows() {
    let text: String = (0..25).map(|i| format!("k,{i}\n")).collect();
    let mut bench = bench("SELECT * FROM input", &text);
    bench.spec.output.file_rows = Some(10);
    assert_eq!(partitions(&bench.report()), [("", 10), ("", 10), ("", 5)]);
    bench.layout(Layout::Partition { by: vec!["k".into()] });
    assert_eq!(partitions(&bench.report()), [("k=k", 10), ("k=k", 10), ("k=k", 5)]);
}

#[test]
fn rows_are_sorted_within_a_partition() {
    let mut bench = bench("SELECT * FROM input", "b,3\na,2\nb,1\na,9\nb,2\n");
    bench.layout(Layout::Partition { by: vec!["k".into()] });
    bench.spec.output.sort_by = vec![SortKey { column: "v".into(), descending: true }];
    assert_eq!(bench.rows(), "a|9\na|2\nb|3\nb|2\nb|1\n");
    bench.spec.output.sort_by.clear();
    bench.spec.transform = Transform::Sql { text: "SELECT * FROM input ORDER BY v".into(), file: None };
    assert_eq!(bench.rows(), "a|2\na|9\nb|1\nb|2\nb|3\n");
}

#[test]
fn a_value_is_pushed_down_and_rows_rules_count_after_it() {
    let mut bench = bench("SELECT * FROM input", "a,1\nb,2\na,3\n");
    bench.spec.value = Some(ValueFilter { column: "v".into(), value: ItemValue::Int(2) });
    bench.spec.rows = Some(RowsRule::Same);
    let report = bench.report();
    assert_eq!((report.rows.read, report.rows.written), (3, 1));
    assert_eq!(bench.rows(), "b|2\n");
}

#[test]
fn rows_rules() {
    let mut same = bench("SELECT * FROM input WHERE v > 1", "a,1\nb,2\n");
    same.spec.rows = Some(RowsRule::Same);
    let failure = same.failure();
    assert_eq!(failure.class, FailureClass::Transform);
    assert_eq!(failure.message, "`rows = \"same\"` does not hold: 2 rows in, 1 out");
    same.spec.rows = Some(RowsRule::Fewer);
    assert_eq!(same.report().rows.written, 1);
    let mut more = bench("SELECT i.k FROM input AS i JOIN input AS j ON i.k = j.k", "a,1\na,2\n");
    more.spec.rows = Some(RowsRule::Fewer);
    assert_eq!(more.failure().message, "`rows = \"fewer\"` does not hold: 2 rows in, 4 out");
}

#[test]
fn expectations_are_checked_on_what_was_written() {
    let mut bench = bench("SELECT * FROM input", "a,1\na,2\n,3\na,2\n");
    bench.layout(Layout::Partition { by: vec!["k".into()] });
    bench.spec.expect = Expect {
        not_null: vec!["k".into(), "v".into()],
        unique: vec!["k".into(), "v".into()],
        check: vec!["v > 1".into(), "k = 'a'".into(), "LENGTH(k) = 1 -- fine".into()],
        ..Expect::default()
    };
    let found: Vec<(String, u64, String)> =
        bench.report().violations.into_iter().map(|v| (v.expectation, v.rows, v.example.unwrap_or_default())).collect();
    let violation = |what: &str, rows, example: &str| (what.to_owned(), rows, example.to_owned());
    assert_eq!(
        found,
        [
            violation("not_null(k)", 1, r#"{"k":null,"v":3}"#),
            violation("unique(k, v)", 1, r#"{"k":"a","v":2}"#),
            violation("check(v > 1)", 1, r#"{"k":"a","v":1}"#),
        ]
    );
}

#[test]
fn text_goes_out_and_comes_back() {
    for format in [Format::Csv, Format::Ndjson] {
        for compression in [OutputCompression::Gzip, OutputCompression::Zstd, OutputCompression::None] {
            let list = &["k string", "v int32", "d date", "t timestamp_utc", "m decimal(10,2)", "f float64", "b bool"];
            let line = "\"a,\"\"b\"\"\nc\",1,2013-01-31,2013-01-31T10:00:00.5Z,1.50,0.1,true\n,,,,,,\n";
            let mut bench = Bench::new(list, "SELECT * FROM input");
            bench.file("a.csv", line);
            bench.spec.output.format = format;
            bench.spec.output.compression = compression;
            bench.spec.output.header = format == Format::Csv;
            bench.spec.expect.not_null = vec!["v".into()];
            let report = bench.report();
            assert_eq!((report.rows.written, report.files[0].rows, report.violations.len()), (2, 2, 1));
            let mut reread = Bench::new(list, "SELECT * FROM input");
            let packed = std::fs::read(bench.out().join(&report.files[0].path)).expect("read");
            reread.file(&report.files[0].path, packed);
            reread.spec.read = Read { format, header: true, ..csv_read(list) };
            assert_eq!(
                reread.rows(),
                "a,\"b\"\nc|1|2013-01-31|2013-01-31 10:00:00.500 UTC|1.50|0.1|true\n-|-|-|-|-|-|-\n",
                "{format:?} {compression:?}"
            );
        }
    }
}

#[test]
fn many_files_of_many_shapes_are_one_input() {
    let mut bench = Bench::new(KV, "SELECT * FROM input");
    bench.spec.read.header = true;
    bench.file("a.csv", "k,v\na,1\n").file("empty.csv", "").file("b.csv", "v,other,k\n2,x,b\n");
    bench.file("c.csv.gz", gzip("k,v\nc,3\n")).file("none.csv", "k,v\n");
    bench.file("d.csv.zst", zstd::encode_all(&b"\xef\xbb\xbfk,v\r\nd,4\r\n"[..], 1).expect("packed"));
    assert_eq!(bench.rows(), "a|1\nb|2\nc|3\nd|4\n");
    bench.file("e.csv", "k,w\ne,5\n");
    assert!(bench.failure().message.starts_with("missing column `v` in the header of "));
}

#[test]
fn corrupt_files_name_themselves_and_the_place() {
    let whole = gzip(&"k,1\n".repeat(50_000));
    let mut cut = Bench::new(KV, "SELECT * FROM input");
    cut.file("a.csv.gz", &whole[..whole.len() / 2]);
    let failure = cut.failure();
    assert_eq!(failure.class, FailureClass::BadData);
    let expected = format!("after {} compressed bytes", whole.len() / 2);
    assert!(failure.message.contains("a.csv.gz ends in the middle of its compressed data"), "{}", failure.message);
    assert!(failure.message.contains(&expected), "{}", failure.message);
    let mut broken = whole.clone();
    broken[whole.len() / 2] ^= 0x55;
    let mut bench = Bench::new(KV, "SELECT * FROM input");
    bench.file("b.csv.gz", broken);
    assert!(bench.failure().message.contains("b.csv.gz is corrupt, after "), "{}", bench.failure().message);
    let mut unnamed = Bench::new(KV, "SELECT * FROM input");
    unnamed.file("c.csv", whole);
    assert!(unnamed.failure().message.contains("is compressed with gzip, which its name does not say"));
}

#[test]
fn parquet_footers_must_agree() {
    let mut one = bench("SELECT * FROM input", "a,1\n");
    one.report();
    let first = std::fs::read(one.out().join("00000.parquet")).expect("read");
    let other = bench("SELECT k, CAST(v AS BIGINT) AS v FROM input", "b,2\n");
    other.report();
    let second = std::fs::read(other.out().join("00000.parquet")).expect("read");
    one = Bench::new(KV, "SELECT k FROM input");
    one.file("1.parquet", &first);
    one.spec.read = Read { format: Format::Parquet, columns: Vec::new(), ..csv_read(KV) };
    assert_eq!(one.rows(), "a\n");
    one.file("2.parquet", second);
    assert!(
        one.failure().message.contains("2.parquet: column `v` is int64, but int32 in "),
        "{}",
        one.failure().message
    );
    one.spec.inputs.pop();
    one.spec.read.columns = columns(&["k string", "v int16"]);
    assert!(one.failure().message.contains("column `v` is int32, not int16 as declared"));
    one.spec.read.columns.clear();
    one.spec.inputs[0].rows = Some(2);
    assert_eq!(one.failure().class, FailureClass::InputChanged);
    one.spec.inputs.clear();
    one.file("3.parquet", &first[..first.len() - 5]);
    assert_eq!(one.failure().class, FailureClass::BadData);
}

#[test]
fn ndjson_lines_are_objects_of_the_declared_types() {
    let mut bench = Bench::new(&["a int16", "b string", "t timestamp", "m decimal(6,2)"], "SELECT * FROM input");
    bench.spec.read.format = Format::Ndjson;
    let good = r#"{"b":"x, \"y\"","a":1,"more":[{}],"t":"2013-01-01 10:00:00","m":"1.50"}"#;
    bench.file(
        "a.ndjson",
        format!("{good}\n\n{{\"b\":\"\"}}\r\n{{\"a\":70000}}\n[1]\n{{\"a\":1\n{{\"a\":null,\"m\":0.25}}"),
    );
    assert!(bench.failure().message.contains("line 4, column `a`: `70000` is not a whole number from -32768 to 32767"));
    let expected = "1|x, \"y\"|2013-01-01 10:00:00|1.50\n-||-|-\n-|-|-|0.25\n";
    assert_eq!(bench.rejecting().rows(), expected);
    let kinds: Vec<&str> = ["bad_value", "bad_json", "bad_json"].to_vec();
    let rejects = bench.rejects();
    assert_eq!(rejects.lines().count(), 3);
    assert!(rejects.lines().zip(kinds).all(|(line, kind)| line.contains(kind)), "{rejects}");
}

#[test]
fn patterns_of_times() {
    let mut bench = Bench::new(&["d date", "t timestamp", "u timestamp_utc"], "SELECT * FROM input");
    bench.spec.read.columns[0].parse = Some("%d.%m.%Y".into());
    bench.spec.read.columns[1].parse = Some("%m/%d/%y %I:%M %p".into());
    bench.spec.read.columns[2].parse = Some("%Y-%m-%dT%H:%M:%S%z".into());
    bench.rejecting().file("a.csv", "31.01.2013,1/31/13 10:05 PM,2013-01-31T10:00:00+0200\n30.02.2013,,\n,,\n");
    assert_eq!(bench.rows(), "2013-01-31|2013-01-31 22:05:00|2013-01-31 08:00:00 UTC\n-|-|-\n");
    assert!(bench.rejects().contains("`30.02.2013` is not a time written %d.%m.%Y"), "{}", bench.rejects());
}

#[test]
fn another_version_refuses() {
    let mut bench = bench("SELECT * FROM input", "a,1\n");
    bench.spec.worker_version = "2; other".into();
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::WorkerVersion);
    assert!(failure.message.contains(&bench.functions.full_version()) && failure.message.contains("2; other"));
}

#[test]
fn an_input_that_changed_is_not_read() {
    let mut bench = bench("SELECT * FROM input", "a,1\n");
    bench.spec.inputs[0].bytes += 1;
    assert_eq!(bench.failure().class, FailureClass::InputChanged);
}

#[test]
fn a_full_disk_is_the_machines_fault() {
    // Every write to this device fails as on a full disk.
    let mut bench = bench("SELECT * FROM input", "a,1\nb\n");
    bench.rejecting();
    std::fs::create_dir_all(bench.out().join("rejects")).expect("made");
    let target = bench.dir.path().join("tmp").join("input-0.rejects");
    std::fs::create_dir_all(bench.dir.path().join("tmp")).expect("made");
    std::os::unix::fs::symlink("/dev/full", target).expect("linked");
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::Infra);
    assert!(failure.message.contains("input-0.rejects"), "{}", failure.message);
    assert_eq!(failure.remedy.as_deref(), Some("free space on the machine, or give it a larger disk"));
}

#[test]
fn values_that_are_not_used_may_go_unchecked() {
    let mut bench = bench("SELECT k FROM input", "a,1\nb,x\nc,3\n");
    bench.spec.read.row_check = RowCheck::Used;
    bench.file("empty.csv", "").file("b.csv.gz", gzip("d,y\n"));
    let report = bench.report();
    assert_eq!((report.rows.raw, report.rows.read, report.rows.written), (4, 4, 4));
    assert_eq!(bench.rows(), "a\nb\nc\nd\n");
    bench.file("c.csv", "e,6\nf\n");
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::BadData);
    assert!(failure.message.contains("c.csv line 2: the row has 1 field, not 2"), "{}", failure.message);
}

#[test]
fn rows_are_counted_whatever_the_query_reads() {
    let read = |sql: &str, text: &str| {
        let mut bench = bench(sql, text);
        bench.spec.read.row_check = RowCheck::Used;
        bench.report().rows.read
    };
    let (all, one, twice) = (
        "SELECT v FROM input",
        "SELECT v FROM input LIMIT 1",
        "SELECT a.v FROM input AS a JOIN input AS b ON a.k = b.k",
    );
    for sql in [all, one, twice] {
        assert_eq!(read(sql, "a,1\nb,2\nc,3\n"), 3, "{sql}");
        assert_eq!(read(sql, "a,1\nb,2\nc,3"), 3, "{sql}, and no end of line at the end");
        assert_eq!(read(sql, "\"a\n\",1\nb,2\n"), 2, "{sql}, and an end of line in quotes");
    }
}

#[test]
fn one_column_of_nulls_is_rows() {
    let mut bench = Bench::new(&["a int32"], "SELECT COUNT(*) AS n, COUNT(a) AS m FROM input");
    bench.spec.read.format = Format::Ndjson;
    bench.file("a.ndjson", "{}\n{\"a\":1}\n{\"a\":null}\n");
    assert_eq!(bench.rows(), "3|1\n");
}

#[test]
fn rows_longer_than_a_buffer_and_quotes_that_never_close() {
    let long = "x".repeat(3 << 20);
    let mut bench = bench("SELECT LENGTH(k) AS n, v FROM input", &format!("\"{long}\n\",1\na,2\n{long},3\nb,\"4"));
    let failure = bench.failure();
    assert!(failure.message.contains("line 5: a quote is opened and never closed"), "{}", failure.message);
    assert_eq!(bench.rejecting().rows(), "3145729|1\n1|2\n3145728|3\n");
}
