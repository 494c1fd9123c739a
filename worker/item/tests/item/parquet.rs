//! Parquet: what is declared is read from what holds it, exactly, and from nothing else.

use crate::common::{Bench, columns, toml};
use spotmill_core::item::FailureClass;
use spotmill_core::model::{Extra, FieldRules, Format, Missing, Read, Transform};
use spotmill_item::schema::{block, declared};

/// A column of each type that Arrow writes; rows of a value and of NULL.
const TYPES: &[u8] = include_bytes!("../data/types.parquet");
const DATE64: &[u8] = include_bytes!("../data/date64.parquet");
/// A column `bin` with a value that is not UTF-8.
const BYTES: &[u8] = include_bytes!("../data/bytes.parquet");
const INT96: &[u8] = include_bytes!("../data/int96.parquet");

/// A Parquet file made by a query over one row.
fn made(sql: &str) -> Vec<u8> {
    let mut bench = Bench::new(&["a int32"], sql);
    bench.file("a.csv", "1\n");
    let report = bench.report();
    std::fs::read(bench.out().join(&report.files[0].path)).expect("read")
}

fn reading(list: &[&str], sql: &str) -> Bench {
    let mut bench = Bench::new(&["a int32"], sql);
    bench.spec.read = Read { columns: columns(list), ..Read::of(Format::Parquet) };
    bench
}

#[track_caller]
fn refused(bench: &Bench, parts: &[&str]) {
    let failure = bench.failure();
    let text = format!("{} {}", failure.message, failure.remedy.unwrap_or_default());
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in {text}"));
}

#[test]
fn declared_columns_are_the_contract() {
    let one = |list: &[&str], sql: &str| {
        let mut bench = reading(list, "SELECT * FROM input");
        bench.file("1.parquet", made(sql));
        bench
    };
    let narrow = "SELECT CAST(1 AS SMALLINT) AS i, CAST(1.5 AS REAL) AS f, CAST(2.25 AS DECIMAL(5,2)) AS d FROM input";
    assert_eq!(one(&["d decimal(10,3)", "i int64", "f float64"], narrow).rows(), "2.250|1|1.5\n");
    assert_eq!(one(&["i decimal(7,2)"], narrow).rows(), "1.00\n");
    for (list, word) in [
        (&["i int8"][..], "column `i` is int16, not int8 as declared"),
        (&["f float32", "d decimal(5,1)"], "column `d` is decimal(5,2), not decimal(5,1)"),
        (&["i string"], "column `i` is int16, not string"),
    ] {
        refused(&one(list, narrow), &["1.parquet", word, "CAST"]);
    }
    let mut lacking = one(&["i int64", "z date"], narrow);
    refused(&lacking, &["1.parquet has no column `z`", "missing = \"null\""]);
    lacking.spec.read.missing = Missing::Null;
    assert_eq!(lacking.rows(), "1|-\n");
    lacking.spec.read.extra = Extra::Fail;
    refused(&lacking, &["has a column `f` that is not declared", "extra = \"ignore\""]);
}

#[test]
fn files_of_several_shapes_keep_their_order() {
    let mut bench = reading(&["a int64", "b string"], "SELECT a, b FROM input");
    bench.spec.read.missing = Missing::Null;
    bench.file("1.parquet", made("SELECT a FROM input"));
    bench.file("2.parquet", made("SELECT 'x' AS b, CAST(2 AS BIGINT) AS a FROM input"));
    bench.file("3.parquet", made("SELECT CAST(3 AS SMALLINT) AS a FROM input"));
    bench.file("4.parquet", made("SELECT a + 3 AS a, 'y' AS b FROM input"));
    assert_eq!(bench.rows(), "1|-\n2|x\n3|-\n4|y\n");
    bench.spec.transform = Transform::Sql { text: "SELECT a FROM input WHERE b IS NULL AND a > 1".into(), file: None };
    assert_eq!(bench.rows(), "3\n");
    // Of what no file has, every row is NULL.
    bench.spec.read.columns = columns(&["z date"]);
    bench.spec.transform = Transform::Sql { text: "SELECT z FROM input".into(), file: None };
    assert_eq!(bench.rows(), "-\n-\n-\n-\n");
}

#[test]
fn int96_is_read_exactly() {
    let expected = "0|9999-12-31 23:59:59\n1|1600-01-01 00:00:00\n2|-\n3|2024-03-10 02:30:00.500001\n4|1969-12-31 23:59:59.999999\n";
    for list in [&["id int32", "t timestamp"][..], &[]] {
        let mut bench = reading(list, "SELECT id, t FROM input WHERE id < 5");
        bench.file("1.parquet", INT96);
        assert_eq!(bench.rows(), expected, "{list:?}");
        bench.spec.transform =
            Transform::Sql { text: "SELECT id FROM input WHERE t > TIMESTAMP '9000-01-01'".into(), file: None };
        assert_eq!(bench.rows(), "0\n5\n10\n", "{list:?}");
    }
    let mut utc = reading(&["t timestamp_utc"], "SELECT t FROM input LIMIT 1");
    utc.file("1.parquet", INT96);
    assert_eq!(utc.rows(), "9999-12-31 23:59:59 UTC\n");
    let mut other = reading(&["t int64"], "SELECT t FROM input");
    other.file("1.parquet", INT96);
    refused(&other, &["column `t` is INT96, a timestamp, not int64"]);
}

#[test]
fn nanoseconds_are_kept_refused_or_cut() {
    let mut bench = reading(&["n timestamp"], "SELECT COUNT(DISTINCT n) AS n FROM input");
    bench.file("1.parquet", INT96);
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::BadData);
    refused(&bench, &["1.parquet", "column `n`", "nanoseconds", "`nanoseconds = \"cut\"`"]);
    bench.spec.read.fields.insert("n".into(), FieldRules { cut_nanoseconds: true, ..FieldRules::default() });
    assert_eq!(bench.rows(), "3\n");
    bench.spec.transform = Transform::Sql { text: "SELECT n FROM input WHERE id IN (0, 2)".into(), file: None };
    bench.spec.read.columns = columns(&["n timestamp", "id int32"]);
    assert_eq!(bench.rows(), "2024-03-10 02:30:00\n1969-12-31 23:59:59.999999\n");
}

#[test]
fn a_name_in_another_case_is_never_null() {
    let mut bench = reading(&["n int32"], "SELECT * FROM input");
    bench.spec.read.missing = Missing::Null;
    bench.file("1.parquet", made("SELECT a AS \"N\" FROM input"));
    refused(&bench, &["1.parquet has no column `n`; it has `N`", "blanks and case included"]);
    bench.spec.read.inferred = true;
    bench.spec.read.columns = columns(&["n int32", "N int32"]);
    refused(&bench, &["1.parquet has no column `n`; it has `N`"]);
    bench.spec.read.inferred = false;
    assert_eq!(bench.rows(), "-|1\n", "both are declared");
    bench.spec.inputs.clear();
    bench.spec.read.format = Format::Csv;
    bench.file("1.csv", "N\n1\n");
    assert_eq!(bench.rows(), "-|1\n", "text is read alike");
}

#[test]
fn bytes_that_are_no_text_are_refused_by_file_and_column() {
    for file in [TYPES, BYTES] {
        let mut bench = reading(&["bin string"], "SELECT bin FROM input");
        bench.file("1.parquet", file);
        refused(&bench, &["1.parquet", "column `bin`", "not UTF-8", "leave the column out"]);
    }
}

#[test]
fn a_file_that_lost_bytes_in_its_middle_is_refused_before_the_engine_trusts_it() {
    let mut bench = reading(&[], "SELECT last FROM input");
    bench.file("1.parquet", [&TYPES[..400], &TYPES[500..]].concat());
    refused(&bench, &["1.parquet is damaged", "bytes of data", "deliver the file again"]);
}

/// Arrow notes a type of milliseconds for them; what stands in the file are days.
#[test]
fn days_that_arrow_calls_timestamps_are_dates() {
    let sql = "SELECT * FROM input";
    for mut bench in [reading(&["day date"], sql), planned(&["day date"], sql), reading(&[], sql)] {
        bench.file("1.parquet", DATE64);
        assert_eq!(bench.rows(), "2024-02-29\n-\n0001-01-01\n");
        let found = declared(&bench.dir.path().join("1.parquet"), &bench.spec.read).expect("columns");
        assert_eq!(block(&found), "columns = [\n  \"day date\",\n]\n");
    }
    let mut stated = reading(&["day timestamp"], sql);
    stated.file("1.parquet", DATE64);
    assert_eq!(stated.rows(), "2024-02-29 00:00:00\n-\n0001-01-01 00:00:00\n");
    let mut mixed = reading(&[], sql);
    mixed.file("1.parquet", DATE64).file("2.parquet", made("SELECT DATE '2024-03-01' AS day FROM input"));
    refused(&mixed, &["2.parquet", "column `day` is date64", "not in both"]);
}

const FOREIGN: &[u8] = include_bytes!("../data/foreign.parquet");
const INTERVAL: &[u8] = include_bytes!("../data/interval.parquet");

/// Types that the engine has not, written by PyArrow, pandas and DuckDB.
#[test]
fn a_column_of_a_type_that_is_not_had_is_refused_only_where_it_is_read() {
    let of = |file: &[u8], list: &[&str], sql: &str| {
        let mut bench = reading(list, sql);
        bench.file("1.parquet", file);
        bench
    };
    assert_eq!(of(FOREIGN, &["i int64"], "SELECT i FROM input").rows(), "1\n2\n");
    assert_eq!(of(FOREIGN, &["word string", "t timestamp_utc"], "SELECT word FROM input").rows(), "x\ny\n");
    assert_eq!(of(FOREIGN, &[], "SELECT i, word FROM input").rows(), "1|x\n2|y\n");
    assert_eq!(of(INTERVAL, &["i int64"], "SELECT i FROM input").rows(), "1\n");
    assert_eq!(of(INTERVAL, &[], "SELECT COUNT(*) AS n FROM input").rows(), "1\n");
    for (file, column, what) in [
        (FOREIGN, "uuid string", "column `uuid` is `arrow.uuid`, a type that cannot be read"),
        (FOREIGN, "json string", "`arrow.json`"),
        (FOREIGN, "bool8 bool", "`arrow.bool8`"),
        (FOREIGN, "wide decimal(38,2)", "column `wide` is decimal(50,2)"),
        (FOREIGN, "period int64", "`pandas.period`"),
        (FOREIGN, "list string", "a list or map of `arrow.uuid`"),
        (INTERVAL, "iv string", "column `iv` is an interval"),
        (INTERVAL, "ivs string", "a list or map of an interval"),
    ] {
        let bench = of(file, &["i int64", column], "SELECT i FROM input");
        refused(&bench, &["1.parquet", what, "leave it out of `columns`"]);
    }
    refused(&of(INTERVAL, &[], "SELECT * FROM input"), &["`iv` an interval"]);
    let mut planned = planned(&["i int64", "period int64", "word string", "t timestamp_utc"], "SELECT i FROM input");
    planned.file("1.parquet", FOREIGN);
    assert_eq!(planned.rows(), "1\n2\n");
}

/// Of files that are read together the one with the value, and its row.
#[test]
fn the_file_that_does_not_convert_is_named() {
    let whole = include_bytes!("../data/nanos_whole.parquet");
    let mut nanos = reading(&["t timestamp"], "SELECT * FROM input");
    nanos.file("a.parquet", whole).file("b.parquet", include_bytes!("../data/nanos.parquet")).file("c.parquet", whole);
    refused(&nanos, &["column `t` of", "b.parquet, row 1: it has nanoseconds", "`nanoseconds = \"cut\"`"]);
    assert_eq!(nanos.failure().class, FailureClass::BadData);
    let text = include_bytes!("../data/bytes_text.parquet");
    let mut bytes = reading(&["s string"], "SELECT s FROM input WHERE s <> ''");
    let other = include_bytes!("../data/bytes_other.parquet");
    bytes.file("a.parquet", text).file("b.parquet", text).file("c.parquet", other);
    refused(&bytes, &["column `s` of", "c.parquet, row 1: a value is not UTF-8"]);
    let mut far = reading(&["t timestamp"], "SELECT * FROM input");
    far.file("1.parquet", include_bytes!("../data/far_millis.parquet"));
    refused(&far, &["1.parquet, row 1: a value is out of the range", "declare it as int64"]);
    far.spec.read.columns = columns(&["t int64"]);
    assert_eq!(far.rows(), "100000000000000000\n1\n");
}

#[test]
fn a_key_of_the_path_that_the_file_has_too_is_refused() {
    for (file, keys, bytes) in [
        ("1.parquet", "format = \"parquet\"\n", made("SELECT a, 'x' AS k FROM input")),
        ("1.parquet", "format = \"parquet\"\ncolumns = [\"a int32\"]\n", made("SELECT a, 'x' AS k FROM input")),
        ("1.csv", "format = \"csv\"\n", b"a,k\n1,x\n".to_vec()),
        ("1.csv", "format = \"csv\"\ncolumns = [\"a int32\"]\n", b"a,k\n1,x\n".to_vec()),
        ("1.ndjson", "format = \"ndjson\"\ncolumns = [\"a int32\"]\n", b"{\"a\":1,\"k\":\"x\"}\n".to_vec()),
    ] {
        let mut bench = Bench::new(&["a int32"], "SELECT * FROM input");
        bench.spec.read = toml::read(&format!("{keys}hive = [\"k string\"]"));
        std::fs::create_dir_all(bench.dir.path().join("k=y")).expect("a folder");
        bench.file(&format!("k=y/{file}"), bytes);
        refused(&bench, &[file, "`k`", "path", "out of `hive`"]);
    }
}

#[test]
fn the_nearest_folder_is_the_key() {
    let mut bench = reading(&["a int32"], "SELECT a, k FROM input");
    bench.spec.read.hive = columns(&["k string"]);
    std::fs::create_dir_all(bench.dir.path().join("k=above/p/k=mine")).expect("a folder");
    bench.file("k=above/p/k=mine/1.parquet", made("SELECT a FROM input"));
    assert_eq!(bench.rows(), "1|mine\n");
}

#[test]
fn columns_in_the_path() {
    let mut bench = reading(&["a int32"], "SELECT a, n, k FROM input ORDER BY a");
    bench.spec.read.hive = columns(&["n int16", "k string"]);
    for (i, folder) in
        ["n=1/k=", "n=__HIVE_DEFAULT_PARTITION__/k=a%3Db", "n=007/k=__HIVE_DEFAULT_PARTITION__"].iter().enumerate()
    {
        std::fs::create_dir_all(bench.dir.path().join(folder)).expect("a folder");
        bench.file(&format!("{folder}/1.parquet"), made(&format!("SELECT CAST({i} AS INTEGER) AS a FROM input")));
    }
    assert_eq!(bench.rows(), "0|1|\n1|-|a=b\n2|7|-\n");
    for (sql, rows) in [
        ("SELECT k, COUNT(*) AS c FROM input GROUP BY k ORDER BY k", "|1\na=b|1\n-|1\n"),
        ("SELECT n FROM input WHERE k = 'a=b'", "-\n"),
        ("SELECT COUNT(*) AS c FROM input WHERE n > 0", "2\n"),
    ] {
        bench.spec.transform = Transform::Sql { text: sql.into(), file: None };
        assert_eq!(bench.rows(), rows, "{sql}");
    }
    bench.spec.read.hive = columns(&["n date"]);
    refused(&bench, &["n=1", "in its path is not a date like"]);
    bench.spec.read.hive = columns(&["k string"]);
    std::fs::create_dir_all(bench.dir.path().join("k=%FF")).expect("a folder");
    bench.file("k=%FF/1.parquet", made("SELECT a FROM input"));
    refused(&bench, &["`k=%FF` in its path is not UTF-8", "rename the folder"]);
    bench.spec.read.hive = columns(&["m string"]);
    refused(&bench, &["has no folder `m=…` in its path"]);
}

/// As the footers of all files stated when the step was planned.
fn planned(list: &[&str], sql: &str) -> Bench {
    let mut bench = reading(list, sql);
    bench.spec.read.inferred = true;
    bench
}

#[test]
fn planned_columns_hold_for_every_file() {
    let mut bench = planned(&["a int64", "b string"], "SELECT * FROM input");
    bench.spec.read.missing = Missing::Null;
    bench.file("1.parquet", made("SELECT a FROM input"));
    bench.file("2.parquet", made("SELECT 'x' AS b, CAST(2 AS BIGINT) AS a FROM input"));
    assert_eq!(bench.rows(), "1|-\n2|x\n");
    bench.spec.read.missing = Missing::Fail;
    refused(&bench, &["1.parquet has no column `b`", "missing = \"null\""]);
    let mut new = planned(&["a int32"], "SELECT * FROM input");
    new.file("1.parquet", made("SELECT a FROM input")).file("2.parquet", made("SELECT a, a + 1 AS new FROM input"));
    refused(&new, &["2.parquet has a column `new`", "when the step was planned", "declare `columns`"]);
    let mut wide = planned(&["a int32"], "SELECT * FROM input");
    wide.file("1.parquet", made("SELECT CAST(a AS BIGINT) AS a FROM input"));
    refused(&wide, &["1.parquet: column `a` is int64, not int32", "when the step was planned", "declare"]);
}

/// Every type of the footer is the engine's: the plan's columns are read from the file as they are.
#[test]
fn planned_types_are_those_of_the_engine() {
    let list = [
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
        "d18 decimal(18,2)",
        "d38 decimal(38,2)",
        "s string",
        "word string",
        "large string",
        "date date",
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
    ];
    let names: Vec<&str> = list.iter().map(|c| c.split(' ').next().unwrap_or_default()).collect();
    let sql = format!("SELECT {} FROM input", names.join(", "));
    let nine = "9".repeat(36);
    let one = format!(
        "true|127|32767|2147483647|9223372036854775807|255|65535|4294967295|18446744073709551615|1.5|0.1|1234567.89|\
         1234567890123456.78|{nine}.99|x|x|x|9999-12-31|2023-11-14 22:13:20|2023-11-14 22:13:20 UTC|\
         1970-01-20 16:13:20|1970-01-20 16:13:20 UTC|1970-01-01 00:28:20|1970-01-01 00:28:20 UTC|\
         1970-01-01 00:28:20|1970-01-01 00:28:20 UTC|-|7\n"
    );
    let rows = format!("{one}{}\n", vec!["-"; list.len()].join("|"));
    let mut none = reading(&[], &sql);
    none.file("1.parquet", TYPES);
    assert_eq!(none.exact_rows(), rows, "nothing is declared");
    // Arrow's duration is an int64 to whoever reads only the footer.
    let mut found = planned(&[&list[..], &["dur int64"]].concat(), &sql);
    found.file("1.parquet", TYPES);
    assert_eq!(found.exact_rows(), rows, "as planned");
    found.spec.transform = Transform::Sql { text: "SELECT * FROM input".into(), file: None };
    let failure = found.failure();
    for name in ["f16", "bin", "fixed", "time32", "dur", "list", "struct", "map"] {
        assert!(failure.message.contains(&format!("`{name}`")), "{name}: {}", failure.message);
    }
}
