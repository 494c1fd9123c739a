//! `spotmill functions` as a user types it: the list, one function, a name that is not there.

use spotmill_tests::Project;

#[test]
fn the_list_shows_each_function_with_an_example() {
    let project = Project::flights();
    let ran = project.spotmill(&["functions"]);
    ran.code(0).says("date_diff(part, from, to) -> int64").says("e.g. SELECT mode(v) FROM t gives 5");
    // The worker of the project has a function of its own.
    ran.says("functions of this worker");
    assert!(!ran.stdout.contains('\u{1b}'), "no codes of a terminal in a pipe");
}

#[test]
fn one_function_is_shown_in_full() {
    let project = Project::flights();
    project.spotmill(&["functions", "SUBSTRING"]).code(0).says("substr(string, start[, length]) -> string").says("ll");
    let ran = project.spotmill(&["functions", "mode", "--json"]);
    ran.code(0);
    let function: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&function["event"], &function["functions"][0]["about"]["result"]), (&"functions".into(), &"5".into()));
}

#[test]
fn a_name_that_is_not_there_is_answered_with_what_to_write() {
    let project = Project::flights();
    project.spotmill(&["functions", "lenght"]).code(2).says("did you mean `length`?");
    project.spotmill(&["functions", "array_agg"]).code(2).says("STRING_AGG");
}

#[test]
fn a_query_that_calls_what_is_not_there_is_answered_with_what_to_write() {
    let project = Project::flights();
    let sql = "SELECT to_char(name, 'YYYY') FROM a";
    project.spotmill(&["sql", sql, "--table", "a=data/airlines.csv"]).code(3).says("use strftime(");
}
