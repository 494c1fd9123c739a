//! Text is read in chunks, and of a chunk only what the query needs: the rows, their order and their values are those
//! of the engine's own reader.

use crate::common::{Bench, csv_read, parquet, plain};
use spotmill_core::item::{FailureClass, TableInput};
use spotmill_core::model::RowCheck;

const COLUMNS: &[&str] = &["n int64", "note string", "part float64"];

/// About 1.5 MB: fields with line ends, quotes and separators in quotes, and without a value.
fn text(seed: u64) -> String {
    let note = |n: u64| match n % 7 {
        0 => "\"two\nlines\"".to_owned(),
        1 => "\"a \"\"quote\"\", and\r\n\"".to_owned(),
        2 => String::new(),
        3 => "\"\"".to_owned(),
        n => "words ".repeat(n as usize),
    };
    let row = |i: u64| {
        let n = seed.wrapping_add(i).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let part = if n.is_multiple_of(5) { String::new() } else { format!("{}.{:02}", n % 1_000, n % 97) };
        format!("{i},{},{part}\n", note(n))
    };
    (0..60_000).map(row).collect()
}

#[test]
fn chunks_hold_the_rows_of_the_file_in_their_order() {
    for row_check in [RowCheck::All, RowCheck::Used] {
        let mut bench = Bench::new(COLUMNS, "SELECT * FROM input");
        bench.spec.read.row_check = row_check;
        // Without a line end at the end of the file.
        bench.file("a.csv", text(1)).file("b.csv", text(2).trim_end()).file("c.csv", text(3));
        let report = bench.report();
        assert_eq!((report.rows.raw, report.rows.read, report.rows.written), (180_000, 180_000, 180_000));
        let rows = parquet(&bench.out().join(&report.files[0].path));
        let of_file = |name: &str| plain(&bench.dir.path().join(name), COLUMNS).collect().expect("read");
        let mut expected = of_file("a.csv");
        for name in ["b.csv", "c.csv"] {
            expected.vstack_mut(&of_file(name)).expect("alike");
        }
        assert!(rows.equals_missing(&expected), "{row_check:?}:\n{rows}\n{expected}");
    }
}

/// `unused` holds what is no number.
fn with_unused(sql: &str) -> Bench {
    const TYPES: &[&str] = &["a int32", "b int32", "unused int32"];
    let mut bench = Bench::new(TYPES, sql);
    bench.spec.read.row_check = RowCheck::Used;
    bench.file("a.csv", "1,3,x\n2,1,y\n3,2,z\n");
    let files = vec![bench.put("side.csv", "2,20,x\n3,30,y\n")];
    let read = spotmill_core::model::Read { row_check: RowCheck::Used, ..csv_read(TYPES) };
    bench.spec.tables.insert("side".into(), TableInput { files, read });
    bench
}

#[test]
fn only_what_a_query_needs_is_parsed() {
    let table = [
        ("SELECT a FROM input", "1\n2\n3\n"),
        ("SELECT a FROM input WHERE b > 1", "1\n3\n"),
        ("SELECT b FROM input WHERE a = 2 AND b < 5", "1\n"),
        ("SELECT COUNT(*) AS n FROM input", "3\n"),
        ("SELECT a FROM input ORDER BY b", "2\n3\n1\n"),
        ("SELECT a FROM input LIMIT 2", "1\n2\n"),
        ("SELECT SUM(a) AS s FROM input GROUP BY b > 1 ORDER BY s", "2\n4\n"),
        ("SELECT x.a, y.a AS c FROM input AS x JOIN input AS y ON x.a = y.b ORDER BY x.a", "1|2\n2|3\n3|1\n"),
        ("WITH t AS (SELECT a FROM input UNION ALL SELECT b FROM input) SELECT SUM(a) AS s FROM t", "12\n"),
        ("WITH t AS (SELECT a, b + 1 AS c FROM input) SELECT a FROM t WHERE c > 2", "1\n3\n"),
        ("SELECT i.a, s.b FROM input AS i LEFT JOIN side AS s ON i.a = s.a ORDER BY i.a", "1|-\n2|20\n3|30\n"),
        ("SELECT s.b FROM side AS s", "20\n30\n"),
        ("SELECT CASE WHEN a > 1 THEN b ELSE 0 END AS c FROM input", "0\n1\n2\n"),
    ];
    for (sql, expected) in table {
        println!("{sql}");
        let bench = with_unused(sql);
        assert_eq!(bench.rows(), expected);
        assert_eq!(bench.report().rows.read, 3);
    }
}

#[test]
fn what_a_query_needs_is_parsed_wherever_it_needs_it() {
    for sql in [
        "SELECT unused FROM input",
        "SELECT a FROM input WHERE unused > 1",
        "SELECT a FROM input ORDER BY unused",
        "SELECT x.a FROM input AS x JOIN input AS y ON x.a = y.unused",
        "SELECT COUNT(unused) AS n FROM input",
        "SELECT * FROM input",
    ] {
        let failure = with_unused(sql).failure();
        assert_eq!(failure.class, FailureClass::BadData, "{sql}: {failure:?}");
        assert!(failure.message.contains("a.csv line 1, column `unused`: `x` is not"), "{sql}: {}", failure.message);
    }
}

/// As it is read where only the values that the query reads are checked.
fn used(text: &str) -> Bench {
    let mut bench = Bench::new(&["k string", "v int32"], "SELECT k FROM input");
    bench.spec.read.row_check = RowCheck::Used;
    bench.file("a.csv", text);
    bench
}

#[test]
fn rows_are_separated_as_usual_where_only_used_values_are_checked() {
    let refused = [
        ("1,\"abc\n2,def\n", "line 1: a quote is opened and never closed"),
        ("a,1\nb,\"2\n", "line 2: a quote is opened and never closed"),
        ("x,a,1\ny,b,2\n", "line 1: the row has 3 fields, not 2"),
        ("a,1\nb\n", "line 2: the row has 1 field, not 2"),
    ];
    for (text, expected) in refused {
        let failure = used(text).failure();
        assert_eq!(failure.class, FailureClass::BadData, "{text:?}");
        assert!(failure.message.contains(&format!("a.csv {expected}")), "{text:?}: {}", failure.message);
    }
    // A quote within a field is no quote, and a blank line no row.
    assert_eq!(used("5\" pipe,1\n\n6\" pipe,2\nb,2\n").rows(), "5\" pipe\n6\" pipe\nb\n");
    assert_eq!(used("5\" pipe,1\n6\" pipe,2\n\nb,2\n").report().rows.read, 3);
    // What the query does not use may be anything.
    assert_eq!(used("a,x\nb,\n").rows(), "a\nb\n");
}
