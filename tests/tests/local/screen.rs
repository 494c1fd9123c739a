//! What one sees first: what this build is, and results at the width of a terminal.

use spotmill_tests::Project;
use std::process::{Command, Stdio};

/// Runs the words after it on a terminal of its own, prints what that shows, and ends as they do.
const TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// The command on a terminal, which prints to a pipe.
fn on_a_terminal(inner: &Command) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

#[test]
fn a_build_says_what_it_is() {
    let project = Project::new("");
    let ran = project.spotmill(&["--version", "--json"]);
    let event = &ran.code(0).events()[0];
    assert_eq!(event["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(event["features"], serde_json::json!(["aws"]));
    assert!(event["engine"].as_str().is_some_and(|engine| engine.contains("polars")), "{event}");
    assert!(event["target"].as_str().is_some_and(|target| target.contains("-unknown-linux-")), "{event}");
    assert!(event.get("commit").is_some_and(serde_json::Value::is_null), "a checkout claims no commit: {event}");
    let plain = project.spotmill(&["-V"]);
    assert_eq!(plain.code(0).stdout, format!("spotmill {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_result_fits_the_width_and_is_whole_in_a_pipe() {
    let project = Project::new("");
    let columns: Vec<String> = (0..12).map(|n| format!("{n} AS column_number_{n}")).collect();
    let query = format!("SELECT {}", columns.join(", "));
    let shown = |command: &mut Command| {
        let output = command.output().expect("spotmill starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut sql = project.command(&["sql", &query]);
    sql.env("COLUMNS", "80");
    let narrow = shown(&mut on_a_terminal(&sql));
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    assert!(narrow.contains(" more") && narrow.contains("column_number_0 ") && narrow.contains("column_number_11"));
    for whole in [shown(&mut sql), shown(sql.env_remove("COLUMNS"))] {
        assert!((0..12).all(|n| whole.contains(&format!("column_number_{n}"))), "{whole}");
    }
}

#[test]
fn no_colour_is_no_colour() {
    let project = Project::new("format = 1\n[pipeline]\nname = 3\n");
    for (args, env) in [(&["validate"][..], "1"), (&["--color", "never", "-vv", "validate"][..], "")] {
        let ran = project.spotmill_with(args, &[("NO_COLOR".into(), env.into())]);
        assert!(!ran.code(3).stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
    let always = project.spotmill(&["--color", "always", "validate"]);
    assert!(always.code(3).stderr.contains('\u{1b}'), "{}", always.stderr);
}
