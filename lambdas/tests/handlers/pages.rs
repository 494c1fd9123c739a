//! Pages at the ends of runs: Report writes them last and no run fails by them; the reaper writes those of runs that failed
//! or were stopped.

use crate::drive::{run_all, run_step};
use crate::ports::Fault;
use crate::workers::Work;
use crate::world::World;
use serde_json::{Value, json};
use spotmill_core::calls::{Next, ReportRequest};
use spotmill_core::keys::{self, RunKeys};
use spotmill_core::records::RunOutcome;
use spotmill_lambdas::{forget, page, reap, report};
use spotmill_platform::ports::Store;

/// Writes of Report before those of its last part: the report, the history, the lease.
const BEFORE: u64 = 3;

async fn text(world: &World, uri: &spotmill_core::ids::Uri) -> Option<String> {
    let found = world.store.get(uri).await.ok()?;
    Some(String::from_utf8(found.body).expect("text"))
}

fn run_keys(world: &World) -> RunKeys {
    RunKeys::new(&world.ctx.root, &world.run())
}

/// Everything but Report.
async fn worked() -> World {
    let world = World::new().await;
    let begun = world.begin("r1", |_| {}).await.unwrap();
    for step in &begun.steps {
        assert_eq!(run_step(&world, "r1", step.as_str(), &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    }
    world
}

#[tokio::test]
async fn a_run_leaves_its_page_its_json_and_a_bar() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let keys = run_keys(&world);
    let page = text(&world, &keys.page()).await.expect("a page");
    assert!(page.contains("<title>✓ p/2013-01-01 succeeded</title>") && page.contains("Published: b."), "{page}");
    let data: Value = world.read(&keys.page_data()).await;
    assert_eq!((&data["v"], &data["state"]), (&json!(1), &json!("succeeded")));
    assert_eq!(data["attempts"].as_array().map(Vec::len), Some(6), "three items of each step");
    assert_eq!(data["inputs"][0]["files"], 3, "what steps hand to each other is no input");
    let list = text(&world, &keys::index(&world.ctx.root)).await.expect("a list");
    assert!(list.contains("../runs/p/2013-01-01/report.html"), "{list}");
    // The next day's run is compared with it, and drawn beside it.
    let next = world.of_date("2013-01-02");
    next.input("1.csv", "x,1\n").await;
    run_all(&next, "r2", &|_, _| Work::Commit).await.unwrap();
    let data: Value = next.read(&run_keys(&next).page_data()).await;
    assert_eq!(data["changes"]["since"], "p/2013-01-01");
    let items = &data["changes"]["changes"][0];
    assert_eq!(
        (&items["what"], &items["before"], &items["after"]),
        (&json!("items of a"), &json!("3"), &json!("1 (-66.7 %)"))
    );
    assert_eq!(data["money"]["past"].as_array().map(Vec::len), Some(2));
    let list = text(&world, &keys::index(&world.ctx.root)).await.expect("a list");
    assert_eq!(list.matches("<tr><th scope=\"row\">").count(), 2);
}

#[tokio::test]
async fn a_page_or_events_that_cannot_be_written_fail_no_run() {
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::Die] {
        for write in 1..=5 {
            let world = worked().await;
            world.store.fail_at(BEFORE + write, fault);
            let reply = report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r1".into() }).await;
            let reply = reply.unwrap_or_else(|e| panic!("{fault:?} at write {write} of the page: {e}"));
            assert_eq!(reply.outcome, RunOutcome::Succeeded);
            world.store.revive();
            // The list is changed by compare-and-swap, which tries again by itself.
            if (write, fault) != (4, Fault::LoseRequest) {
                let note = reply.note.unwrap_or_else(|| panic!("{fault:?} at write {write}: nobody learns of it"));
                // Who is dead writes no page either.
                let command = match (write, fault) {
                    (1, Fault::Refuse | Fault::LoseRequest) => {
                        "`spotmill --target aws lineage --send p/2013-01-01` makes"
                    }
                    _ => "`spotmill --target aws report p/2013-01-01` makes it",
                };
                assert!(note.contains(command), "{note}");
            }
            assert_eq!(world.lease().await.outcome, Some(RunOutcome::Succeeded));
            // Whatever is left of them, the next ones are whole.
            assert_eq!(page::at_end(&world.ctx, &world.run()).await, None);
            let events = text(&world, &run_keys(&world).lineage_events()).await.expect("events");
            assert_eq!(events.lines().count(), 6, "{events}");
            let page = text(&world, &run_keys(&world).page()).await.expect("a page");
            assert!(page.trim_end().ends_with("</html>") && page.contains("succeeded"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_list_that_nobody_can_read_fails_no_run() {
    let world = worked().await;
    world.store.put(&keys::ends(&world.ctx.root), b"{").await.unwrap();
    let request = ReportRequest { run: world.run(), root: "r1".into() };
    let reply = report::handle(&world.ctx, request).await.unwrap();
    assert!(reply.note.is_some_and(|note| note.contains("reports/ends.json")), "it is named");
    assert!(text(&world, &run_keys(&world).page()).await.is_some(), "the page itself is there");
}

#[tokio::test]
async fn the_reaper_writes_the_page_of_a_run_that_failed_or_was_stopped() {
    for (status, word) in [("FAILED", "failed"), ("ABORTED", "stopped")] {
        let world = World::new().await;
        let fails = |item, _| if item == 1 { Work::Fail } else { Work::Commit };
        assert_eq!(run_all(&world, "r1", &fails).await.unwrap().next, Next::Failed);
        world.executions.end("r1");
        world.executions.end("refused");
        let input = json!({"pipeline": "p", "date": "2013-01-01"}).to_string();
        let event = |root: &str| json!({"detail": {"executionArn": root, "status": status, "input": input}});
        reap::handle(&world.ctx, event("refused")).await.unwrap();
        assert_eq!(text(&world, &run_keys(&world).page()).await, None, "it never held the run");
        reap::handle(&world.ctx, event("r1")).await.unwrap();
        let page = text(&world, &run_keys(&world).page()).await.expect("a page");
        assert!(page.contains(&format!("<title>✗ p/2013-01-01 {word}</title>")), "{page}");
        assert!(page.contains("Not published: b.") && page.contains("there is no column `w`"), "{page}");
        assert!(page.contains("spotmill start --pipeline p --date 2013-01-01"), "{page}");
        let list = text(&world, &keys::index(&world.ctx.root)).await.expect("a list");
        assert!(list.contains(&format!("✗ {word}")), "{list}");
    }
}

/// The event that an execution ended may come when the next one works already.
#[tokio::test]
async fn a_run_that_was_started_again_keeps_its_page_until_it_ends() {
    let world = World::new().await;
    let fails = |item, _| if item == 1 { Work::Fail } else { Work::Commit };
    run_all(&world, "r1", &fails).await.unwrap();
    world.executions.end("r1");
    report::record_end(&world.ctx, &world.run(), &"r1".into(), "Spotmill.ItemsFailed", "one failed").await.unwrap();
    assert_eq!(page::at_end(&world.ctx, &world.run()).await, None);
    world.begin("r2", |_| {}).await.unwrap();
    assert_eq!(page::at_end(&world.ctx, &world.run()).await, None);
    let page = text(&world, &run_keys(&world).page()).await.expect("a page");
    assert!(page.contains("<title>✗ p/2013-01-01 failed</title>"), "{page}");
}

#[tokio::test]
async fn a_pipeline_is_forgotten_whole_and_its_neighbour_stays() {
    let world = worked().await;
    let request = ReportRequest { run: world.run(), root: "r1".into() };
    report::handle(&world.ctx, request).await.unwrap();
    assert!(text(&world, &keys::ends(&world.ctx.root)).await.is_some_and(|ends| ends.contains("\"p\"")));
    assert_eq!(forget::pipelines(&world.ctx, "q_").await.unwrap(), 0, "nothing has such a name");
    assert!(!forget::left(&world.ctx, "p").await.unwrap().is_empty());
    assert!(forget::pipelines(&world.ctx, "p").await.unwrap() > 5, "its records, plans, receipts and files");
    assert!(forget::left(&world.ctx, "p").await.unwrap().is_empty());
    let ends = text(&world, &keys::ends(&world.ctx.root)).await.expect("the list stays");
    assert!(!ends.contains("p/2013"), "{ends}");
}
