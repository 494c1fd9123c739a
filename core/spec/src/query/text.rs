//! The text of a query before the engine sees it: everything that is wrong with it whatever the columns are, each with
//! its place, and the same text with its params bound. What the engine refuses later is put in its place by the same
//! module.

use super::{QueryRefused, place};
use crate::sql::{self, Complaint, Select};
use crate::{Place, Problem, Sources, arrange};
use spotmill_core::nearest::nearest;
use spotmill_core::types::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the command line gives beside the text.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Names of tables.
    pub tables: Vec<String>,
    pub params: BTreeMap<String, Value>,
    /// The directory has a pipeline, whose tables somebody might expect.
    pub beside_pipeline: bool,
}

/// The text under the name that messages show.
pub fn sources(name: &str, text: &str) -> Sources {
    Sources { path: name.to_owned(), toml: text.to_owned(), sql_files: BTreeMap::new() }
}

/// The text with its params bound, or all that is wrong with it.
pub fn bound(sources: &Sources, given: &Given) -> Result<String, Vec<Problem>> {
    let select = match sql::parse(&sources.toml) {
        Ok(select) => select,
        Err(complaints) => {
            return Err(arrange(complaints.into_iter().map(|c| complained(sources, c)).collect(), sources));
        }
    };
    let mut problems = unknown_tables(sources, &select, given);
    problems.extend(unknown_params(sources, &select, given));
    if !problems.is_empty() {
        return Err(arrange(problems, sources));
    }
    sql::bind(&select, &given.params).map_err(|e| arrange(vec![Problem::error("bad-sql", e.to_string())], sources))
}

/// What the worker refused, in the text that was written; `run` is the text it was sent.
pub fn refused(sources: &Sources, run: &str, refused: &QueryRefused) -> Vec<Problem> {
    let mut problem = Problem::error("bad-sql", refused.message.clone());
    let hint = refused.hint.clone().unwrap_or_default();
    let spot = refused.line.zip(refused.column);
    problem = match spot.and_then(|(line, column)| place(&sources.toml, run, line, column)) {
        Some(span) => problem.at(Place { file: sources.path.clone(), span }, hint),
        None if hint.is_empty() => problem,
        None => problem.help(hint),
    };
    arrange(vec![problem], sources)
}

fn complained(sources: &Sources, complaint: Complaint) -> Problem {
    let label = outside_of_steps(&complaint.label).map_or(complaint.label, str::to_owned);
    let place = Place { file: sources.path.clone(), span: complaint.span };
    Problem::error(complaint.name, complaint.title).at(place, label)
}

/// Labels that name a pipeline, for a query that has none.
fn outside_of_steps(label: &str) -> Option<&'static str> {
    Some(match label {
        _ if label.contains("[step.tables.") => "a table is a file: --table NAME=FILE",
        "a second statement: make it a step of its own" => "a second statement: run it by itself",
        "a step is one SELECT; it changes nothing" | "a step changes nothing" => "a query is one SELECT",
        "the step's output is where rows go" => "rows go to --output FILE",
        _ => return None,
    })
}

/// Each once, at its first place.
fn unknown_tables(sources: &Sources, select: &Select, given: &Given) -> Vec<Problem> {
    let mut reported = BTreeSet::new();
    let is_given = |name: &str| given.tables.iter().any(|t| t.eq_ignore_ascii_case(name));
    let mut out = Vec::new();
    for (name, span) in &select.tables {
        if is_given(name) || !reported.insert(name) {
            continue;
        }
        let label = match nearest(name, given.tables.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("give it: --table {name}=FILE"),
        };
        let place = Place { file: sources.path.clone(), span: span.clone() };
        out.push(Problem::error("unknown-table", format!("there is no table `{name}`")).at(place, label));
    }
    if given.beside_pipeline
        && given.tables.is_empty()
        && let Some(last) = out.pop()
    {
        out.push(last.help("tables of pipeline.toml are not loaded by themselves; give each with --table"));
    }
    out
}

fn unknown_params(sources: &Sources, select: &Select, given: &Given) -> Vec<Problem> {
    let mut reported = BTreeSet::new();
    let mut out = Vec::new();
    for (name, span) in &select.params {
        if given.params.contains_key(name) || !reported.insert(name) {
            continue;
        }
        let label = match nearest(name, given.params.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `${near}`?"),
            None => format!("give it: --param {name}=VALUE"),
        };
        let place = Place { file: sources.path.clone(), span: span.clone() };
        out.push(Problem::error("unknown-param", format!("there is no param `{name}`")).at(place, label));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render;

    fn given(tables: &[&str], params: &[(&str, i64)]) -> Given {
        let int = |value| Value::Int { value, ty: spotmill_core::types::ColumnType::Int64 };
        Given {
            tables: tables.iter().map(|t| (*t).to_owned()).collect(),
            params: params.iter().map(|(name, value)| ((*name).to_owned(), int(*value))).collect(),
            beside_pipeline: true,
        }
    }

    /// What is wrong, as text: name, line and column, label and help.
    fn wrong(text: &str, given: &Given) -> Vec<String> {
        let problems = bound(&sources("the query", text), given).expect_err("a problem");
        let place = |p: &Problem| format!("{}:{}", p.line.unwrap_or(0), p.column.unwrap_or(0));
        problems.iter().map(|p| format!("{} {} {} {}", p.name, place(p), p.label, p.help.join(" "))).collect()
    }

    #[test]
    fn tables_and_params_that_are_not_given() {
        let text = "SELECT $a FROM flights\nJOIN airlines USING (carrier) JOIN flights AS again USING (carrier)";
        let help = "tables of pipeline.toml are not loaded by themselves; give each with --table";
        assert_eq!(
            wrong(text, &given(&[], &[])),
            [
                "unknown-param 1:8 give it: --param a=VALUE ".to_owned(),
                "unknown-table 1:16 give it: --table flights=FILE ".to_owned(),
                format!("unknown-table 2:6 give it: --table airlines=FILE {help}"),
            ]
        );
        assert_eq!(
            wrong(text, &given(&["airline", "Flights"], &[("a", 1)])),
            ["unknown-table 2:6 did you mean `airline`? "]
        );
    }

    #[test]
    fn no_label_speaks_of_a_step() {
        let statements = [
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT 1 FROM t, LATERAL FLATTEN(x)",
            "SELECT 1; SELECT 2",
            "DROP TABLE t",
            "SELECT 1 INTO t",
            "WITH x AS (DELETE FROM t) SELECT 1",
            "FROM {day}",
        ];
        for text in statements {
            let found = wrong(text, &given(&["t"], &[]));
            assert!(!found.iter().any(|label| label.contains("step")), "{found:?}");
        }
        let found = wrong("SELECT * FROM read_csv('/etc/passwd')", &given(&[], &[]));
        assert_eq!(found, ["undeclared-read 1:15 a table is a file: --table NAME=FILE "]);
        assert!(wrong("SELEC 1", &given(&[], &[]))[0].starts_with("bad-sql 1:1"));
        assert!(wrong("", &given(&[], &[]))[0].starts_with("bad-sql 1:1"));
    }

    #[test]
    fn a_refusal_points_into_what_was_written() {
        let sources = sources("the query", "SELECT $a, nme FROM t");
        let run = bound(&sources, &given(&["t"], &[("a", -5)])).expect("bound");
        let column = run.find("nme").expect("it") as u64 + 1;
        let refusal = QueryRefused {
            message: "there is no column `nme`".into(),
            line: Some(1),
            column: Some(column),
            hint: Some("did you mean `name`?".into()),
        };
        let shown = render(&refused(&sources, &run, &refusal)[0], &sources, false);
        assert!(shown.contains("--> the query:1:12"), "{shown}");
        assert!(shown.contains("^^^ did you mean `name`?"), "{shown}");
        let nowhere = QueryRefused { message: "no".into(), hint: Some("so".into()), ..Default::default() };
        let shown = render(&refused(&sources, &run, &nowhere)[0], &sources, false);
        assert!(shown.contains("error[bad-sql]: no") && shown.contains("help: so"), "{shown}");
    }
}
