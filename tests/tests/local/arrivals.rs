//! The pages for those who come from other tools: each example is written as it stands in its page, run by the page's
//! commands, and gives what the page shows.

use spotmill_tests::{Project, programs, repository};
use std::process::{Command, Output};

const PAGES: [&str; 3] = ["mrjob", "pyspark", "dbt-duckdb"];

fn page(name: &str) -> String {
    let path = repository().join(format!("docs/arrivals/{name}.md"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What stands in the block after each comment `<!-- KIND… -->`, with the rest of the comment.
fn blocks<'p>(page: &'p str, kind: &str) -> Vec<(&'p str, &'p str)> {
    let starts = page.split("<!-- ").skip(1);
    starts
        .filter_map(|rest| {
            let (comment, rest) = rest.strip_prefix(kind)?.split_once(" -->\n```")?;
            let body = rest.split_once('\n')?.1.split_once("```")?.0;
            Some((comment.trim_start_matches(": "), body))
        })
        .collect()
}

fn written(page: &str) -> Project {
    let project = Project::new("");
    blocks(page, "file").into_iter().for_each(|(name, body)| project.write(name, body));
    project
}

fn shell(project: &Project, script: &str) -> Output {
    let bin = programs().spotmill.parent().expect("a directory").display().to_string();
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(project.path("")).env("SPOTMILL_WORKER", project.worker());
    shell.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
    shell.output().expect("sh starts")
}

#[test]
fn each_page_s_example_gives_what_the_page_shows() {
    for name in PAGES {
        let page = page(name);
        let project = written(&page);
        let [(_, script)] = blocks(&page, "ci")[..] else { panic!("{name}: one block of commands is expected") };
        let [(_, shown)] = blocks(&page, "output")[..] else { panic!("{name}: one block of output is expected") };
        let ran = shell(&project, script);
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{name}:\n{out}\n{err}");
        assert!(out.contains(shown), "{name} shows\n{shown}\nand it gave\n{out}");
    }
}

#[test]
fn the_function_for_airflow_tells_what_is_worth_a_retry() {
    let page = page("airflow");
    let project = written(&page);
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    let [(_, script)] = blocks(&page, "ci")[..] else { panic!("one block of commands is expected") };
    let ran = shell(&project, script);
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{err}");
    assert!(out.contains("clean: 10 rows read, 1 rejected") && out.contains("'rows': 3"), "{out}");
    let tried = |change: &str| {
        let call = "import spotmill_task as t\ntry:\n  t.run('orders', '2026-01-01')\nexcept Exception as e:\n  print(type(e).__name__, e)";
        let ran = shell(&project, &format!("{change}\npython3 -c \"$CALL\"").replace("$CALL", call));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    let invalid = tried("sed -i 's/COUNT(\\*) AS orders/no_function(country) AS orders/' orders/pipeline.toml");
    assert!(invalid.contains("Never ") && invalid.contains("ended with 3"), "{invalid}");
    let failed = tried(
        "sed -i 's/no_function(country) AS orders/COUNT(*) AS orders/; s/^max_bad_rows = .*$//; s/\"reject\"/\"fail\"/' orders/pipeline.toml",
    );
    assert!(failed.contains("RuntimeError ") && failed.contains("ended with 1"), "{failed}");
}
