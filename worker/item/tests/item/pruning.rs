//! Files that the keys of their path leave out: the rows are those of files that are all read, and so is whatever is
//! checked and counted of them.

use crate::common::{Bench, columns};
use proptest::prelude::*;
use spotmill_core::item::{FailureClass, ItemOutcome, ItemReport};
use spotmill_core::model::{Extra, Format, Read, RowsRule};

/// A row of one file: its keys, and what the file holds. `__HIVE_DEFAULT_PARTITION__` is NULL.
const FILES: [(&str, &str, &str); 5] = [
    ("2013-01-01", "UA", "(1), (2)"),
    ("2013-01-01", "AA", "(3), (CAST(NULL AS BIGINT))"),
    ("2013-01-02", "UA", "(5), (6)"),
    ("2013-01-02", NULL, "(7)"),
    (NULL, "ZZ", "(8), (1)"),
];
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A Parquet file made by a query over one row.
fn made(sql: &str) -> Vec<u8> {
    let mut bench = Bench::new(&["one int32"], sql);
    bench.file("a.csv", "1\n");
    let report = bench.report();
    std::fs::read(bench.out().join(&report.files[0].path)).expect("read")
}

fn values(of: &str, more: &str) -> Vec<u8> {
    made(&format!("SELECT q.a{more} FROM (VALUES {of}) AS q(a), input ORDER BY q.a"))
}

fn add(bench: &mut Bench, (day, carrier, _): (&str, &str, &str), name: &str, bytes: Vec<u8>) {
    let folder = format!("day={day}/carrier={carrier}");
    std::fs::create_dir_all(bench.dir.path().join(&folder)).expect("a folder");
    bench.file(&format!("{folder}/{name}"), bytes);
}

/// Keys in the path.
fn in_path(sql: &str) -> Bench {
    let mut bench = Bench::new(&["a int64"], sql);
    let hive = columns(&["day date", "carrier string"]);
    bench.spec.read = Read { columns: columns(&["a int64"]), hive, ..Read::of(Format::Parquet) };
    FILES.into_iter().for_each(|file| add(&mut bench, file, "1.parquet", values(file.2, "")));
    bench
}

/// The same rows with the keys in the files: nothing is left out.
fn in_files(sql: &str) -> Bench {
    let mut bench = Bench::new(&["a int64"], sql);
    bench.spec.read = Read::of(Format::Parquet);
    bench.spec.read.columns = columns(&["a int64", "day date", "carrier string"]);
    for (i, (day, carrier, rows)) in FILES.into_iter().enumerate() {
        let value = |text: &str| if text == NULL { "NULL".to_owned() } else { format!("'{text}'") };
        let keys = format!(", CAST({} AS DATE) AS day, CAST({} AS VARCHAR) AS carrier", value(day), value(carrier));
        bench.file(&format!("{i}.parquet"), values(rows, &keys));
    }
    bench
}

/// In one order: a query without ORDER BY has none.
fn sorted(bench: &Bench) -> Vec<String> {
    let mut rows: Vec<String> = bench.rows().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

fn query(condition: &str) -> String {
    format!("SELECT day, carrier, a FROM input WHERE {condition}")
}

fn note(report: &ItemReport) -> Option<&String> {
    report.notes.iter().find(|note| note.contains("no row that the query reads"))
}

/// The rows, and how many files were left out.
#[track_caller]
fn check(condition: &str, left_out: usize, keys: &str) {
    let bench = in_path(&query(condition));
    assert_eq!(sorted(&bench), sorted(&in_files(&query(condition))), "{condition}");
    let report = bench.report();
    assert_eq!(report.rows.read, 9, "rows of files that are left out are counted");
    match left_out {
        0 => assert_eq!(note(&report), None, "{condition}"),
        n => {
            let found = note(&report).unwrap_or_else(|| panic!("{condition}: {:?}", report.notes));
            assert!(found.starts_with(&format!("{n} of 5 files have no row")) && found.contains(keys), "{found}");
        }
    }
}

#[test]
fn a_condition_on_keys_leaves_files_out() {
    check("carrier = 'UA'", 3, "by `carrier` in the path");
    check("day = '2013-01-02' AND carrier = 'UA'", 4, "by `carrier`, `day`");
    check("carrier IS NULL", 4, "`carrier`");
    check("carrier <> 'UA' AND a > 0", 3, "`carrier`");
    check("NOT (carrier IN ('AA', NULL))", 5, "`carrier`");
    check("day < '2013-01-02' OR carrier = 'ZZ'", 2, "`carrier`, `day`");
    check("carrier = 'nobody'", 5, "`carrier`");
    // Other columns count as well, or come first.
    check("carrier = 'UA' OR a = 3", 0, "");
    check("a > 0 AND a < 7", 0, "");
    check("carrier IS NOT DISTINCT FROM carrier", 0, "");
}

#[test]
fn what_is_read_twice_or_later_leaves_nothing_out() {
    for sql in [
        "SELECT carrier, a FROM input WHERE carrier = 'UA' AND a <= (SELECT MAX(a) FROM input)",
        "SELECT carrier, a FROM input WHERE carrier = 'UA' UNION ALL SELECT carrier, a FROM input",
        "SELECT q.n FROM (SELECT COUNT(*) AS n, MAX(carrier) AS c FROM input) AS q WHERE q.c = 'UA'",
        "SELECT q.carrier, q.a FROM (SELECT * FROM input LIMIT 3) AS q WHERE q.carrier = 'AA'",
    ] {
        let bench = in_path(sql);
        assert_eq!(sorted(&bench), sorted(&in_files(sql)), "{sql}");
        assert_eq!(note(&bench.report()), None, "{sql}");
    }
    let count = in_path("SELECT COUNT(*) AS n FROM input WHERE carrier = 'nobody'");
    assert_eq!(count.rows(), "0\n", "of nothing there is one row");
}

#[test]
fn what_is_promised_of_a_file_is_held_where_it_is_left_out() {
    let file = ("2013-01-03", "DL", "");
    let with = |bytes: Vec<u8>| {
        let mut bench = in_path(&query("carrier = 'UA'"));
        add(&mut bench, file, "1.parquet", bytes);
        bench
    };
    assert_eq!(with(values("(1)", "")).report().rows.read, 10);
    for (bytes, part) in [
        (made("SELECT CAST(1 AS BIGINT) AS b FROM input"), "has no column `a`"),
        (made("SELECT 'x' AS a FROM input"), "column `a` is string, not int64 as declared"),
        (b"no Parquet".to_vec(), "1.parquet"),
    ] {
        let failure = with(bytes).failure();
        assert!(failure.message.contains("carrier=DL/") && failure.message.contains(part), "{failure:?}");
    }
    let mut strict = with(values("(1)", ", 2 AS more"));
    strict.spec.read.extra = Extra::Fail;
    assert!(strict.failure().message.contains("has a column `more` that is not declared"));
    let mut less = with(values("(1)", ""));
    less.spec.inputs[5].rows = Some(2);
    assert_eq!(less.failure().class, FailureClass::InputChanged, "a seal counts its rows");
    let mut odd = with(values("(1)", ""));
    std::fs::create_dir_all(odd.dir.path().join("day=tomorrow/carrier=DL")).expect("a folder");
    odd.file("day=tomorrow/carrier=DL/1.parquet", values("(1)", ""));
    assert!(odd.failure().message.contains("`day=tomorrow` in its path is not a date"), "{:?}", odd.failure());
    let mut same = in_path(&query("carrier = 'UA'"));
    same.spec.rows = Some(RowsRule::Same);
    assert!(same.failure().message.contains("9 rows in, 4 out"));
    // A condition that fails of itself fails whatever it would leave out.
    let failing = in_path(&query("CAST(carrier AS BIGINT) > 1"));
    assert!(matches!(failing.outcome(), ItemOutcome::Failed(_)));
    for condition in [
        "10 // (a - a) > 0 AND carrier = 'nobody'",
        "carrier = 'nobody' AND 10 // (a - a) > 0",
        "CAST(CAST(a AS VARCHAR) || 'x' AS BIGINT) > 0 AND carrier = 'nobody'",
    ] {
        let of = |bench: Bench| match bench.outcome() {
            ItemOutcome::Done(report) => Ok(report.rows.written),
            ItemOutcome::Failed(failure) => Err(failure.message),
        };
        assert_eq!(of(in_path(&query(condition))), of(in_files(&query(condition))), "{condition}");
    }
    // Values that are converted as they are read are read: one that does not fit is refused.
    let narrow = with(values("(CAST(1 AS INTEGER))", ""));
    let report = narrow.report();
    assert!(note(&report).is_some_and(|note| note.starts_with("3 of 6")), "{:?}", report.notes);
}

const PARTS: [&str; 12] = [
    "carrier = 'UA'",
    "carrier <> 'UA'",
    "carrier IN ('AA', NULL)",
    "carrier NOT IN ('AA', 'ZZ')",
    "carrier IS NULL",
    "day >= '2013-01-02'",
    "NOT (day = DATE '2013-01-01')",
    "carrier LIKE 'U%'",
    "length(carrier) = 2",
    "carrier IS DISTINCT FROM 'UA'",
    "a > 1",
    "COALESCE(carrier, 'UA') = 'UA'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_of_files_that_are_all_read(
        parts in proptest::collection::vec((0..PARTS.len(), any::<bool>(), any::<bool>()), 1..4),
    ) {
        let mut condition = String::new();
        for (i, (part, negated, or)) in parts.into_iter().enumerate() {
            let join = if i == 0 { "" } else if or { " OR " } else { " AND " };
            let part = PARTS[part];
            condition += &if negated { format!("{join}NOT ({part})") } else { format!("{join}{part}") };
        }
        let sql = query(&condition);
        prop_assert_eq!(sorted(&in_path(&sql)), sorted(&in_files(&sql)), "{}", condition);
    }
}

#[test]
fn text_is_checked_whole() {
    let mut bench = Bench::new(&["a int64"], &query("carrier = 'UA'"));
    bench.spec.read.hive = columns(&["day date", "carrier string"]);
    for (day, carrier, rows) in [("2013-01-01", "UA", "1\n"), ("2013-01-01", "AA", "x\n")] {
        add(&mut bench, (day, carrier, ""), "1.csv", rows.as_bytes().to_vec());
    }
    let failure = bench.failure();
    assert!(failure.message.contains("carrier=AA/1.csv"), "{failure:?}");
}
