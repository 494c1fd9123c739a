//! Items' processes are forked from a worker that has started and done nothing yet: each begins clean whatever the one before
//! it was, and nothing is lost when the worker they come from is killed, or does not answer.

use crate::chaos::items_of;
use spotmill_tests::{Project, programs};
use std::process::Child;
use std::time::{Duration, Instant};

fn project(transform: &str, items: u32, resources: &str) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "forked"
[params]
date = {{ type = "date", default = "2026-01-01" }}
[[step]]
name = "copy"
transform = "{transform}"
[step.input]
path = "data/*.csv"
columns = ["id int32", "note string"]
item_bytes = "1 B"
[step.output]
format = "csv"
destination = "out/{{date}}"
[resources]
{resources}
"#
    ))
    .with_worker(programs().misbehaving_worker.clone());
    for item in 0..items {
        project.write(&format!("data/{item}.csv"), format!("id,note\n{item},nap 700\n"));
    }
    project
}

/// All published lines.
fn lines(project: &Project) -> Vec<String> {
    let files = project.files("out").into_iter().filter(|(name, _)| name.ends_with(".csv"));
    let text: Vec<String> = files.map(|(_, bytes)| String::from_utf8(bytes).expect("text")).collect();
    let mut lines: Vec<String> = text.iter().flat_map(|t| t.lines().skip(1)).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn no_item_finds_what_another_left_in_its_process() {
    // 24 items of 100 MiB that are never given back, in a limit of 512.
    for (processes, parent) in [("reuse", "misbehaving-wor"), ("item", "spotmill")] {
        let resources = format!("memory = \"512 MiB\"\nmax_memory = \"512 MiB\"\nprocesses = \"{processes}\"");
        let dirty = project("leaves_much_behind", 24, &resources);
        dirty.spotmill(&["run", "--workers", "1"]).code(0);
        assert_eq!(lines(&dirty).len(), 24);
        let named = project("names_its_parent", 2, &resources);
        named.spotmill(&["run"]).code(0);
        assert_eq!(lines(&named), [format!("0,nap 700,{parent}"), format!("1,nap 700,{parent}")]);
    }
}

/// The worker from which the processes of the run's items are forked, once there is one.
fn server(run: &Child) -> i32 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(item) = items_of(run.id()).first() {
            let status = std::fs::read_to_string(format!("/proc/{item}/status")).unwrap_or_default();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
            if let Some(parent) = parent.filter(|parent| u32::try_from(*parent) != Ok(run.id())) {
                return parent;
            }
        }
        assert!(Instant::now() < until, "no worker forks");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(name: &str, pid: i32) {
    let sent = std::process::Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} to {pid}");
}

#[test]
fn a_killed_fork_server_costs_the_items_that_ran() {
    let project = project("follows_notes", 8, "");
    let child = project.command(&["--json", "run", "--workers", "2"]).spawn().expect("spotmill starts");
    signal("-KILL", server(&child));
    spotmill_tests::Ran::from(child.wait_with_output().expect("it ends")).code(0);
    assert_eq!(lines(&project).len(), 8);
}

#[test]
fn a_fork_server_that_does_not_answer_is_replaced() {
    let project = project("follows_notes", 4, "timeout = \"3s\"");
    let child = project.command(&["--json", "run", "--workers", "2"]).spawn().expect("spotmill starts");
    signal("-STOP", server(&child));
    spotmill_tests::Ran::from(child.wait_with_output().expect("it ends")).code(0);
    assert_eq!(lines(&project).len(), 4);
}

#[test]
fn a_worker_that_cannot_serve_as_a_fork_server_is_started_for_each_item() {
    let project = project("copies", 3, "");
    let old = project.path("old-worker");
    // As a worker of an older version: it does not know the command.
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = fork-server ] && {{ echo \"unrecognized subcommand\" >&2; exit 2; }}\nexec {} \"$@\"\n",
        programs().misbehaving_worker.display()
    );
    project.write("old-worker", script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&old, mode).expect("set");
    let project = project.with_worker(old);
    project.spotmill(&["--json", "run"]).code(0).says("cannot serve as a fork server").says("unrecognized subcommand");
    assert_eq!(lines(&project).len(), 3);

    let threaded = self::project("names_its_parent", 1, "");
    let link = threaded.path("threaded-worker");
    std::os::unix::fs::symlink(&programs().misbehaving_worker, &link).expect("a link");
    let threaded = threaded.with_worker(link);
    threaded
        .spotmill(&["--json", "run"])
        .code(0)
        .says("its `main` has started threads before `Worker::main`: it has 2");
    assert_eq!(lines(&threaded), ["0,nap 700,spotmill"]);
}
