//! Lineage events at the ends of runs: written beside the report, by Report and by the reaper, the same of the same records;
//! a run that is resumed is the same run.

use crate::drive::{run_all, run_step};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use serde_json::{Value, json};
use spotmill_core::calls::{Next, ReportRequest};
use spotmill_core::keys::RunKeys;
use spotmill_core::lineage::{ColumnLineage, Dependence, InputColumn};
use spotmill_core::records::{Foreseen, ForeseenStep};
use spotmill_core::types::Column;
use spotmill_lambdas::{openlineage, reap, report};
use spotmill_platform::ports::Store;
use std::collections::BTreeMap;

async fn text(world: &World) -> Option<String> {
    let found = world.store.get(&RunKeys::new(&world.ctx.root, &world.run()).lineage_events()).await.ok()?;
    Some(String::from_utf8(found.body).expect("text"))
}

async fn events(world: &World) -> Vec<Value> {
    let text = text(world).await.expect("events");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// `START p`, in their order.
fn kinds(events: &[Value]) -> Vec<String> {
    let kind = |event: &Value| {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        format!("{} {}", text(&event["eventType"]), text(&event["job"]["name"]))
    };
    events.iter().map(kind).collect()
}

fn ids(events: &[Value]) -> BTreeMap<String, String> {
    let id = |event: &Value| event["run"]["runId"].as_str().expect("an id").to_owned();
    events.iter().map(|event| (event["job"]["name"].as_str().expect("a name").to_owned(), id(event))).collect()
}

fn find<'e>(events: &'e [Value], kind: &str, job: &str) -> &'e Value {
    events.iter().find(|e| e["eventType"] == kind && e["job"]["name"] == job).unwrap_or_else(|| panic!("{kind} {job}"))
}

const WHOLE: [&str; 6] = ["START p", "START p.a", "COMPLETE p.a", "START p.b", "COMPLETE p.b", "COMPLETE p"];

#[tokio::test]
async fn a_run_leaves_an_event_of_each_start_and_each_end() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let events = events(&world).await;
    assert_eq!(kinds(&events), WHOLE);
    let ids = ids(&events);
    assert_eq!(ids.values().collect::<std::collections::BTreeSet<_>>().len(), 3, "{ids:?}");

    let base = world.base();
    let b = find(&events, "COMPLETE", "p.b");
    let (input, output) = (&b["inputs"][0], &b["outputs"][0]);
    assert_eq!((&output["namespace"], &output["name"]), (&json!("file"), &json!(format!("{base}/out/b"))));
    assert_eq!(output["facets"]["version"]["datasetVersion"], "p/2013-01-01 g1");
    assert_eq!(output["facets"]["storage"]["fileFormat"], "parquet");
    assert_eq!(output["outputFacets"]["outputStatistics"]["fileCount"], 3);
    assert_eq!(input["facets"]["version"]["datasetVersion"], "p/2013-01-01 g1");
    let a = find(&events, "COMPLETE", "p.a");
    assert_eq!(a["outputs"][0]["name"], input["name"], "what a step reads is what the other made");
    assert_eq!(a["inputs"][0]["name"], format!("{base}/in"), "one name for all dates");
    assert_eq!(a["inputs"][0]["inputFacets"]["inputStatistics"]["fileCount"], 3);
    assert_eq!(a["job"]["facets"]["sql"]["query"], "SELECT k, v * $factor AS v FROM input");
    let parent = &b["run"]["facets"]["parent"];
    assert_eq!((&parent["run"]["runId"], &parent["root"]["run"]["runId"]), (&json!(ids["p"]), &json!(ids["p"])));
    let nominal = &b["run"]["facets"]["nominalTime"];
    assert_eq!(
        (&nominal["nominalStartTime"], &nominal["nominalEndTime"]),
        (&json!("2013-01-01T00:00:00Z"), &json!("2013-01-02T00:00:00Z"))
    );
    // Nothing is on record of where the columns come from: nothing is said.
    assert_eq!(output["facets"]["columnLineage"], Value::Null);
}

#[tokio::test]
async fn the_same_records_make_the_same_events() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let first = text(&world).await.expect("events");
    world.clock.pass_secs(3_600);
    // Nothing is to do: the events are those that were there.
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(text(&world).await.as_ref(), Some(&first));
    let found = report::summarize(&world.ctx, &world.run()).await.unwrap();
    let compiled = openlineage::compile(&world.ctx, &found).await.unwrap();
    assert_eq!(spotmill_report::openlineage::lines(&compiled).unwrap(), first, "what is sent later is the same");
    // A generation is another run, and so is a run with one.
    world.clock.pass_secs(3_600);
    world.begin("r3", |input| input.from_step = Some("b".into())).await.unwrap();
    assert_eq!(run_step(&world, "r3", "b", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r3".into() }).await.unwrap();
    let again = events(&world).await;
    assert_eq!(kinds(&again), WHOLE);
    let before: Vec<Value> = first.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (old, new) = (ids(&before), ids(&again));
    assert_eq!(old["p.a"], new["p.a"]);
    assert!(old["p.b"] != new["p.b"] && old["p"] != new["p"], "{old:?} {new:?}");
    let time = |events: &[Value], kind: &str| find(events, kind, "p")["eventTime"].as_str().unwrap().to_owned();
    assert!(time(&again, "START") > time(&before, "COMPLETE"), "it began when its generation did");
}

#[tokio::test]
async fn a_run_that_fails_or_is_stopped_and_is_resumed_is_one_run() {
    for (status, kind) in [("FAILED", "FAIL"), ("ABORTED", "ABORT")] {
        let world = World::new().await;
        let fails = |item, _| if item == 1 { Work::Fail } else { Work::Commit };
        assert_eq!(run_all(&world, "r1", &fails).await.unwrap().next, Next::Failed);
        assert_eq!(text(&world).await, None, "it holds the run yet");
        world.executions.end("r1");
        let input = json!({"pipeline": "p", "date": "2013-01-01"}).to_string();
        let event = json!({"detail": {"executionArn": "r1", "status": status, "input": input}});
        reap::handle(&world.ctx, event).await.unwrap();
        let failed = events(&world).await;
        let ends = [format!("{kind} p.a"), format!("{kind} p")];
        assert_eq!(kinds(&failed), ["START p", "START p.a", &ends[0], &ends[1]], "b was not begun");
        let message = find(&failed, kind, "p.a")["run"]["facets"]["errorMessage"]["message"].clone();
        assert!(message.as_str().is_some_and(|m| m.contains("there is no column `w`")), "{message}");
        assert_eq!(find(&failed, kind, "p.a")["outputs"], Value::Null, "nothing came about");

        run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
        let whole = events(&world).await;
        assert_eq!(kinds(&whole), WHOLE, "one end of each");
        for (job, id) in ids(&failed) {
            assert_eq!(ids(&whole)[&job], id, "{job}");
        }
        assert_eq!(find(&failed, "START", "p"), find(&whole, "START", "p"));
    }
}

/// What a check found: where the columns of `a` come from, and of `b`, which is partitioned by `k`.
fn found() -> Foreseen {
    let columns = |text: &str| -> Vec<Column> {
        let column = |text: &str| {
            let (name, ty) = text.split_once(' ').unwrap();
            Column { name: name.into(), ty: ty.parse().unwrap(), parse: None }
        };
        text.split(", ").map(column).collect()
    };
    let input = |column: &str, how| InputColumn { table: "input".into(), column: column.into(), how: vec![how] };
    let step = |v: Dependence| ForeseenStep {
        params: Default::default(),
        input: columns("k string, v int32"),
        tables: Default::default(),
        output: columns("k string, v int32"),
        lineage: Some(ColumnLineage {
            columns: [("k".to_owned(), vec![input("k", Dependence::Identity)]), ("v".to_owned(), vec![input("v", v)])]
                .into(),
            rows: vec![input("k", Dependence::GroupBy)],
        }),
    };
    let steps = [("a".into(), step(Dependence::Transformation)), ("b".into(), step(Dependence::Untraced))];
    Foreseen { steps: steps.into(), ..Foreseen::default() }
}

#[tokio::test]
async fn columns_are_followed_where_that_is_on_record() {
    let world = World::new().await;
    world.deploy_foreseen(PIPELINE, found()).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let events = events(&world).await;
    let a = find(&events, "COMPLETE", "p.a");
    let lineage = &a["outputs"][0]["facets"]["columnLineage"];
    let field = |column: &str, transformation: Value| json!([{"namespace": "file", "name": a["inputs"][0]["name"], "field": column, "transformations": [transformation]}]);
    assert_eq!(lineage["fields"]["k"]["inputFields"], field("k", json!({"type": "DIRECT", "subtype": "IDENTITY"})));
    assert_eq!(
        lineage["fields"]["v"]["inputFields"],
        field("v", json!({"type": "DIRECT", "subtype": "TRANSFORMATION"}))
    );
    assert_eq!(lineage["dataset"], field("k", json!({"type": "INDIRECT", "subtype": "GROUP_BY"})));
    // What is not traced is named, and said to be so.
    let b = find(&events, "COMPLETE", "p.b");
    let how = &b["outputs"][0]["facets"]["columnLineage"]["fields"]["v"]["inputFields"][0]["transformations"][0];
    assert_eq!(how["type"], "DIRECT");
    assert!(how["description"].as_str().is_some_and(|text| text.contains("not traced")), "{how}");
}

#[tokio::test]
async fn columns_that_are_not_those_that_were_followed_have_no_lineage() {
    let world = World::new().await;
    let mut other = found();
    let step = other.steps.get_mut("a").unwrap();
    step.lineage.as_mut().unwrap().columns.remove("k");
    world.deploy_foreseen(PIPELINE, other).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let events = events(&world).await;
    let lineage = |job: &str| find(&events, "COMPLETE", job)["outputs"][0]["facets"]["columnLineage"].clone();
    assert_eq!(lineage("p.a"), Value::Null);
    assert_ne!(lineage("p.b"), Value::Null);
}

#[tokio::test]
async fn what_was_expected_stands_with_whether_it_held() {
    let expects = |toml: &str, warn: bool| {
        let on = if warn { "on_fail = \"warn\"\n" } else { "" };
        toml.replace(
            "[resources]",
            &format!("[step.expect]\nnot_null = [\"k\"]\nrows = {{ min = 1000 }}\n{on}[resources]"),
        )
    };
    // It only warns: the step is complete, and one of the two did not hold.
    let world = World::new().await;
    world.deploy(&expects(PIPELINE, true)).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let warned = events(&world).await;
    let assertions = |event: &Value| event["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"].clone();
    let found = assertions(find(&warned, "COMPLETE", "p.b"));
    let of = |found: &Value, i: usize| {
        (found[i]["assertion"].clone(), found[i]["success"].clone(), found[i]["severity"].clone())
    };
    assert_eq!(of(&found, 0), (json!("not_null"), json!(true), json!("warn")));
    assert_eq!(of(&found, 1), (json!("row_count"), json!(false), json!("warn")));
    assert_eq!(found[1]["expected"], "1000");
}
