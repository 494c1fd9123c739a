//! `spotmill test`: rows through the real worker against what is expected, and docs/tests.md to the letter.

use crate::docs;
use crate::messages::typed;
use crate::own_worker::program_for;
use spotmill_tests::{Project, Ran, programs, repository};

const PIPELINE: &str = r#"format = 1
[pipeline]
name = "types"
[params]
date = { type = "date" }
[[step]]
name = "copy"
sql = "SELECT * FROM input"
[step.input]
path = "data/{date}.csv"
columns = ["i int64", "u uint64", "f float64", "g float32", "d decimal(38,10)", "s string", "day date", "at timestamp", "utc timestamp_utc", "b bool"]
"#;

const ALL: &str = r#"[
  { i = -9223372036854775808, u = "18446744073709551615", f = 0.1, g = 0.1, d = "9999999999999999999999999999.9999999999", s = "", day = 0001-01-01, at = 2013-01-01T05:00:00.000001, utc = 2013-01-01T05:00:00+01:00, b = true },
  { i = 1_000, u = 0, f = inf, g = 1e-45, d = 12.5, s = "a \"quote\", NULL\nand é", day = "9999-12-31", at = "2013-01-01 05:00:00", utc = "2013-01-01T05:00:00.5Z", b = false },
  { f = nan, s = "NULL" },
  {},
]"#;

fn project(pipeline: &str, tests: &str) -> Project {
    let project = Project::new(pipeline);
    project.write("tests/a.toml", tests);
    project
}

fn test_of(step: &str, rest: &str) -> String {
    format!("[[test]]\nname = \"a\"\nstep = \"{step}\"\n{rest}\n")
}

/// The findings of the only test, as one text.
#[track_caller]
fn findings(project: &Project, code: i32) -> String {
    let ran = project.spotmill(&["test", "--json"]);
    ran.code(code);
    let tested = ran.events().into_iter().find(|e| e["event"] == "tested").expect("a test");
    assert_eq!(tested["passed"].as_bool(), Some(code == 0), "{tested}");
    tested["findings"].to_string()
}

/// The page's files.
fn page() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(repository().join("docs/tests.md")).expect("the page");
    let file = |rest: &str| {
        let (name, rest) = rest.split_once(" -->\n```").expect("a block after its name");
        let (_, body) = rest.split_once('\n').expect("a line");
        let (body, _) = body.split_once("\n```").expect("an end");
        (name.to_owned(), format!("{body}\n"))
    };
    page.split("<!-- file: ").skip(1).map(file).collect()
}

fn of_page() -> Project {
    let project = Project::new("");
    let files = page();
    assert_eq!(files.len(), 3);
    files.iter().for_each(|(name, body)| project.write(name, body));
    project
}

#[test]
fn the_examples_of_the_page_pass() {
    let project = of_page();
    let ran = project.spotmill(&["test"]);
    ran.code(0).says("✓ 6 tests passed");
    // Each of them can fail: with what it is for taken out, it does.
    for (file, from, to, name) in [
        ("pipeline.toml", "> $late_min", ">= $late_min", "a trip is late after the limit"),
        ("pipeline.toml", "LEFT JOIN", "JOIN", "an unknown line stays"),
        ("pipeline.toml", "ORDER BY t.id", "ORDER BY t.id DESC", "rows stand in the order"),
        ("pipeline.toml", "not_null = [\"id\"]", "check = [\"delay > 0\"]", "a trip without an id"),
        ("tests/broken.csv", "four", "4", "a delay in words"),
        ("pipeline.toml", "AVG(delay)", "SUM(delay) / CAST(COUNT(*) AS DOUBLE)", "the mean leaves out"),
    ] {
        let project = of_page();
        project.edit(file, from, to);
        let ran = project.spotmill(&["test"]);
        ran.code(1).says(&format!("✗ {name}")).says("of 6 tests failed");
    }
}

#[test]
fn the_commands_of_the_page_run() {
    let (page, commands) = docs::commands("docs/tests.md", "step_tests.rs::the_commands_of_the_page_run");
    let project = docs::empty();
    let ran: Vec<Ran> = commands.iter().map(|command| command.run(&project)).collect();
    ran[1].says("✓ 3 tests passed");
    ran[2].says("✓ 1 test passed").says("a country has one row");
    ran[3].says("by_country makes").says("✓ 3 tests passed");
    ran[5].says("wrote tests/by_country-2026-01-01-0.toml").says("Next: spotmill -C shop test");
    typed(&project, &["-C", "shop", "test"]).code(0).says("✓ 4 tests passed");
    // What is written in the page is what is printed.
    project.edit("shop/tests/clean.toml", "gross = 8.5", "gross = 8.0");
    let failed = typed(&project, &["-C", "shop", "test"]);
    failed.code(1);
    let shown = page.split("```text\n").nth(1).and_then(|rest| rest.split("\n✗ 1 of").next()).expect("the example");
    assert!(failed.stdout.contains(shown), "{shown}\nin\n{}", failed.stdout);
}

#[test]
fn every_type_is_given_made_and_compared() {
    let rows = format!("given.input = {ALL}\nexpect.rows = {ALL}\nexpect.order = \"listed\"");
    let project = project(PIPELINE, &test_of("copy", &rows));
    assert_eq!(findings(&project, 0), "[]");
    for format in ["csv", "ndjson"] {
        let output = format!("[step.output]\ndestination = \"out/{{date}}\"\nformat = \"{format}\"\n");
        project.write("pipeline.toml", format!("{PIPELINE}{output}"));
        // JSON has no infinity.
        let all = if format == "csv" {
            ALL.to_owned()
        } else {
            ALL.replace("f = inf", "f = 1").replace("f = nan", "f = 2.5")
        };
        let rows = format!("given.input = {all}\nexpect.rows = {all}\nexpect.order = \"listed\"");
        project.write("tests/a.toml", test_of("copy", &rows));
        assert_eq!(findings(&project, 0), "[]", "{format}");
    }
    project.write("pipeline.toml", PIPELINE);
    for (from, to, text) in [
        ("d = 12.5", "d = 12.5000000001", "12.5000000001"),
        ("i = 1_000", "i = 1_001", "\"expected\":\"1001\""),
        ("s = \"NULL\"", "", "\"expected\":null,\"made\":\"NULL\""),
        ("s = \"\"", "s = { null = true }", "\"expected\":null"),
        ("05:00:00.000001", "05:00:00.000002", "000002"),
        ("f = 0.1", "f = 0.1000001", "0.1000001"),
    ] {
        let expected = ALL.replacen(from, to, 1);
        project.write("tests/a.toml", test_of("copy", &format!("given.input = {ALL}\nexpect.rows = {expected}")));
        let found = findings(&project, 1);
        assert!(found.contains(text), "{from} {to}: {found}");
    }
}

#[test]
fn a_column_of_its_own_keeps_null_and_empty_apart() {
    let one = PIPELINE.replace("columns = [", "columns = [\"only string\"] # ");
    let rows = "given.input = [{}, { only = \"\" }, { only = \"only\" }]\nexpect.rows = [{}, { only = \"\" }, { only = \"only\" }]";
    let project = project(&one, &test_of("copy", rows));
    assert_eq!(findings(&project, 0), "[]");
}

#[test]
fn functions_of_ones_own_are_tested_as_they_run() {
    let project = Project::flights();
    let given = "given.input = [{ carrier = \"UA\", origin = \"EWR\", dest = \"IAH\", distance = 1400, sched_dep_time = 515, arr_delay = 20 }]";
    project.write(
        "tests/a.toml",
        format!(
            "[[test]]\nname = \"a udf\"\nstep = \"normalize\"\nparams = {{ date = 2013-01-01 }}\n{given}\n\
             expect.rows = [{{ sched_minute = 315, late = true, cancelled = true }}]\nexpect.match = \"subset\"\n\
             [[test]]\nname = \"a transform\"\nstep = \"daily\"\nparams = {{ date = 2013-01-01 }}\n\
             given.input = [{{ flight_date = 2013-01-01, flights = 3, cancelled = 0, late = 1, arr_known = 3, arr_delay_sum = 10 }}]\n\
             expect.rows = [{{ flight_date = 2013-01-01, flights = 3, cancelled = 0, late = 1, avg_arr_delay = 3.3 }}]\n"
        ),
    );
    project.spotmill(&["test"]).code(0).says("✓ 2 tests passed");
    project.edit("tests/a.toml", "avg_arr_delay = 3.3", "avg_arr_delay = 3.4");
    project.spotmill(&["test", "a transform"]).code(1).says("3.4 → 3.3");
    project.edit(
        "tests/a.toml",
        "date = 2013-01-01 }\ngiven.input = [{ flight",
        "late_after = 1 }\ngiven.input = [{ flight",
    );
    project
        .spotmill(&["test"])
        .code(3)
        .says("error[missing-param]")
        .says("tests/a.toml:9:8")
        .says("`daily` depends on");
}

#[test]
fn an_invalid_test_is_refused_at_its_place() {
    let check = |rest: &str, name: &str, place: &str, text: &str| {
        let project = project(PIPELINE, &test_of("copy", rest));
        let ran = project.spotmill(&["test"]);
        ran.code(3).says(&format!("error[{name}]")).says(&format!("--> tests/a.toml:{place}")).says(text);
        ran.says("in the tests; nothing was tested");
    };
    check("given.tabels = []\nexpect.rows = []", "unknown-key", "4:7", "did you mean `tables`?");
    check("given.input = [{ ii = 1 }]\nexpect.rows = []", "unknown-column", "4:18", "the input of `copy`");
    check(
        "given.input = [{ i = \"x\" }]\nexpect.rows = []",
        "type-mismatch",
        "4:22",
        "a whole number from -9223372036854775808",
    );
    check("expect.rows = [{ s = 1 }]", "type-mismatch", "4:22", "a text: \"1\"");
    check("given.input = \"gone.csv\"\nexpect.rows = []", "no-file", "4:15", "there is no file gone.csv");
    check("given.input = \"\"\"\ni,x\n1,2\n\"\"\"\nexpect.rows = []", "bad-test", "2:8", "given.input");
    check("given.input = \"\"\"\ni\none\n\"\"\"\nexpect.rows = []", "bad-test", "2:8", "given.input line 2");
    check("given.input = [", "bad-toml", "4:16", "unclosed array");
    let twice = project(PIPELINE, &test_of("copy", "expect.rows = []"));
    twice.write("tests/b.toml", test_of("copy", "expect.rows = []"));
    twice
        .spotmill(&["test"])
        .code(3)
        .says("error[duplicate-test]")
        .says("--> tests/b.toml:2:8")
        .says("tests/a.toml, line 2");
}

#[test]
fn rows_of_two_partitions_are_no_item() {
    let project = of_page();
    let rows = "given.input = [{ line = \"A\" }, { line = \"B\" }]\nexpect.rows = []";
    project.write("tests/a.toml", test_of("by_line", rows));
    project.spotmill(&["test", "a", "--step", "by_line"]).code(3).says("one partition of `clean`").says("of 2 (line)");
}

#[test]
fn what_the_step_does_wrong_is_shown() {
    let shouting = PIPELINE.replace("SELECT * FROM input", "SELECT i, CAST(s AS BIGINT) AS n FROM input");
    let project = project(&shouting, &test_of("copy", "given.input = [{ s = \"x\" }]\nexpect.rows = []"));
    assert!(findings(&project, 1).contains("the step failed: "), "a cast of no number");
    project.write("tests/a.toml", test_of("copy", "given.input = [{ s = \"x\" }]\nexpect.error = \"transform\""));
    assert_eq!(findings(&project, 0), "[]");
    project.write("tests/a.toml", test_of("copy", "given.input = [{ s = \"1\" }]\nexpect.error = \"transform\""));
    assert!(findings(&project, 1).contains("the step made 1 row"));

    let of = |transform: &str, more: &str| {
        let text = PIPELINE.replace("sql = \"SELECT * FROM input\"", &format!("transform = \"{transform}\"\n"));
        let project = self::project(
            &format!("{text}{more}"),
            &test_of("copy", "params.date = 2013-01-01\ngiven.input = [{ i = 1 }]\nexpect.rows = []"),
        );
        project.with_worker(programs().misbehaving_worker.clone())
    };
    assert!(findings(&of("panics", ""), 1).contains("the transform's own words"));
    assert!(findings(&of("loops", "[resources]\ntimeout = \"1s\"\n"), 1).contains("ended after 1 s"));
    let hungry = of("eats_memory", "[resources]\nmemory = \"256 MiB\"\nmax_memory = \"256 MiB\"\n");
    assert!(findings(&hungry, 1).contains("held more than 256.0 MiB"));
}

#[test]
fn a_test_is_updated_and_only_what_differs_is_written() {
    let project = of_page();
    project.edit("tests/clean.toml", "late = true, day", "late = false, day");
    project.edit("tests/clean.toml", "mean = 1.5 } ]", "mean = 9.9 } ]   # kept");
    let before = project.read("tests/clean.toml");
    project.spotmill(&["test", "--update"]).code(0).says("wrote what 2 tests expects into tests/clean.toml");
    let after = project.read("tests/clean.toml");
    assert!(after.contains("{ line = \"A\", trips = 3, mean = 1.5 },\n]   # kept"), "{after}");
    let same = |text: &str| text.lines().filter(|l| l.starts_with("name") || l.contains("subset")).count();
    assert_eq!(same(&before), same(&after));
    project.spotmill(&["test"]).code(0).says("✓ 6 tests passed");
    // A subset is a person's choice.
    project.edit("tests/clean.toml", "id = 7, name = { null = true }", "id = 8, name = { null = true }");
    let text = project.read("tests/clean.toml");
    project.spotmill(&["test", "--update"]).code(1).says("1 test cannot be updated");
    assert_eq!(project.read("tests/clean.toml"), text);
}

#[test]
fn a_test_is_written_from_a_run() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    let ran = project.spotmill(&["test", "--from", "flights/2013-01-01", "normalize", "0", "--rows", "3"]);
    ran.code(0).says("wrote tests/normalize-2013-01-01-0.toml");
    project.spotmill(&["test", "--from", "flights/2013-01-01", "by_route", "5"]).code(0);
    project.spotmill(&["test", "--from", "flights/2013-01-01", "daily", "0"]).code(0);
    let text = project.read("tests/normalize-2013-01-01-0.toml");
    assert_eq!(text.matches("time_hour = ").count(), 3, "{text}");
    assert!(text.contains("params = { date = \"2013-01-01\" }") && text.contains("given.tables.airlines"), "{text}");
    project.spotmill(&["test"]).code(0).says("✓ 3 tests passed");
    let again = project.spotmill(&["test", "--from", "flights/2013-01-01", "normalize", "0"]);
    again.code(2).says("tests/normalize-2013-01-01-0.toml exists");
    project.spotmill(&["test", "--from", "flights/2013-01-01", "normalize", "7"]).code(2).says("has 1 item");
    project.edit("sql/normalize.sql", "f.distance,", "f.distance AS miles,");
    project.edit("pipeline.toml", "\"distance > 0\"", "\"miles > 0\"");
    project.spotmill(&["test"]).code(3).says("what `normalize` makes has no column `distance`");
}

#[test]
fn without_tests_it_says_how_to_write_one() {
    let project = Project::new(PIPELINE);
    project.spotmill(&["test"]).code(0).says("there are no tests; tests/copy.toml could be the first").says("[[test]]");
    project.spotmill(&["validate", "--tests"]).code(0).says("there are no tests");
    project.write("tests/a.toml", test_of("copy", "expect.rows = []"));
    project.spotmill(&["test", "b"]).code(2).says("there is no test `b`");
    project.spotmill(&["test", "--step", "copi"]).code(2).says("did you mean `copy`?");
    project.spotmill(&["test"]).code(0).says("✓ 1 test passed");
    project.write("tests/a.toml", test_of("copy", "expect.rows = [{ i = 1 }]"));
    project.spotmill(&["validate", "--tests"]).code(1).says("missing").says("1 of 1 test failed");
    project.spotmill(&["validate"]).code(0);
}

#[test]
fn a_pipeline_whose_test_fails_is_not_deployed() {
    let declared = format!("{PIPELINE}[step.output]\ndestination = \"s3://nobodys-lake/{{date}}\"\n");
    let declared = declared.replace("data/{date}.csv", "s3://nobodys-raw/{date}.csv");
    let project = project(&declared, &test_of("copy", "expect.rows = [{ i = 1 }]"));
    project.write("functions/bootstrap", program_for("aarch64"));
    // Nobody answers there: what is refused is refused before AWS is asked.
    let nobody = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nobody"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    let env = nobody.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let deploy = |more: &[&str]| {
        let all = [&["deploy", "--lambdas", "functions", "--allow-any-glibc"], more].concat();
        project.spotmill_with(&all, &env)
    };
    let refused = deploy(&[]);
    refused.code(1).says("✗ a (copy, tests/a.toml:2)").says("1 of 1 test failed").says("--untested");
    let untested = deploy(&["--untested"]);
    assert!(!untested.stdout.contains("tests/a.toml"), "{untested:?}");
    untested.says("asking who you are");
    project.edit("tests/a.toml", "i = 1", "ii = 1");
    deploy(&[]).code(3).says("error[unknown-column]").says("--untested");
    project.write("tests/a.toml", test_of("copy", "expect.rows = []"));
    deploy(&[]).says("✓ 1 test passed").says("asking who you are");
}
