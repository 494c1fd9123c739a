//! The examples of `docs/reading.md` are read as they stand there.

use crate::common::Bench;
use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch};
use arrow::ipc::writer::FileWriter;
use spotmill_core::model::{Format, Read};
use std::sync::Arc;

/// Of each example in turn: the file's name, what stands in it, and the rows.
const FILES: &[(&str, &[u8], &str)] = &[
    ("a.csv", b"id,price,note,at\n1,2.50,x,10.03.2024 9:05\n", "1|2.50|x|2024-03-10 09:05:00\n"),
    (
        "a.csv",
        b"Umsatzbericht\nSeite 1\nstadt;umsatz;stand\n# vorl\xe4ufig\nK\xf6ln;1.234,50;9.3.24\nM\xfcnchen;0,99;10.03.24\nSumme;1.235,49;\n\n",
        "Köln|1234.50|2024-03-09\nMünchen|0.99|2024-03-10\n",
    ),
    (
        "a.txt",
        b"1\ta\\\tb\\\\c\t2024-03-10\n2\t\\N\t0000-00-00\n3\ttwo\\\nlines\t\\N\n",
        "1|a\tb\\c|2024-03-10\n2|-|-\n3|two\nlines|-\n",
    ),
    (
        "a.ndjson",
        br#"{"id":7,"user":{"id":1, "tags":["a"]},"items":[{"sku":"s"}],"amount":9007199254740993.25}{"id":"A-7","amount":1e-2}"#,
        "7|1|s|{\"id\":1, \"tags\":[\"a\"]}|9007199254740993.25\nA-7|-|-|-|0.01\n",
    ),
];

fn examples() -> Vec<String> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reading.md")).expect("the page");
    let blocks = page.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn bench(keys: &str) -> Bench {
    let keys = if keys.contains("format") { keys.to_owned() } else { format!("format = \"csv\"\n{keys}") };
    let mut bench = Bench::new(&["a int32"], "SELECT * FROM input");
    bench.spec.read = crate::common::toml::read(&keys);
    bench
}

#[test]
fn every_example_of_the_page_is_read() {
    let examples = examples();
    let (of_text, of_parquet) = examples.split_at(FILES.len());
    for (keys, (name, bytes, rows)) in of_text.iter().zip(FILES) {
        let mut bench = bench(keys);
        bench.file(name, bytes);
        assert_eq!(bench.rows(), *rows, "{keys}");
    }
    let [declared, arrow, hive] = of_parquet else { panic!("{of_parquet:?}") };
    assert_eq!(over_months(declared), "1|10.0000|-\n2|3000000000.5000|X\n");
    assert_eq!(of_feather(arrow), "7|1.2500\n");
    assert_eq!(in_the_path(hive), "1|2024-03-10|us/west\n2|-|eu\n");
}

/// Parquet files made by queries.
fn made(sql: &str) -> Vec<u8> {
    let mut bench = Bench::new(&["a int32"], sql);
    bench.file("a.csv", "1\n");
    let report = bench.report();
    std::fs::read(bench.out().join(&report.files[0].path)).expect("read")
}

fn of_feather(keys: &str) -> String {
    let amount = Decimal128Array::from(vec![125]).with_precision_and_scale(9, 2).expect("a decimal");
    let columns: [(&str, ArrayRef); 2] = [("amount", Arc::new(amount)), ("id", Arc::new(Int32Array::from(vec![7])))];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut out = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    out.write(&batch).expect("written");
    let mut bench = bench(keys);
    bench.file("1.feather", out.into_inner().expect("whole"));
    bench.rows()
}

fn over_months(keys: &str) -> String {
    let mut bench = bench(keys);
    bench.file("1.parquet", made("SELECT a, CAST(10 AS INTEGER) AS amount, a AS id FROM input"));
    bench.file(
        "2.parquet",
        made("SELECT a + 1 AS id, CAST(3000000000.5 AS DECIMAL(12,1)) AS amount, 'X' AS coupon FROM input"),
    );
    let report = bench.report();
    assert!(report.notes.iter().any(|n| n.contains("1.parquet has not these columns") && n.contains("`coupon`")));
    assert!(
        report.notes.iter().any(|n| n.contains("1.parquet has columns that are not declared") && n.contains("`a`"))
    );
    bench.rows()
}

fn in_the_path(keys: &str) -> String {
    let mut bench = bench(keys);
    for (folder, sql) in [
        ("dt=2024-03-10/region=us%2Fwest", "SELECT a FROM input"),
        ("dt=__HIVE_DEFAULT_PARTITION__/region=eu", "SELECT CAST(a + 1 AS INTEGER) AS a FROM input"),
    ] {
        std::fs::create_dir_all(bench.dir.path().join(folder)).expect("a folder");
        bench.file(&format!("{folder}/part-0.parquet"), made(sql));
    }
    bench.spec.transform = sql("SELECT a, dt, region FROM input WHERE region IN ('eu', 'us/west')");
    bench.rows()
}

fn sql(text: &str) -> spotmill_core::model::Transform {
    spotmill_core::model::Transform::Sql { text: text.into(), file: None }
}

#[test]
fn keys_that_mean_nothing_are_refused_at_their_place() {
    for (keys, expected) in [
        ("format = \"csv\"\nencoding = \"klingon\"\ncolumns = [\"a string\"]", "there is no encoding"),
        ("format = \"csv\"\nescape = \"ab\"\ncolumns = [\"a string\"]", "an escape is one character"),
        ("format = \"csv\"\ncomment = \"\"\ncolumns = [\"a string\"]", "a comment begins with"),
        ("format = \"csv\"\ncolumns = [\"a json\"]", "`json` is for NDJSON"),
        ("format = \"csv\"\ndecimal_comma = true", "needs `columns`"),
        ("format = \"ndjson\"\ncolumns = [\"a string\"]\nskip_rows = 1", "`skip_rows` has no meaning here"),
        ("format = \"parquet\"\nencoding = \"latin1\"", "`encoding` has no meaning here"),
        (
            "format = \"csv\"\ncolumns = [{ name = \"a\", type = \"int32\", path = \"$.a\" }]",
            "`path` has no meaning here",
        ),
        (
            "format = \"ndjson\"\ncolumns = [{ name = \"a\", type = \"int32\", path = \"a.b\" }]",
            "no path into a record",
        ),
        (
            "format = \"csv\"\ncolumns = [{ name = \"a\", type = \"date\", nanoseconds = \"cut\" }]",
            "`nanoseconds` has no",
        ),
        ("format = \"csv\"\ncolumns = [\"a string\"]\nhive = [\"a string\"]", "declared twice"),
    ] {
        let problems = crate::common::toml::parsed(keys).expect_err(keys);
        assert!(problems.contains(expected), "{keys}\n{problems}");
    }
    assert_eq!(
        crate::common::toml::read("format = \"csv\"\nescape = \"\\\"\"\ncolumns = [\"a string\"]"),
        Read { escape: Some('"'), columns: crate::common::columns(&["a string"]), ..Read::of(Format::Csv) }
    );
}
