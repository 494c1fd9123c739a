//! `spotmill explain` and `show --why`: the same reasons before a start, by it, and after it; and `plan`, `run` and `explain`
//! never disagree.

use crate::docs;
use crate::messages::typed;
use serde_json::Value;
use spotmill_tests::{Project, Ran, repository};
use std::collections::BTreeMap;

const DAY: [&str; 2] = ["--date", "2013-01-01"];

/// The events of this name.
fn events(ran: &Ran, name: &str) -> Vec<Value> {
    ran.events().into_iter().filter(|e| e["event"] == name).collect()
}

#[track_caller]
fn explained(project: &Project, more: &[&str]) -> Vec<Value> {
    let ran = project.spotmill(&[&["explain", "--json"], &DAY[..], more].concat());
    ran.code(0);
    events(&ran, "explained")
}

fn of<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|s| s["step"] == name).unwrap_or_else(|| panic!("no {name} in {steps:?}"))
}

fn codes(step: &Value) -> Vec<&str> {
    step["reasons"].as_array().into_iter().flatten().filter_map(|r| r["code"].as_str()).collect()
}

/// What `explain` and `plan` foresee of each step that can be counted, `run` does, and `show --why` tells afterwards.
/// `options` are those of the run; plan takes `--changed` alone.
#[track_caller]
fn agree(project: &Project, options: &[&str]) -> Vec<Value> {
    let asked = project.spotmill(&[&["explain", "--json", "--items"], &DAY[..], options].concat());
    asked.code(0);
    let foreseen = events(&asked, "explained");
    let mut items: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for item in events(&asked, "item_decided") {
        items.entry(item["step"].as_str().expect("a step").to_owned()).or_default().push(item);
    }
    if options.iter().all(|o| *o == "--changed") {
        let planned = project.spotmill(&[&["plan", "--json"], &DAY[..], options].concat());
        planned.code(0);
        for plan in events(&planned, "planned") {
            let step = of(&foreseen, plan["step"].as_str().expect("a step"));
            assert_eq!(plan["todo"], step["items"]["todo"], "{plan} {step}");
            assert_eq!(plan["generation"], step["generation"]);
            assert_eq!(plan["because"].is_string(), step["anew"] == true);
        }
    }
    let ran = project.spotmill(&[&["run", "--json", "--yes"], &DAY[..], options].concat());
    ran.code(0);
    let kept = project.spotmill(&["show", "--json", "--why"]);
    kept.code(0);
    let kept = events(&kept, "explained");
    for step in &foreseen {
        let name = step["step"].as_str().expect("a step");
        let done = events(&ran, "item_done").iter().filter(|e| e["step"] == name).count();
        let after = of(&kept, name);
        if let Some(todo) = step["items"]["todo"].as_u64() {
            assert_eq!(done as u64, todo, "{name}: {step}");
            assert_eq!(step["items"], after["items"], "{name}: {after}");
        } else {
            assert_eq!(after["items"]["todo"].as_u64(), Some(done as u64), "{name}: {after}");
        }
        if step["items"].is_object() {
            let kept = project.spotmill(&["show", "--json", "2013-01-01", name, "--why"]);
            let kept: Vec<Value> = events(&kept, "item_decided");
            assert_eq!(items.get(name), Some(&kept), "{name}");
        }
        assert_eq!(step["generation"], after["generation"]);
        if step["anew"] == true {
            let predicted: Vec<&str> = codes(step);
            assert_eq!(predicted, codes(after), "{name}");
        }
    }
    foreseen
}

#[test]
fn plan_run_and_explain_never_disagree() {
    let project = Project::flights();
    let first = agree(&project, &[]);
    assert_eq!(codes(of(&first, "normalize")), ["first-run"]);
    assert_eq!(of(&first, "by_route")["items"], Value::Null);
    assert_eq!(of(&first, "by_route")["waits"], serde_json::json!(["normalize"]));
    assert_eq!(of(&first, "normalize")["slot_ms"], Value::Null, "never measured");

    let again = agree(&project, &[]);
    assert!(again.iter().all(|s| codes(s) == ["committed"] && s["items"]["todo"] == 0), "{again:?}");

    project.edit("sql/by_route.sql", "COUNT(*) FILTER (WHERE late) ", "COUNT(*) FILTER (WHERE late AND distance > 1)");
    let edited = agree(&project, &[]);
    assert_eq!(codes(of(&edited, "normalize")), ["committed"]);
    assert_eq!(codes(of(&edited, "by_route")), ["sql-changed"]);
    assert_eq!(of(&edited, "by_route")["items"]["todo"], 14);
    assert_eq!(codes(of(&edited, "daily")), ["upstream-redone"]);
    assert_eq!(of(&edited, "daily")["reasons"][0]["details"], serde_json::json!(["by_route"]));
    let span = &of(&edited, "by_route")["slot_ms"];
    let [low, median, high] = ["low", "median", "high"].map(|k| span[k].as_u64().expect("measured"));
    assert!(0 < low && low <= median && median <= high, "{span}");

    let asked = agree(&project, &["--from-step", "daily"]);
    assert_eq!(codes(of(&asked, "daily")), ["asked"]);
    assert_eq!(of(&asked, "daily")["reasons"][0]["details"], serde_json::json!(["--from-step"]));
}

#[test]
fn inputs_that_changed_are_named_with_their_versions_and_the_rest_is_taken_over() {
    let project = Project::new(
        r#"format = 1
[pipeline]
name = "parts"
[params]
date = { type = "date" }
[[step]]
name = "copy"
sql = "SELECT k, n FROM input"
[step.input]
path = "data/{date}/*.csv"
item_bytes = "1 B"
columns = ["k string", "n int64"]
[step.output]
destination = "out/{date}"
"#,
    );
    for name in ["a", "b", "c"] {
        project.write(&format!("data/2013-01-01/{name}.csv"), format!("k,n\n{name},1\n"));
    }
    agree(&project, &[]);
    project.write("data/2013-01-01/b.csv", "k,n\nb,1\nb,2\n");
    // Without --changed a finished run stays finished, and the change is told.
    let noted = agree(&project, &[]);
    assert_eq!(codes(of(&noted, "copy")), ["committed"]);
    assert!(
        of(&noted, "copy")["notes"].to_string().contains("with --changed: redo 1 item: `b.csv` changed"),
        "{noted:?}"
    );
    let changed = agree(&project, &["--changed"]);
    let copy = of(&changed, "copy");
    assert_eq!(codes(copy), ["input-changed"]);
    assert_eq!(copy["items"], serde_json::json!({"all": 3, "committed": 0, "carried": 2, "todo": 1}));
    let detail = copy["reasons"][0]["details"][0].as_str().expect("a detail");
    assert!(detail.contains("b.csv: ETag ") && detail.ends_with("8 → 12 bytes"), "{detail}");
    let items = project.spotmill(&["show", "--json", "2013-01-01", "copy", "--why"]);
    let decided: Vec<(bool, String)> = events(&items, "item_decided")
        .iter()
        .map(|e| (e["hit"].as_bool().expect("hit"), e["reason"]["code"].as_str().expect("code").to_owned()))
        .collect();
    let expected = [(true, "carried-over"), (false, "input-changed"), (true, "carried-over")];
    assert_eq!(decided, expected.map(|(hit, code)| (hit, code.to_owned())));
    project.write("data/2013-01-01/d.csv", "k,n\nd,1\n");
    std::fs::remove_file(project.path("data/2013-01-01/a.csv")).expect("removed");
    let moved = agree(&project, &["--changed"]);
    assert_eq!(codes(of(&moved, "copy")), ["input-removed", "input-added"]);
}

#[test]
fn an_item_that_failed_says_how() {
    let project = Project::new(
        r#"format = 1
[pipeline]
name = "casts"
[params]
date = { type = "date" }
[[step]]
name = "cast"
sql = "SELECT CAST(s AS BIGINT) AS n FROM input"
[step.input]
path = "data/*.csv"
item_bytes = "1 B"
columns = ["s string", "t string"]
[step.output]
destination = "out/{date}"
[resources]
max_attempts = 1
"#,
    );
    project.write("data/a.csv", "s,t\n1,\n");
    project.write("data/b.csv", "s,t\none,\n");
    project.spotmill(&["run", "--date", "2013-01-01"]).code(1);
    let step = explained(&project, &[]).remove(0);
    assert_eq!(codes(&step), ["failed"]);
    assert_eq!(step["items"], serde_json::json!({"all": 2, "committed": 1, "carried": 0, "todo": 1}));
    let items = project.spotmill(&["explain", "--date", "2013-01-01", "--items"]);
    items.code(0).says("committed: item 0").says("failed (transform error): item 1");
    items.says("casts/2013-01-01: 1 of 2 items would run, 1 is reused");
}

#[test]
fn definitions_are_compared_line_by_line() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    project.edit(
        "sql/by_route.sql",
        "COUNT(*)                          AS flights",
        "COUNT(flight_date)                AS flights",
    );
    project.edit("pipeline.toml", "partition_by = [\"carrier\"]", "partition_by = [\"origin\"]");
    let ran = project.spotmill(&["explain", "--date", "2013-01-01", "--diff"]);
    ran.code(0).says("sql-changed of by_route\n--- before\n+++ now");
    ran.says("-       COUNT(*)                          AS flights,")
        .says("+       COUNT(flight_date)                AS flights,");
    ran.says("layout-changed of normalize").says("-        \"carrier\"").says("+        \"origin\"");
    let one = project.spotmill(&["explain", "--date", "2013-01-01", "--diff", "--step", "normalize"]);
    assert!(!one.code(0).stdout.contains("sql-changed of by_route\n---"), "{}", one.stdout);
    // A param may only change with --fresh, and is named then.
    let fresh = project.spotmill(&["explain", "--date", "2013-01-01", "--param", "late_after=30", "--fresh", "--diff"]);
    fresh.code(0).says("asked").says("param late_after: 15 → 30");
    project.spotmill(&["explain", "--date", "2013-01-01", "--step", "daly"]).code(2).says("did you mean `daily`?");
    project.spotmill(&["explain", "--date", "2013-01-01", "--rate", "vcpu=1"]).code(2).says("vcpu_hour=0.05");
    let before = project.files(".spotmill");
    project.spotmill(&["explain", "--date", "2013-01-01", "--items", "--diff"]).code(0);
    assert!(before == project.files(".spotmill"), "explain writes nothing");
}

#[test]
fn what_an_older_program_left_is_told_as_unknown() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    for (name, _) in project.files(".spotmill/runs") {
        if name.ends_with("decisions.json") {
            std::fs::remove_file(project.path(&name)).expect("removed");
        }
    }
    project.spotmill(&["show", "--why"]).code(0).says("is not known").says("first-run");
    project.spotmill(&["show", "2013-01-01", "normalise", "--why"]).code(2).says("did you mean `normalize`?");
}

#[test]
fn the_commands_of_the_page_run() {
    let (page, commands) = docs::commands("docs/explain.md", "explain.rs::the_commands_of_the_page_run");
    let project = docs::empty();
    let ran: Vec<Ran> = commands.iter().map(|command| command.run(&project)).collect();
    ran[1].says("first-run").says("how long is not known");
    ran[3].says("shop/2026-01-01: nothing to do; 4 items reused");
    ran[4].says("asked: --fresh was asked for (generation 2)").says("$0.0000");
    ran[6].says("shop/2026-01-01: what its last start decided");
    ran[7].says("first-run: item 0");
    // Every code of the page exists, and every code stands there.
    let schema: Value = serde_json::from_str(
        &std::fs::read_to_string(repository().join("docs/events.schema.json")).expect("the schema"),
    )
    .expect("JSON");
    let stable: Vec<&str> = schema["$defs"]["Code"]["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .chain([&schema["$defs"]["Code"]])
        .flat_map(|one| one["enum"].as_array().into_iter().flatten().chain([&one["const"]]))
        .filter_map(Value::as_str)
        .collect();
    let listed: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    assert!(listed.len() > 20, "{listed:?}");
    for code in &listed {
        assert!(stable.contains(code), "{code} in {stable:?}");
    }
    for code in stable.iter().filter(|code| **code != "unknown") {
        assert!(listed.contains(code), "docs/explain.md does not list {code}");
    }
    // What is written in the page is what is printed, but for times.
    project.edit("shop/pipeline.toml", "SUM(gross) AS gross", "SUM(gross) * 2 AS gross");
    let edited = typed(&project, &["-C", "shop", "explain", "--date", "2026-01-01"]);
    edited.code(0).says("3 of 4 items would run, 1 is reused");
    edited.says("committed: complete, and nothing that shapes its data changed");
    edited.says("sql-changed: its SQL changed (generation 2)");
}
