//! Started again after something changed: the definition, a name, a place, a file, the state, another who publishes.
//! Each ends with exactly the rows of a clean run, or is refused with what to do and with nothing changed.

use spotmill_tests::{Project, Ran, programs, rows};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

const RUN: [&str; 3] = ["run", "--date", "2025-05-01"];

/// A step that copies one column of a day's files; `more` goes to its end.
fn shop(output: &str, more: &str) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "shop"
[params]
date = {{ type = "date" }}
[[step]]
name = "sales"
sql = "SELECT euros FROM input"
[step.input]
path = "in/{{date}}/*.csv"
item_bytes = "1 B"
columns = ["euros int64"]
[step.output]
{output}
[resources]
memory = "256 MiB"
max_memory = "512 MiB"
max_attempts = 1
{more}
"#
    ));
    project.write("in/2025-05-01/north.csv", "euros\n10\n20\n");
    project.write("in/2025-05-01/south.csv", "euros\n30\n");
    project.write("in/2025-05-02/north.csv", "euros\n40\n");
    project
}

fn daily() -> Project {
    shop("destination = \"out/{date}\"", "")
}

#[track_caller]
fn has(project: &Project, place: &str, expected: &[i64]) {
    let mut wanted: Vec<String> = expected.iter().map(|n| format!("[\"{n}\"]")).collect();
    wanted.sort();
    assert_eq!(rows(project, place), wanted);
}

/// Refused with this code and these texts, and what is published is what it was.
#[track_caller]
fn refused(project: &Project, args: &[&str], code: i32, texts: &[&str]) -> Ran {
    let before = project.files("out");
    let ran = project.spotmill(args);
    ran.code(code);
    for text in texts {
        ran.says(text);
    }
    let both = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!both.contains("panicked") && !both.contains("tried again"), "{both}");
    assert!(project.files("out") == before, "a refused start changed what is published");
    ran
}

#[test]
fn a_finished_run_does_nothing_however_its_destination_is_spelt() {
    let project = shop("destination = \"./out//{date}/\"", "");
    project.spotmill(&RUN).code(0).says("succeeded in");
    let before = project.files("out");
    project.spotmill(&RUN).code(0).says("shop/2025-05-01: nothing to do");
    project.edit("pipeline.toml", "./out//{date}/", "out/{date}");
    project.spotmill(&RUN).code(0);
    assert!(project.files("out") == before);
    project.edit("pipeline.toml", "SELECT euros FROM", "SELECT euros + 1 AS euros FROM");
    project.spotmill(&RUN).code(0);
    has(&project, "out", &[11, 21, 31]);
}

#[test]
fn another_name_of_the_step_or_the_pipeline_has_no_right_to_the_files() {
    for (from, to) in [("name = \"sales\"", "name = \"turnover\""), ("name = \"shop\"", "name = \"store\"")] {
        let project = daily();
        project.spotmill(&RUN).code(0);
        project.edit("pipeline.toml", from, to);
        refused(&project, &RUN, 4, &["out/2025-05-01", "`sales` of pipeline `shop`", "--adopt"]);
        // `plan` reports the same.
        refused(&project, &["plan", "--date", "2025-05-01"], 4, &["out/2025-05-01", "--adopt"]);
        project.spotmill(&[&RUN[..], &["--adopt"]].concat()).code(0);
        has(&project, "out", &[10, 20, 30]);
    }
}

#[test]
fn a_lost_state_and_a_moved_project_publish_the_same_once() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    std::fs::remove_dir_all(project.path(".spotmill")).expect("the state is lost");
    project.spotmill(&RUN).code(0);
    has(&project, "out", &[10, 20, 30]);

    std::fs::create_dir(project.path("there")).expect("directory");
    for part in ["pipeline.toml", "in", "out", ".spotmill"] {
        std::fs::rename(project.path(part), project.path(&format!("there/{part}"))).expect("moved");
    }
    let moved = project.path("there");
    let run = || {
        let mut command = project.command(&[&RUN[..], &["--json"]].concat());
        // The last of two would be refused: in its own directory it needs none.
        let args: Vec<_> = command.get_args().skip(2).map(std::ffi::OsStr::to_owned).collect();
        command = std::process::Command::new(command.get_program());
        let output = command.args(args).current_dir(&moved).env("SPOTMILL_WORKER", project.worker()).output();
        let output = output.expect("spotmill starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let events = run();
    assert!(!events.contains("item_started") && !events.contains("came after the plan"), "{events}");
    has(&project, "there/out", &[10, 20, 30]);
    // What is needed again is found where it is now.
    std::fs::remove_dir_all(project.path("there/out")).expect("removed");
    run();
    has(&project, "there/out", &[10, 20, 30]);
}

#[test]
fn a_finished_run_stays_finished_when_its_input_is_gone() {
    for columns in ["columns = [\"euros int64\"]", ""] {
        let project = daily();
        project.edit("pipeline.toml", "columns = [\"euros int64\"]", columns);
        project.spotmill(&RUN).code(0);
        for name in ["north", "south"] {
            std::fs::remove_file(project.path(&format!("in/2025-05-01/{name}.csv"))).expect("removed");
        }
        let finished = project.spotmill(&RUN);
        finished.code(0).says("nothing to do").says("north.csv is gone since it was read");
        let replay = refused(
            &project,
            &[&RUN[..], &["--changed"]].concat(),
            if columns.is_empty() { 3 } else { 1 },
            &["in/2025-05-01/*.csv"],
        );
        assert!(!replay.stdout.contains("Look") && !replay.stdout.contains("Again"), "{}", replay.stdout);
        project.spotmill(&["runs"]).code(0).says("✓ succeeded");
        project.spotmill(&RUN).code(0).says("nothing to do");
    }
}

#[test]
fn what_is_asked_of_a_finished_run_is_held_against_it() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    project.edit("pipeline.toml", "[resources]", "[step.expect]\nrows = { min = 4 }\n[resources]");
    project.spotmill(&["plan", "--date", "2025-05-01"]).code(0).says("`expect.rows` changed");
    let ran = refused(&project, &RUN, 4, &["3 rows written, of at least 4 expected", "stays"]);
    assert!(ran.stdout.contains("Look") && ran.stdout.contains("Again"), "{}", ran.stdout);
    project.spotmill(&["runs"]).code(0).says("✗ failed");
    project.edit("pipeline.toml", "min = 4", "min = 3");
    project.spotmill(&RUN).code(0);
    project.spotmill(&RUN).code(0).says("nothing to do");
}

#[test]
fn somebodys_files_are_named_left_or_taken_over() {
    let project = daily();
    project.write("out/2025-05-01/old.parquet", "not ours");
    let ran =
        refused(&project, &RUN, 4, &["old.parquet", "was not started", "run --date 2025-05-01 --adopt", "--leave"]);
    assert!(!ran.stdout.contains("Look"), "there is nothing to look at yet: {}", ran.stdout);
    project.spotmill(&[&RUN[..], &["--leave"]].concat()).code(0);
    assert_eq!(project.read("out/2025-05-01/old.parquet"), "not ours");
    project.spotmill(&[&RUN[..], &["--fresh", "--yes"]].concat()).code(0);
    assert_eq!(project.read("out/2025-05-01/old.parquet"), "not ours");
    project.write("out/2025-05-02/old.parquet", "not ours");
    project.spotmill(&["run", "--date", "2025-05-02", "--adopt"]).code(0);
    has(&project, "out/2025-05-02", &[40]);
}

#[test]
fn the_latest_date_stays_where_each_run_replaces_all() {
    let project = shop("destination = \"out/now\"\nreplace = \"all\"", "");
    project.spotmill(&["run", "--date", "2025-05-02"]).code(0);
    let ran = project.spotmill(&RUN);
    ran.code(0).says("shop/2025-05-02").says("is later");
    has(&project, "out", &[40]);
}

#[test]
fn a_publisher_that_sleeps_keeps_the_next_one_out_and_nothing_is_mixed() {
    let project = shop("partition_by = [\"euros\"]\ndestination = \"out/now\"\nreplace = \"all\"", "");
    let many: String = (0..600).map(|n| format!("{n}\n")).collect();
    project.write("in/2025-05-01/north.csv", format!("euros\n{many}"));
    let mut asleep = started(&project, &RUN);
    wait_for(&mut asleep, || project.files("out").keys().any(|f| f.ends_with(".parquet")));
    signal(&asleep, "STOP");
    let next = project.spotmill(&["run", "--date", "2025-05-02"]);
    if next.status.success() {
        has(&project, "out", &[40]);
    } else {
        next.code(6).says("out/now").says("another process");
    }
    signal(&asleep, "CONT");
    let _ = asleep.wait();
    project.spotmill(&["run", "--date", "2025-05-02"]).code(0);
    has(&project, "out", &[40]);
}

#[test]
fn killed_in_the_middle_of_publishing_nothing_is_left_behind() {
    let project = shop("partition_by = [\"euros\"]\ndestination = \"out/{date}\"", "");
    let many: String = (0..600).map(|n| format!("{n}\n")).collect();
    project.write("in/2025-05-01/north.csv", format!("euros\n{many}"));
    project.write("in/2025-05-01/south.csv", "euros\n600\n");
    let mut killed = started(&project, &RUN);
    wait_for(&mut killed, || project.files("out").keys().any(|f| f.ends_with(".parquet")));
    killed.kill().expect("killed");
    let _ = killed.wait();
    project.write("out/2025-05-01/euros=7/.spotmill-tmp-1-2-3", "half");
    project.spotmill(&RUN).code(0);
    has(&project, "out", &(0..=600).collect::<Vec<i64>>());
    assert!(!project.files("out").keys().any(|f| f.contains(".spotmill-tmp-")));
}

#[test]
fn what_was_cut_is_made_again_and_what_was_mended_is_read_again() {
    let project = daily();
    project.write("out", "in the way");
    project.spotmill(&RUN).code(5).says("is a file and no directory");
    std::fs::remove_file(project.path("out")).expect("removed");
    for name in project.files(".spotmill/scratch").into_keys().take(1) {
        project.write(&name, "");
    }
    project.spotmill(&RUN).code(0);
    has(&project, "out", &[10, 20, 30]);

    project.write("in/2025-05-01/south.csv", "euros\n33\n");
    let before = project.files("out");
    project.spotmill(&["plan", "--date", "2025-05-01"]).code(0).says("redo 1 item: `south.csv` changed");
    project.spotmill(&RUN).code(0).says("south.csv changed since it was read").says("--changed");
    assert!(project.files("out") == before);
    let ran = project.spotmill(&[&RUN[..], &["--changed", "--json"]].concat());
    ran.code(0);
    assert_eq!(ran.events().iter().filter(|e| e["event"] == "item_started").count(), 1, "{}", ran.stdout);
    has(&project, "out", &[10, 20, 33]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    refused(&project, &[&RUN[..], &["--accept", "sales=9"]].concat(), 2, &["sales=9", "its items are 0 to 1"]);
    project.write("in/2025-05-03/north.csv", "euros\nten\neleven\n");
    let loose = shop("destination = \"in/{date}\"", "");
    loose.edit("pipeline.toml", "in/{date}/*.csv", "in/**/*.parquet");
    refused(&loose, &RUN, 3, &["in/{date}", "in/**/*.parquet", "destination"]);
    let rejecting = daily();
    rejecting.edit("pipeline.toml", "item_bytes", "on_bad_rows = \"reject\"\nitem_bytes");
    rejecting.write("in/2025-05-03/north.csv", "euros\nten\neleven\n");
    refused(
        &rejecting,
        &["run", "--date", "2025-05-03"],
        4,
        &["every row was rejected, 2 of 2", "max_bad_rows", "north.csv"],
    );
}

#[test]
fn published_columns_stay_what_they_were() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    project.edit("pipeline.toml", "SELECT euros FROM", "SELECT CAST(euros AS DOUBLE) AS euros FROM");
    let texts = ["`euros` was int64 and is float64", "shop/2025-05-01", "CAST", "schema_change"];
    let next = ["run", "--date", "2025-05-02"];
    let ran = refused(&project, &next, 4, &texts);
    assert!(!ran.stderr.contains("is complete and not published"), "before any work: {}", ran.stderr);
    assert!(!project.path(".spotmill/runs/shop/2025-05-02").exists(), "nothing was begun");
    refused(&project, &["plan", "--date", "2025-05-02"], 4, &texts);
    project.edit("pipeline.toml", "destination =", "schema_change = \"allow\"\ndestination =");
    project.spotmill(&["plan", "--date", "2025-05-02"]).code(0);
    project.spotmill(&next).code(0);
}

#[test]
fn columns_that_files_change_are_refused_before_an_item_is_done() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    project.edit("pipeline.toml", "columns = [\"euros int64\"]\n", "");
    let (next, plan) = (["run", "--date", "2025-05-02"], ["plan", "--date", "2025-05-02"]);
    project.spotmill(&plan).code(0);
    project.write("in/2025-05-02/north.csv", "euros\n40.5\n");
    let texts = ["`euros` was int64 and is float64", "shop/2025-05-01", "CAST", "schema_change"];
    refused(&project, &plan, 4, &texts);
    refused(&project, &next, 4, &texts);
    let step = project.path(".spotmill/runs/shop/2025-05-02/sales/g1");
    assert!(!step.join("plan.json").exists() && !step.join("receipts").exists(), "no item was planned");
    project.write("in/2025-05-02/north.csv", "euros\n40\n");
    project.spotmill(&next).code(0);
    has(&project, "out", &[10, 20, 30, 40]);
}

#[test]
fn a_literal_that_shapes_a_type_counts_by_its_value() {
    let project = daily();
    project.edit("pipeline.toml", "[[step]]", "digits = { type = \"int32\", default = 2 }\n[[step]]");
    let rounded = "SELECT ROUND(CAST(euros AS DECIMAL(12, 4)), $digits) AS euros FROM";
    project.edit("pipeline.toml", "SELECT euros FROM", rounded);
    project.spotmill(&RUN).code(0);
    let other = ["run", "--date", "2025-05-02", "--param", "digits=1"];
    let was = "`euros` was decimal(";
    refused(&project, &other, 4, &[was, "shop/2025-05-01", "schema_change"]);
    project.spotmill(&["run", "--date", "2025-05-02"]).code(0);
}

#[test]
fn a_partition_whose_name_would_be_too_long_fails_at_once() {
    let project = shop("partition_by = [\"note\"]\ndestination = \"out/{date}\"", "");
    project.edit("pipeline.toml", "SELECT euros FROM", "SELECT euros, repeat('ж', 60) AS note FROM");
    let since = Instant::now();
    refused(&project, &RUN, 1, &["note", "255", "жжж"]);
    assert!(since.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_reader_that_has_seen_enough_ends_nothing() {
    let project = daily();
    project.spotmill(&RUN).code(0);
    for args in [&["runs"][..], &["show", "shop/2025-05-01"], &RUN] {
        let mut child = project.command(args).spawn().expect("spotmill starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ended");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked") && output.status.signal().is_none(), "{args:?}: {stderr}");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    }
}

fn started(project: &Project, args: &[&str]) -> Child {
    project.command(args).spawn().expect("spotmill starts")
}

fn wait_for(child: &mut Child, there: impl Fn() -> bool) {
    let since = Instant::now();
    while !there() && child.try_wait().expect("a child").is_none() {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing was published");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|s| s.success()) || name == "STOP");
}

/// Taking over what lies there would delete the pipeline file and the records of its runs.
#[test]
fn a_destination_that_holds_the_project_is_refused_even_with_adopt() {
    let inputs = Project::new("");
    inputs.write("a.csv", "euros\n10\n");
    let holds = shop("destination = \".\"\nreplace = \"all\"", "");
    let elsewhere = format!("{}/*.csv", inputs.path("").display());
    holds.edit("pipeline.toml", "in/{date}/*.csv", &elsewhere.replace("//", "/"));
    let lies_in = shop("destination = \".spotmill/out/{date}\"", "");
    for (project, word) in [(&holds, "holds"), (&lies_in, "lies in")] {
        for args in [&RUN[..], &["run", "--date", "2025-05-01", "--adopt"]] {
            refused(project, args, 4, &["`sales` cannot be published", word, ".spotmill", "another destination"]);
            assert!(project.path("pipeline.toml").exists());
        }
    }
}

#[test]
fn a_link_to_nowhere_is_a_file_that_cannot_be_read() {
    let project = daily();
    std::os::unix::fs::symlink("/nowhere/x.csv", project.path("in/2025-05-01/x.csv")).expect("a link");
    project.spotmill(&RUN).code(1).says("x.csv").says("No such file");
    assert!(project.files("out").is_empty());
}

/// However they are linked: `latest.csv -> south.csv`, a folder by another name, a second hard link.
#[test]
fn one_file_by_two_names_is_not_read_twice() {
    use std::os::unix::fs::symlink;
    let links: [fn(&Project); 3] = [
        |p| symlink("south.csv", p.path("in/2025-05-01/latest.csv")).expect("a link"),
        |p| std::fs::hard_link(p.path("in/2025-05-01/south.csv"), p.path("in/2025-05-01/latest.csv")).expect("a link"),
        |p| {
            p.edit("pipeline.toml", "in/{date}/*.csv", "in/**/*.csv");
            symlink("2025-05-01", p.path("in/latest")).expect("a link");
        },
    ];
    for link in links {
        let project = daily();
        link(&project);
        let ran = project.spotmill(&RUN);
        assert!(!ran.status.success(), "{}", ran.stdout);
        ran.says("latest").says("which are one file").says("would be read twice");
        assert!(project.files("out").is_empty());
    }
}

/// Where the project lies, and what links lead to, is asked once, before anything is written.
#[test]
fn a_destination_that_is_read_by_a_link_is_refused() {
    use std::os::unix::fs::symlink;
    let project = shop("destination = \"out/{date}\"\nformat = \"csv\"", "");
    project.edit("pipeline.toml", "in/{date}/*.csv", "in/**/*.csv");
    symlink("in", project.path("out")).expect("a link");
    let before = project.files("in");
    project.spotmill(&RUN).says("by a link to").says("would read what this one publishes");
    assert!(project.files("in") == before);
    std::fs::remove_file(project.path("out")).expect("removed");
    symlink("../out", project.path("in/published")).expect("a link");
    std::fs::create_dir(project.path("out")).expect("a folder");
    project.spotmill(&RUN).says("by a link").says("would read what this one publishes");
    std::fs::remove_file(project.path("in/published")).expect("removed");
    project.spotmill(&RUN).code(0);
    assert!(project.files("out").keys().any(|name| name.contains(".csv")), "{:?}", project.files("out").keys());
}

/// A folder above the project that looks like a key, or like bookkeeping, changes nothing.
#[test]
fn where_the_project_lies_decides_nothing() {
    let project = shop("destination = \"out/{date}\"", "");
    project.edit("pipeline.toml", "in/{date}/*.csv", "in/**/*.csv");
    project.write("in/_temporary/0/a.csv", "euros\n99\n");
    project.write("in/.stage/b.csv", "euros\n99\n");
    let deep = project.path("_work/.jobs/env=prod/p");
    std::fs::create_dir_all(&deep).expect("a folder");
    for name in ["pipeline.toml", "in"] {
        std::fs::rename(project.path(name), deep.join(name)).expect("moved");
    }
    let run = || -> Ran {
        let mut command = std::process::Command::new(&programs().spotmill);
        command.arg("-C").arg(&deep).args(RUN).env("SPOTMILL_WORKER", project.worker()).output().expect("run").into()
    };
    run().code(0);
    has(&project, "_work/.jobs/env=prod/p/out", &[10, 20, 30, 40]);
    let text = project.read("_work/.jobs/env=prod/p/pipeline.toml");
    let keyed = text.replace("columns = [", "hive = [\"env string\"]\ncolumns = [").replace("out/", "keyed/");
    project.write("_work/.jobs/env=prod/p/pipeline.toml", keyed);
    let ran = run();
    assert!(!ran.status.success(), "{}", ran.stdout);
    ran.says("has no folder `env=…` below");
}

/// Files that went away are no empty day, also where nothing but what is published knows of them.
#[test]
fn an_input_that_is_skipped_when_empty_takes_the_place_of_no_rows() {
    let project = daily();
    project.edit("pipeline.toml", "item_bytes = ", "on_empty = \"skip\"\nitem_bytes = ");
    project.spotmill(&RUN).code(0);
    std::fs::remove_dir_all(project.path("in/2025-05-01")).expect("removed");
    let before = project.files("out");
    for lost in [false, true] {
        if lost {
            std::fs::remove_dir_all(project.path(".spotmill")).expect("removed");
        }
        let ran = project.spotmill(&["run", "--date", "2025-05-01", "--changed"]);
        assert!(!ran.status.success(), "{}", ran.stdout);
        ran.says("put the input back").says("put a file without rows there");
        assert!(project.files("out") == before, "state lost: {lost}");
    }
}

#[test]
fn a_table_of_two_formats_or_two_kinds_of_folders_needs_a_word() {
    for (change, texts) in [
        ("destination = \"out/{date}\"\nformat = \"csv\"", ["are parquet, and now csv", "schema_change = \"allow\""]),
        ("destination = \"out/{date}\"\npartition_by = [\"euros\"]", ["lie in no folders, and now in", "`euros=…`"]),
    ] {
        let project = daily();
        project.spotmill(&RUN).code(0);
        project.edit("pipeline.toml", "destination = \"out/{date}\"", change);
        let next = ["run", "--date", "2025-05-02"];
        let ran = project.spotmill(&next);
        ran.code(4);
        for text in texts {
            ran.says(text);
        }
        project.edit("pipeline.toml", "[step.output]", "[step.output]\nschema_change = \"allow\"");
        project.spotmill(&next).code(0);
    }
}
