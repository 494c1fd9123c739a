//! Every command that is printed works when it is pasted, wherever it is read.

use crate::messages::{DAY, SHOP, empty, typed};
use spotmill_tests::{Ran, programs, repository};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The commands in a text: up to a backtick, a dot in the middle, wide space or the end of the line.
fn printed(text: &str) -> BTreeSet<String> {
    let command = |line: &str| {
        line.match_indices("spotmill -C")
            .map(|(at, _)| {
                let rest = &line[at..];
                let end = ["`", " · ", "   "].iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
                rest[..end].trim_end().to_owned()
            })
            .collect::<Vec<_>>()
    };
    text.lines().flat_map(command).collect()
}

/// Has it a word that the reader has to replace?
fn has_blank(command: &str) -> bool {
    let blanks = ["DIR", "ITEM", "STEP", "RUN", "FIRST..LAST", "YYYY-MM-DD"];
    command.split(' ').any(|word| blanks.contains(&word) || word.ends_with('…'))
}

#[test]
fn every_printed_command_works_when_it_is_pasted() {
    let project = empty();
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    let mut outputs = Vec::new();
    let mut run = |args: &[&str]| {
        let ran = typed(&project, args);
        outputs.push(format!("{}\n{}", ran.stdout, ran.stderr));
    };
    run(&["init", SHOP]);
    for args in [
        &[][..],
        &["runs"],
        &["show"],
        &["schema", "no.csv"],
        &["run", "--date", DAY],
        &["show"],
        &["runs"],
        &[],
        &["gc"],
    ] {
        run(&[&["-C", SHOP], args].concat());
    }
    let toml = format!("{SHOP}/pipeline.toml");
    project.edit(&toml, "on_bad_rows  = \"reject\"", "on_bad_rows = \"fail\"");
    project.edit(&toml, "max_bad_rows = \"10%\"", "");
    let failing = ["-C", SHOP, "run", "--date", DAY];
    run(&failing);
    for args in [&["show"][..], &["show", DAY, "clean", "0"], &["show", "nothing"], &[], &["init"]] {
        run(&[&["-C", SHOP], args].concat());
    }
    project.edit(&toml, "SELECT country, COUNT(*)", "SELECT no_function(country), COUNT(*)");
    run(&["-C", SHOP, "validate"]);
    let commands: BTreeSet<String> = outputs.iter().flat_map(|text| printed(text)).collect();
    // Nothing is printed that forgets where it works.
    for text in &outputs {
        let lost = text
            .lines()
            .find(|l| l.contains("spotmill ") && !l.contains("spotmill -C") && !l.contains("spotmill run --date"));
        assert!(lost.is_none_or(|l| l.trim_start().starts_with('#')), "{lost:?}");
    }
    for name in ["init", "run", "show", "runs", "item", "validate", "functions", "--help"] {
        let quoted = format!(r"spotmill -C 'my shop'\''s' {name}");
        assert!(commands.iter().any(|c| c.starts_with(&quoted)), "no `{name}` in {commands:#?}");
    }
    let bin = programs().spotmill.parent().expect("a directory").display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
    for command in commands.iter().filter(|c| !has_blank(c)) {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(project.path("")).env("PATH", &path);
        let ran = Ran::from(shell.env("SPOTMILL_WORKER", project.worker()).stdin(Stdio::null()).output().expect("sh"));
        let refused =
            ran.stderr.contains("Usage:") || ran.stderr.contains("cannot change to") || ran.status.code() == Some(127);
        assert!(!refused, "{command}\n{}", ran.stderr);
    }
}

/// Commands that no test can reach are held by their source: none is written as a text of its own.
#[test]
fn no_command_is_put_together_elsewhere() {
    let names =
        "init validate schema functions plan run item doctor deploy destroy start status stop gc runs show cost smoke";
    // Texts that nobody pastes (a reason that AWS keeps), a comment in a file that is written, and texts of the checks,
    // which are given their -C as they are printed.
    let allowed = [
        "\"spotmill stop\"",
        "\"spotmill smoke\"",
        "\"spotmill smoke --clean\"",
        "\"spotmill destroy --force\"",
        "# Made from",
        "`spotmill functions`",
        "`spotmill schema {sample}`",
        "`spotmill validate`",
    ];
    let mut found = Vec::new();
    for folder in ["cli/src", "lambdas/src", "core/src", "worker/supervisor/src"] {
        for file in sources(&repository().join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_in = |folder: &str| file.components().any(|c| c.as_os_str() == folder);
            if file.ends_with("cli/src/args.rs") || is_in("args") || is_in("tests") || is_in("tests.rs") {
                continue;
            }
            for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
                let named = names.split(' ').any(|n| line.contains(&format!("spotmill {n}")));
                if named && !allowed.iter().any(|a| line.contains(a)) {
                    found.push(format!("{}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "make these with spotmill_core::command::Caller:\n{}", found.join("\n"));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .collect()
}
