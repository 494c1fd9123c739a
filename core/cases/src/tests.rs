//! Files of tests, by one door each: what a file means or what is wrong with it, and what becomes of rows.

use crate::*;
use spotmill_core::item::{FailureClass, ItemFailure, RejectKind, RejectedRow, Violation};
use spotmill_core::types::{Column, ColumnType};
use spotmill_spec::{Problem, Sources, parse, render};

const PIPELINE: &str = r#"format = 1
[pipeline]
name = "shop"
[params]
date = { type = "date" }
vat = { type = "float64", default = 0.2 }
[[step]]
name = "clean"
sql = "SELECT id, country, $vat AS vat FROM input LEFT JOIN names USING (country)"
[step.input]
path = "data/{date}.csv"
columns = ["id int64", "country string"]
[step.tables.names]
path = "names.csv"
columns = ["country string", "name string"]
[step.output]
partition_by = ["country"]
[[step]]
name = "sum"
sql = "SELECT country, COUNT(*) AS n, $date AS day FROM input GROUP BY country"
input = { step = "clean", by = "partition" }
[[step]]
name = "slices"
sql = "SELECT * FROM input"
[step.input]
step = "sum"
by = "all"
values = { column = "n", from = 0, to = 3 }
"#;

fn sources(path: &str, toml: &str) -> Sources {
    Sources { path: path.into(), toml: toml.into(), ..Sources::default() }
}

fn cases(toml: &str) -> Result<Vec<Case>, Vec<Problem>> {
    let pipeline = parse(&sources("pipeline.toml", PIPELINE)).expect("a pipeline").pipeline;
    read(&sources("tests/a.toml", toml), &pipeline, "local")
}

fn test(rest: &str) -> String {
    format!("[[test]]\nname = \"a\"\nstep = \"clean\"\n{rest}\n")
}

fn one(rest: &str) -> Case {
    let toml = test(rest);
    cases(&toml).unwrap_or_else(|p| panic!("{}", shown(&p, &toml))).remove(0)
}

fn shown(problems: &[Problem], toml: &str) -> String {
    problems.iter().map(|p| render(p, &sources("tests/a.toml", toml), false)).collect::<Vec<_>>().join("\n")
}

fn column(text: &str) -> Column {
    let (name, ty) = text.split_once(' ').expect("name type");
    Column { name: name.into(), ty: ty.parse().expect("a type"), parse: None }
}

fn columns(list: &[&str]) -> Vec<Column> {
    list.iter().map(|text| column(text)).collect()
}

#[test]
fn what_is_wrong_with_a_file_is_named_at_its_place() {
    // The problem's name, and the line and column it points to.
    let check = |toml: &str, name: &str, line: usize, text: &str| {
        let problems = cases(toml).expect_err(toml);
        let rendered = shown(&problems, toml);
        assert!(problems.iter().any(|p| p.name == name && p.line == Some(line)), "{name} on {line}:\n{rendered}");
        assert!(rendered.contains(text), "`{text}` in\n{rendered}");
    };
    check("[[test]]\nname = \"a\"\nstep = \"clean\"\nexpectt.rows = []\n", "unknown-key", 4, "did you mean `expect`?");
    check("[[tests]]\nname = \"a\"\n", "unknown-key", 1, "a file of tests has no key `tests`");
    check(&test("given.tabels = []\nexpect.rows = []"), "unknown-key", 4, "did you mean `tables`?");
    check(&test(""), "missing-key", 1, "needs `expect`");
    check(&test("expect.rows = []").replace("clean", "clena"), "unknown-step", 3, "did you mean `clean`?");
    check(&test("expect = {}"), "missing-key", 4, "expects nothing");
    check(&test("expect.rows = []\nexpect.error = \"transform\""), "misplaced-key", 5, "makes no rows");
    check(&test("expect.error = \"oops\""), "bad-value", 4, "\"bad_data\", \"transform\", \"expectation\"");
    check(
        &test("expect.error = \"transform\"\nexpect.order = \"listed\""),
        "misplaced-key",
        5,
        "how rows are compared",
    );
    check(&test("expect.rows = []\nexpect.message = \"x\""), "misplaced-key", 5, "belongs to `error`");
    check(&test("expect.rows = []\nexpect.tolerance = -1.0"), "bad-value", 5, "a number from 0");
    check(&test("expect.rejected = [{}]"), "bad-value", 4, "is named");
    check(&test("given.file = []\nexpect.rows = []"), "bad-value", 4, "names no file");
    check(&test("given.input = []\ngiven.file = \"a.csv\"\nexpect.rows = []"), "misplaced-key", 5, "give one");
    check(&test("given.input = \"a.txt\"\nexpect.rows = []"), "bad-value", 4, "neither CSV text nor a file");
    check(&test("given.tables.names2 = []\nexpect.rows = []"), "unknown-table", 4, "did you mean `names`?");
    check(&test("given.value = 1\nexpect.rows = []"), "misplaced-key", 4, "no `values`");
    check(&test("params = { vta = 1 }\nexpect.rows = []"), "bad-param", 4, "did you mean `vat`?");
    check(&test("params.vat = \"much\"\nexpect.rows = []"), "bad-param", 4, "no number");
    check(&test("given.input = [{ id = [1] }]\nexpect.rows = []"), "bad-value", 4, "one value");
    let of = |step: &str, rest: &str| test(rest).replace("clean", step);
    check(&of("sum", "expect.rows = []"), "missing-param", 2, "params = { date = … }");
    check(
        &of("sum", "params.date = 2013-01-01\ngiven.file = \"a.csv\"\nexpect.rows = []"),
        "misplaced-key",
        5,
        "what `clean` makes",
    );
    check(&of("slices", "expect.rows = []"), "missing-key", 2, "given.value");
}

#[test]
fn a_test_means_what_it_says() {
    let case = one("given.input = [{ id = 1 }, {}]\nexpect.rows = [{ id = 1 }]\nexpect.match = \"subset\"");
    assert_eq!((case.name.as_str(), case.line, case.tables.len()), ("a", 2, 0));
    assert_eq!(case.params["date"], "2000-01-01", "nothing of `clean` depends on the date");
    let wanted = case.expect.rows.expect("rows");
    assert_eq!((wanted.subset, wanted.listed, wanted.tolerance), (true, false, 0.0));
    let dated = test("params = { date = 2013-01-02 }\nexpect.rows = []").replace("clean", "sum");
    let case = cases(&dated).expect("a test").remove(0);
    assert_eq!(case.params["date"], "2013-01-02", "a date of TOML is one");
    let pipeline = parse(&sources("pipeline.toml", PIPELINE)).expect("a pipeline").pipeline;
    assert_eq!(case.partitioned_by(&pipeline), Some(("clean", &["country".to_owned()][..])));
}

#[test]
fn a_name_stands_once() {
    let twice = format!("{}{}", test("expect.rows = []"), test("expect.rows = []"));
    let problems = duplicates(&cases(&twice).expect("two tests"));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].label.contains("tests/a.toml, line 2"), "{problems:?}");
}

/// What is said of a cell of a type.
fn misfit(ty: &str, cell: &str) -> Option<String> {
    let toml = test(&format!("given.input = [{{ c = {cell} }}]\nexpect.rows = []"));
    let case = cases(&toml).expect("a test").remove(0);
    let found = fits(
        &case,
        &Columns { input: columns(&[&format!("c {ty}")]), ..Columns::default() },
        &sources("tests/a.toml", &toml),
    );
    found.first().map(|p| p.label.clone())
}

#[test]
fn cells_are_values_of_their_columns() {
    for (ty, cell) in [
        ("int8", "-128"),
        ("int64", "1_000"),
        ("uint8", "0xFF"),
        ("decimal(6,2)", "12.50"),
        ("decimal(6,2)", "\"12.50\""),
        ("decimal(38,10)", "\"9999999999999999999999999999.9999999999\""),
        ("float64", "1e300"),
        ("float64", "nan"),
        ("float64", "3"),
        ("string", "\"\""),
        ("string", "{ null = true }"),
        ("bool", "true"),
        ("date", "2013-01-31"),
        ("date", "\"2013-01-31\""),
        ("timestamp", "2013-01-31T10:00:00"),
        ("timestamp_utc", "2013-01-31T10:00:00.5+01:00"),
    ] {
        assert_eq!(misfit(ty, cell), None, "{ty} {cell}");
    }
    for (ty, cell, expected) in [
        ("int8", "128", "a whole number from -128 to 127"),
        ("int32", "1.5", "a whole number"),
        ("uint8", "-1", "a whole number from 0 to 255"),
        ("decimal(6,2)", "12.505", "4 digits before the point and 2 after it"),
        ("string", "5", "a text: \"5\""),
        ("int64", "\"\"", "a whole number"),
        ("bool", "1", "true or false"),
        ("date", "2013-01-31T10:00:00", "a date like"),
        ("timestamp", "\"10:00\"", "a timestamp like"),
    ] {
        let label = misfit(ty, cell).unwrap_or_else(|| panic!("{ty} took {cell}"));
        assert!(label.contains(expected), "{ty} {cell}: {label}");
    }
    let toml = test("given.input = [{ countri = \"de\" }]\nexpect.rows = [{ idd = 1 }]\nexpect.columns = [\"x\"]");
    let case = cases(&toml).expect("a test").remove(0);
    let typed = Columns { input: columns(&["country string"]), output: columns(&["id int64"]), ..Columns::default() };
    let found = fits(&case, &typed, &sources("tests/a.toml", &toml));
    let all: Vec<(&str, Option<usize>)> = found.iter().map(|p| (p.name, p.line)).collect();
    assert_eq!(all, [("unknown-column", Some(4)), ("unknown-column", Some(5)), ("unknown-column", Some(6))]);
    assert_eq!(found[0].label, "did you mean `country`?");
}

#[test]
fn rows_become_text_in_which_null_is_no_cell() {
    let case = one(
        "given.input = [{ id = 1, country = \"\" }, { country = \"a \\\"b\\\", NULL\" }, { country = \"NULL\" }]\nexpect.rows = []",
    );
    let Input::Rows(given) = &case.input else { panic!("rows") };
    let made = fixture(given, &columns(&["id int64", "country string"]));
    assert_eq!(made.source, Source::Csv("\"1\",\"\"\nNULL_,\"a \"\"b\"\", NULL\"\nNULL_,\"NULL\"\n".into()));
    assert_eq!((made.read.header, made.read.null_values.as_slice()), (false, &["NULL_".to_owned()][..]));
    let text = one("given.input = \"\"\"\nid\n1\n\"\"\"\nexpect.rows = []");
    let Input::Rows(given) = &text.input else { panic!("rows") };
    assert_eq!(fixture(given, &columns(&["id int64"])).source, Source::Csv("id\n1\n".into()));
    let file = one("given.input = \"x.parquet\"\nexpect.rows = []");
    let Input::Rows(given) = &file.input else { panic!("rows") };
    assert_eq!(fixture(given, &columns(&["id int64"])).source, Source::File("x.parquet".into()));
}

#[test]
fn equal_values() {
    let check = |ty: &str, a: &str, b: &str, tolerance: f64, expected: bool| {
        let ty: ColumnType = ty.parse().expect("a type");
        assert_eq!(same(ty, a, b, tolerance), expected, "{ty}: {a} and {b}");
        assert_eq!(same(ty, b, a, tolerance), expected, "{ty}: {b} and {a}");
    };
    check("float64", "0.30000000000000004", "0.3", 0.0, true);
    check("float64", "1.0000001", "1", 0.0, false);
    check("float64", "1.0000001", "1", 1e-6, true);
    check("float64", "0", "1e-17", 0.0, false);
    check("float64", "-0.0", "0", 0.0, true);
    check("float64", "NaN", "nan", 0.0, true);
    check("float64", "inf", "1e308", 1.0, false);
    check("float64", "inf", "inf", 0.0, true);
    check("float32", "0.1", "0.10000001", 0.0, true);
    check("float32", "0.1", "0.1001", 0.0, false);
    check("decimal(18,4)", "12.5", "12.5000", 0.0, true);
    check("decimal(18,4)", "12.5", "12.5001", 1.0, false);
    check("decimal(38,10)", "9007199254740993.1", "9007199254740993.2", 0.0, false);
    check("decimal(18,4)", "-0", "0.0", 0.0, true);
    check("decimal(18,4)", ".5", "0.5", 0.0, false);
    check("int64", "9007199254740993", "9007199254740992", 1.0, false);
    check("uint64", "007", "7", 0.0, true);
    check("timestamp", "2013-01-01 05:00:00", "2013-01-01T05:00:00.000", 0.0, true);
    check("timestamp", "2013-01-01 05:00:00.000001", "2013-01-01T05:00:00", 0.0, false);
    check("timestamp_utc", "2013-01-01 05:00:00 UTC", "2013-01-01T06:00:00+01:00", 0.0, true);
    check("date", "2013-01-01", "2013-01-02", 0.0, false);
    check("string", "a", "A", 0.0, false);
    check("string", "1.0", "1", 0.0, false);
    check("bool", "true", "TRUE", 0.0, true);
}

fn made(list: &[&str], rows: &[&[Option<&str>]]) -> Made {
    let rows: Vec<Vec<Option<String>>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect();
    Made { columns: columns(list), total: rows.len() as u64, rows, ..Made::default() }
}

/// The lines of the difference: a mark and the cells.
fn differences(expect: &str, rows: &[&[Option<&str>]]) -> Vec<String> {
    let found = judge(&one(expect).expect, &Ran::Made(made(&["k string", "n int64"], rows)));
    let text = |text: &Option<String>| text.clone().unwrap_or("NULL".into());
    let cell = |cell: &DiffCell| match cell {
        DiffCell::Same { value } => text(value),
        DiffCell::Changed { expected, made } => format!("{}→{}", text(expected), text(made)),
        DiffCell::Open => "?".into(),
    };
    let line = |line: &DiffLine| {
        let mark = match line.mark {
            Mark::Changed => "~",
            Mark::Missing => "-",
            Mark::Unexpected => "+",
        };
        format!("{mark} {}", line.cells.iter().map(cell).collect::<Vec<_>>().join(" "))
    };
    found.iter().filter_map(|f| f.diff.as_ref()).flat_map(|d| &d.lines).map(line).collect()
}

const A1: &[Option<&str>] = &[Some("a"), Some("1")];
const B2: &[Option<&str>] = &[Some("b"), Some("2")];
const NULL3: &[Option<&str>] = &[None, Some("3")];
const EMPTY3: &[Option<&str>] = &[Some(""), Some("3")];

#[test]
fn rows_are_compared_as_asked() {
    let check = |expect: &str, rows: &[&[Option<&str>]], lines: &[&str]| {
        assert_eq!(differences(expect, rows), lines, "{expect}");
    };
    let both = "expect.rows = [{ k = \"b\", n = 2 }, { k = \"a\", n = 1 }]";
    check(both, &[A1, B2], &[]);
    check(&format!("{both}\nexpect.order = \"listed\""), &[B2, A1], &[]);
    check(&format!("{both}\nexpect.order = \"listed\""), &[A1, B2], &["~ b→a 2→1", "~ a→b 1→2"]);
    check(both, &[A1], &["- b 2"]);
    check(both, &[A1, B2, B2], &["+ b 2"]);
    check(both, &[A1, A1], &["- b 2", "+ a 1"]);
    check("expect.rows = []", &[], &[]);
    check("expect.rows = []", &[A1], &["+ a 1"]);
    check("expect.rows = [{ k = \"a\", n = 2 }]", &[A1], &["~ a 2→1"]);
    // NULL is no text, and what a row leaves out is NULL.
    check("expect.rows = [{ n = 3 }]", &[NULL3], &[]);
    check("expect.rows = [{ n = 3 }]", &[EMPTY3], &["~ NULL→ 3"]);
    check("expect.rows = [{ k = \"\", n = 3 }]", &[NULL3], &["~ →NULL 3"]);
    check("expect.rows = [{ k = \"NULL\", n = 3 }]", &[NULL3], &["~ NULL→NULL 3"]);
    check("expect.rows = [{ n = 1 }]\nexpect.columns = [\"n\"]", &[A1], &[]);
    // A subset of rows and of columns.
    let subset = |rows: &str| format!("expect.rows = [{rows}]\nexpect.match = \"subset\"");
    check(&subset("{ n = 2 }"), &[A1, B2], &[]);
    check(&subset("{ n = 4 }"), &[A1, B2], &["- 4"]);
    check(&subset("{ k = { null = true } }"), &[A1, NULL3], &[]);
    check(&subset("{ k = { null = true } }"), &[A1, EMPTY3], &["- NULL"]);
    check(&subset("{ k = \"a\" }, { k = \"a\" }"), &[A1], &["- a"]);
    check(&subset("{ k = \"a\", n = 2 }, { n = 2 }"), &[A1, B2], &["~ a 2→1"]);
    let listed = |rows: &str| format!("{}\nexpect.order = \"listed\"", subset(rows));
    check(&listed("{ n = 1 }, { n = 3 }"), &[A1, B2, NULL3], &[]);
    check(&listed("{ n = 3 }, { n = 1 }"), &[A1, B2, NULL3], &["- 1"]);
}

#[test]
fn a_row_that_fits_two_is_not_lost_to_the_wrong_one() {
    let twice = "expect.rows = [{ n = 1 }, { k = \"a\", n = 1 }]\nexpect.match = \"subset\"";
    assert_eq!(differences(twice, &[A1, &[Some("b"), Some("1")]]), [""; 0]);
    assert_eq!(differences(twice, &[&[Some("b"), Some("1")], A1]), [""; 0]);
    assert_eq!(differences(twice, &[A1]).len(), 1);
}

#[test]
fn what_else_happened_fails_a_test() {
    let rejection = |line, column: &str| RejectedRow {
        file: "a.csv".into(),
        line,
        byte: 0,
        column: Some(column.into()),
        kind: RejectKind::BadValue,
        reason: "\"x\" is no date".into(),
        raw: "x".into(),
    };
    let failure =
        |class, message: &str| Ran::Failed(ItemFailure { class, message: message.into(), remedy: None, file: None });
    let violation = Violation { expectation: "not_null(k)".into(), rows: 2, example: Some("{}".into()) };
    let plain = Ran::Made(made(&["k string", "n int64"], &[A1]));
    let rejecting = Ran::Made(Made { rejected: vec![rejection(3, "day")], ..made(&["k string", "n int64"], &[A1]) });
    let violating = Ran::Made(Made { violations: vec![violation], ..made(&["k string", "n int64"], &[A1]) });
    let check = |expect: &str, ran: &Ran, text: &str| {
        let found: Vec<String> = judge(&one(expect).expect, ran).into_iter().map(|f| f.message).collect();
        match text {
            "" => assert!(found.is_empty(), "{expect}: {found:?}"),
            text => assert!(found.iter().any(|m| m.contains(text)), "{expect}: {found:?}"),
        }
    };
    let row = "expect.rows = [{ k = \"a\", n = 1 }]";
    check(row, &plain, "");
    check(row, &rejecting, "line 3, column `day`: \"x\" is no date");
    check(row, &violating, "not_null(k) does not hold of 2 rows, such as {}");
    let Ran::Made(warning) = &violating else { unreachable!() };
    check(row, &Ran::Made(Made { warn_only: true, ..warning.clone() }), "");
    check(row, &failure(FailureClass::Transform, "no"), "the step failed: no");
    check(row, &Ran::Broke("it was killed".into()), "it was killed");
    check("expect.rejected = [{ line = 3, column = \"day\", reason = \"no date\" }]", &rejecting, "");
    check("expect.rejected = [{ line = 4 }]", &rejecting, "a row on line 4 was not rejected");
    check("expect.rejected = [{ reason = \"too few\" }]", &rejecting, "for \"too few\" was not rejected");
    check("expect.rejected = [{ line = 3 }]", &plain, "was not rejected");
    check("expect.error = \"bad_data\"", &failure(FailureClass::BadData, "no"), "");
    check(
        "expect.error = \"bad_data\"\nexpect.message = \"line 3\"",
        &failure(FailureClass::BadData, "no"),
        "it is: no",
    );
    check("expect.error = \"bad_data\"", &failure(FailureClass::Transform, "no"), "failed otherwise: no");
    check("expect.error = \"bad_data\"", &failure(FailureClass::Memory, "no"), "failed otherwise: no");
    check("expect.error = \"transform\"", &plain, "the step made 1 row");
    check("expect.error = \"transform\"", &Ran::Broke("it was killed".into()), "it was killed");
    check("expect.error = \"expectation\"", &violating, "");
    check("expect.error = \"expectation\"\nexpect.message = \"not_null(k)\"", &violating, "");
    let many = Ran::Made(Made { total: MOST_ROWS + 1, ..made(&["k string", "n int64"], &[A1]) });
    check(row, &many, "made 10,001 rows");
}

#[test]
fn what_is_written_is_read_as_the_same_cells() {
    let list = columns(&[
        "a int64",
        "b float64",
        "c decimal(9,2)",
        "d string",
        "e date",
        "f timestamp",
        "g timestamp_utc",
        "h bool",
        "odd.name uint64",
    ]);
    let rows: Vec<Vec<Option<String>>> = [
        [
            "-5",
            "0.1",
            "12.50",
            "a \"b\" \\ \n\u{1}é",
            "2013-01-01",
            "2013-01-01 05:00:00.5",
            "2013-01-01 05:00:00 UTC",
            "true",
            "18446744073709551615",
        ],
        ["0", "NaN", "0.00", "", "0001-01-01", "2013-01-01 05:00:00", "2013-01-01 05:00:00 UTC", "false", "7"],
        ["1", "inf", "-1.00", "5", "2013-01-01", "2013-01-01 05:00:00", "2013-01-01 05:00:00 UTC", "false", "7"],
        ["2", "1e300", "-1.00", "NULL", "2013-01-01", "2013-01-01 05:00:00", "2013-01-01 05:00:00 UTC", "false", "7"],
    ]
    .iter()
    .map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect())
    .chain([vec![None; 9]])
    .collect();
    let written = array(&list, &rows);
    let text = CaseText {
        name: "a".into(),
        step: "clean".into(),
        params: vec![("vat".into(), "0.1".into())],
        tables: vec![("names".into(), "[]".into())],
        input: written.clone(),
        expected: written,
        value: None,
    };
    let toml = text.text();
    let case = cases(&toml).unwrap_or_else(|p| panic!("{}", shown(&p, &toml))).remove(0);
    let typed = Columns { input: list.clone(), output: list.clone(), ..Columns::default() };
    let wrong = fits(&case, &typed, &sources("tests/a.toml", &toml));
    assert!(wrong.is_empty(), "{}", shown(&wrong, &toml));
    let ran = Ran::Made(Made { columns: list, total: rows.len() as u64, rows, ..Made::default() });
    assert_eq!(judge(&case.expect, &ran), []);
    assert_eq!(array(&[], &[]), "[]");
}

/// The largest number of pairs, by trying all.
fn most_pairs(fits: &[Vec<bool>], from: usize, taken: &mut Vec<bool>) -> usize {
    let Some(row) = fits.get(from) else { return 0 };
    let mut best = most_pairs(fits, from + 1, taken);
    for (made, fit) in row.iter().enumerate() {
        if *fit && !taken[made] {
            taken[made] = true;
            best = best.max(1 + most_pairs(fits, from + 1, taken));
            taken[made] = false;
        }
    }
    best
}

proptest::proptest! {
    #[test]
    fn no_row_is_paired_twice_and_no_pair_is_lost(fits in proptest::collection::vec(proptest::collection::vec(proptest::bool::ANY, 5), 0..6)) {
        let pairs = crate::matching::in_any_order(fits.len(), 5, |e, m| fits[e][m]);
        let mut taken = [false; 5];
        for (expected, made) in pairs.iter().enumerate().filter_map(|(e, m)| Some((e, (*m)?))) {
            proptest::prop_assert!(fits[expected][made] && !std::mem::replace(&mut taken[made], true));
        }
        let found = pairs.iter().flatten().count();
        proptest::prop_assert_eq!(found, most_pairs(&fits, 0, &mut vec![false; 5]));
    }
}
