//! A start of a run that is finished: what it leaves untouched, what it redoes, what it refuses, and what it reports.

use crate::drive::{run_all, run_step};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use spotmill_core::calls::{Next, ReportRequest, RunInput, errors};
use spotmill_core::ids::ExecutionId;
use spotmill_core::records::{Lease, Manifest, Plan, RunOutcome, RunReport, Seal};
use spotmill_lambdas::preview::{Work as Planned, preview};
use spotmill_lambdas::{gc, report};
use spotmill_platform::ports::Store;

fn changed(i: &mut RunInput) {
    i.changed = true;
}

async fn finished() -> World {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    world
}

async fn drop_input(world: &World, name: &str) {
    world.store.delete(&world.base().join(&format!("in/2013-01-01/{name}"))).await.unwrap();
}

/// The notes on a step in the run's last report.
async fn notes(world: &World, step: usize) -> Vec<String> {
    let uri = world.ctx.root.join(&format!("runs/{}/report.json", world.run()));
    let report: RunReport = world.read(&uri).await;
    report.steps[step].notes.clone()
}

/// Every way to do the finished run again is refused for want of its input, in words that have these parts.
async fn is_not_redone(world: &World, lease: &Lease, parts: &[&str]) {
    let ways: [fn(&mut RunInput); 3] = [changed, |i| i.fresh = true, |i| i.from_step = Some("a".into())];
    for (n, way) in ways.into_iter().enumerate() {
        let e = world.begin(&format!("no{n}"), way).await.unwrap_err();
        assert_eq!(e.error, errors::NO_INPUT);
        for part in parts {
            assert!(e.cause.contains(part), "{}", e.cause);
        }
        assert_eq!(&world.lease().await, lease, "the finished run is what it was");
    }
}

#[tokio::test]
async fn without_its_input_nothing_takes_the_place_of_what_is_finished() {
    let world = finished().await;
    let lease = world.lease().await;
    for name in ["1.csv", "2.csv", "3.csv"] {
        drop_input(&world, name).await;
    }
    let parts = ["in/2013-01-01/*.csv", "`a` would be done again", "stays", "put the input back"];
    is_not_redone(&world, &lease, &parts).await;
    world.deploy(&PIPELINE.replace("SELECT k, v *", "SELECT k, 1 + v *")).await;
    assert_eq!(world.begin("no", |_| {}).await.unwrap_err().error, errors::NO_INPUT);
    assert_eq!(world.lease().await, lease);
    world.deploy(PIPELINE).await;
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.lease().await.outcome, Some(RunOutcome::Succeeded));
}

/// `on_empty = "skip"` is for days on which nothing came, not for those whose files went away.
#[tokio::test]
async fn an_input_that_is_skipped_when_empty_takes_the_place_of_no_rows() {
    let world = World::new().await;
    let skipping = PIPELINE.replace("item_bytes = ", "on_empty = \"skip\"\nitem_bytes = ");
    world.deploy(&skipping.replace("by = \"partition\" }", "by = \"partition\", on_empty = \"skip\" }")).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let lease = world.lease().await;
    for name in ["1.csv", "2.csv", "3.csv"] {
        drop_input(&world, name).await;
    }
    let parts = ["in/2013-01-01/*.csv", "stays", "put the input back", "put a file without rows there"];
    is_not_redone(&world, &lease, &parts).await;
    // A day on which nothing came before either has nothing to lose.
    let other = world.of_date("2013-01-02");
    for root in ["s1", "s2"] {
        run_all(&other, root, &|_, _| Work::Commit).await.unwrap();
    }
    other.begin("s3", |i| i.fresh = true).await.unwrap();
}

#[tokio::test]
async fn what_became_of_the_inputs_is_reported_and_only_as_long_as_it_is_so() {
    let world = finished().await;
    let restart = async |root: &str| {
        run_all(&world, root, &|_, _| panic!("no item is to run")).await.unwrap();
        notes(&world, 0).await
    };
    let before = std::fs::read(world.base().join("in/2013-01-01/3.csv").as_str()).unwrap();
    world.input("3.csv", "y,50\n").await;
    let reported = restart("r2").await;
    assert!(reported[0].ends_with("3.csv changed since it was read; --changed does 1 item again"), "{reported:?}");
    drop_input(&world, "3.csv").await;
    let reported = restart("r3").await;
    assert!(reported.len() == 1 && reported[0].contains("3.csv is gone since it was read"), "{reported:?}");
    // As it was, to the byte: there is nothing to report.
    world.store.put(&world.base().join("in/2013-01-01/3.csv"), &before).await.unwrap();
    let reported = restart("r4").await;
    // This store's ETags also depend on when a file was written.
    assert!(!reported.iter().any(|note| note.contains("is gone")), "{reported:?}");
}

#[tokio::test]
async fn what_begins_anew_finds_what_it_reads_of_others() {
    // `b` reads `a` and `c`; what `c` made is gone, which nobody needs until `b` is done again.
    let three = PIPELINE.replace(
        "[[step]]\nname = \"b\"",
        "[[step]]\nname = \"c\"\nsql = \"SELECT k, v FROM input\"\n[step.input]\npath = \"{src}/{date}/*.csv\"\n\
         columns = [\"k string\", \"v int32\"]\n[[step]]\nname = \"b\"",
    );
    let three =
        three.replace("[step.output]\ndestination", "[step.tables.t]\nstep = \"c\"\n[step.output]\ndestination");
    let world = World::new().await;
    let joined = "SELECT input.k, SUM(input.v) AS v FROM input JOIN t ON t.k = input.k GROUP BY input.k";
    world.deploy(&three.replace("SELECT k, SUM(v) AS v FROM input GROUP BY k", joined)).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    std::fs::remove_dir_all(world.keys("c", 1).all_scratch().as_str()).unwrap();
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    let begun = world.begin("r3", |i| i.from_step = Some("a".into())).await.unwrap();
    let lease = world.lease().await;
    let numbers: Vec<u32> = lease.generations.values().map(|g| g.generation).collect();
    assert_eq!(numbers, [2, 2, 2], "{:?}", lease.generations["c"].because);
    for step in &begun.steps {
        assert_eq!(run_step(&world, "r3", step.as_str(), &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    }
}

#[tokio::test]
async fn other_checks_are_made_of_what_is_committed() {
    let world = finished().await;
    let seal: Seal = world.read(&world.keys("b", 1).seal()).await;
    let published = world.outcome().await;
    // `b` wrote five rows.
    let strict = format!("{PIPELINE}\n").replace("[resources]", "[step.expect]\nrows = { min = 6 }\n[resources]");
    world.deploy(&strict).await;
    let steps = planned(&world, &strict).await;
    assert!(
        matches!(&steps[1], Planned::Complete { unchecked: Some(what), .. } if what == "`expect.rows`"),
        "{steps:?}"
    );
    let last = run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!((last.next, last.error.as_str()), (Next::Failed, errors::EXPECTATION_FAILED));
    for part in ["does not hold what is asked of it now", "5 rows written, of at least 6", "stays"] {
        assert!(last.cause.contains(part), "{}", last.cause);
    }
    assert_eq!(world.read::<Seal>(&world.keys("b", 1).seal()).await, seal);
    let report = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!(report.outcome, RunOutcome::Failed, "not succeeded under what does not hold");
    world.executions.end("r2");
    // What holds is recorded, and nothing is redone.
    let held = strict.replace("min = 6", "min = 5");
    world.deploy(&held).await;
    run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap();
    let checked: Seal = world.read(&world.keys("b", 1).seal()).await;
    assert_eq!(checked.checked.unwrap().min_rows, Some(5));
    assert!(matches!(&planned(&world, &held).await[1], Planned::Complete { unchecked: None, .. }));
    // A rule that only warns reports it.
    world.deploy(&strict.replace("rows = { min = 6 }", "rows = { min = 6 }\non_fail = \"warn\"")).await;
    run_all(&world, "r4", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.lease().await.outcome, Some(RunOutcome::Warned));
    world.deploy(PIPELINE).await;
    run_all(&world, "r5", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.outcome().await, published);
}

async fn planned(world: &World, toml: &str) -> Vec<Planned> {
    world.deploy(toml).await;
    let input = RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), ..RunInput::default() };
    let deployed = spotmill_lambdas::deploy::find(&world.ctx, "p").await.unwrap();
    let steps = preview(&world.ctx, &deployed.text, &deployed.record.worker, &input, &deployed.foreseen).await.unwrap();
    steps.into_iter().map(|step| step.work).collect()
}

#[tokio::test]
async fn a_committed_item_cannot_be_accepted_as_missing() {
    let world = finished().await;
    let lease = world.lease().await;
    let e = world.begin("r2", |i| i.accept = [("a".to_owned(), vec![1])].into()).await.unwrap_err();
    assert_eq!(e.error, errors::INVALID_INPUT);
    assert!(e.cause.contains("item 1 of `a` is committed and not missing"), "{}", e.cause);
    assert_eq!(world.lease().await, lease);
}

#[tokio::test]
async fn what_was_published_and_vanished_is_reported_when_it_is_put_back() {
    let world = finished().await;
    let manifest: Manifest = world.read(&world.keys("b", 1).manifest()).await;
    let destination = &manifest.destination;
    world.store.delete(&destination.join(&manifest.files[0].path)).await.unwrap();
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    let reported = notes(&world, 1).await;
    let expected = format!("1 of 3 published files were gone or damaged at {destination}: published again");
    assert_eq!(reported, [expected]);
    world.store.delete(&destination.join("_SUCCESS")).await.unwrap();
    run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(notes(&world, 1).await, [format!("`_SUCCESS` was gone from {destination}: written again")]);
    run_all(&world, "r4", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(notes(&world, 1).await, Vec::<String>::new(), "reported once");
}

#[tokio::test]
async fn a_start_that_did_nothing_is_reported_as_such() {
    let world = World::new().await;
    let did_nothing = async || report::summarize(&world.ctx, &world.run()).await.unwrap().nothing_to_do;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    assert!(!did_nothing().await);
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert!(did_nothing().await);
    std::fs::remove_dir_all(world.base().join("out").as_str()).unwrap();
    run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap();
    assert!(!did_nothing().await, "it published again");
}

#[tokio::test]
async fn the_time_between_two_starts_is_no_part_of_what_a_step_took() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    let root: ExecutionId = "r1".into();
    report::record_end(&world.ctx, &world.run(), &root, errors::ITEMS_FAILED, "one failed").await.unwrap();
    world.clock.pass_secs(36_000);
    let stopped = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert!(stopped.steps[0].took_ms < 60_000, "{}", stopped.steps[0].took_ms);
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    let plan: Plan = world.read(&world.keys("a", 1).plan()).await;
    assert!(seal.sealed_ms - plan.planned_ms > 36_000_000 && seal.took_ms < 60_000, "{}", seal.took_ms);
}

#[tokio::test]
async fn whoever_never_held_a_run_records_no_end_of_it() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    let root = |name: &str| ExecutionId::new(name);
    report::record_end(&world.ctx, &world.run(), &root("r1"), errors::ITEMS_FAILED, "one failed").await.unwrap();
    report::record_end(&world.ctx, &world.run(), &root("r2"), errors::NO_INPUT, "refused").await.unwrap();
    let end = report::summarize(&world.ctx, &world.run()).await.unwrap().end;
    assert_eq!(end.map(|end| end.cause).as_deref(), Some("one failed"));
}

#[tokio::test]
async fn plan_counts_what_a_run_takes_over() {
    let world = World::new().await;
    let undeclared = PIPELINE.replace("columns = [\"k string\", \"v int32\"]\n", "");
    for (name, text) in [("1.csv", "k,v\nx,1\ny,2\n"), ("2.csv", "k,v\nx,3\nz,4\n"), ("3.csv", "k,v\ny,5\n")] {
        world.input(name, text).await;
    }
    world.deploy(&undeclared).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    world.input("3.csv", "k,v\ny,50\n").await;
    let input =
        RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), changed: true, ..RunInput::default() };
    let deployed = spotmill_lambdas::deploy::find(&world.ctx, "p").await.unwrap();
    let steps = preview(&world.ctx, &deployed.text, &deployed.record.worker, &input, &deployed.foreseen).await.unwrap();
    let Planned::Items { items, committed, .. } = &steps[0].work else { panic!("{steps:?}") };
    assert_eq!((items.len(), committed.len()), (3, 2), "one item is done again");
    world.begin("r2", changed).await.unwrap();
    assert_eq!(world.plan("r2", "a").await.unwrap().todo, 1, "as `plan` says");
}

#[tokio::test]
async fn what_may_go_is_called_what_it_is() {
    let world = finished().await;
    let begun = world.begin("r2", |i| i.from_step = Some("b".into())).await.unwrap();
    for step in &begun.steps {
        run_step(&world, "r2", step.as_str(), &|_, _| Work::Commit).await.unwrap();
    }
    report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r2".into() }).await.unwrap();
    let dead = world.keys("a", 1).scratch(0, &"died".into()).join("00000.parquet");
    world.store.put(&dead, b"x").await.unwrap();
    let waste = async || {
        let (found, _) = gc::collect(&world.ctx, false, |_, owned| !owned).await.unwrap();
        found.into_iter().map(|w| (w.what, w.files)).collect::<Vec<_>>()
    };
    let (dead, replaced) =
        ("dead attempts of p/2013-01-01".to_owned(), "replaced generations of p/2013-01-01".to_owned());
    assert_eq!(waste().await, [(dead.clone(), 1), (replaced, 3)]);
    // Under another name the step begins anew, and of the old one nothing is needed.
    world.deploy(&PIPELINE.replace("name = \"b\"", "name = \"c\"")).await;
    let begun = world.begin("r3", |i| i.existing = spotmill_core::destination::Existing::Adopt).await.unwrap();
    for step in &begun.steps {
        run_step(&world, "r3", step.as_str(), &|_, _| Work::Commit).await.unwrap();
    }
    report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r3".into() }).await.unwrap();
    let removed = "removed steps of p/2013-01-01".to_owned();
    assert_eq!(waste().await, [(dead, 1), (removed, 6)]);
}

#[tokio::test]
async fn of_later_steps_only_what_reads_other_bytes_is_done_again() {
    let world = finished().await;
    let ran = std::sync::Mutex::new(Vec::new());
    let restart = async |root: &str| {
        let begun = world.begin(root, changed).await.unwrap();
        for step in &begun.steps {
            let count = |item, _| {
                ran.lock().unwrap().push(format!("{step}{item}"));
                Work::Commit
            };
            assert_eq!(run_step(&world, root, step.as_str(), &count).await.unwrap().next, Next::Done);
        }
        report::handle(&world.ctx, ReportRequest { run: world.run(), root: root.into() }).await.unwrap();
        std::mem::take(&mut *ran.lock().unwrap())
    };
    // Item 0 reads x and y; of what it writes only y becomes other.
    world.input("1.csv", "x,1\ny,7\n").await;
    assert_eq!(restart("r2").await, ["a0", "b1"]);
    // The file is another, and what is made of it the same.
    world.input("1.csv", "y,7\nx,1\n").await;
    assert_eq!(restart("r3").await, ["a0"]);
    let manifest: Manifest = world.read(&world.keys("b", 3).manifest()).await;
    assert_eq!(manifest.rows, 5);
}

#[tokio::test]
async fn what_read_a_side_table_in_another_version_is_not_taken_over() {
    let world = World::new().await;
    let table = "[step.tables.t]\npath = \"t.csv\"\ncolumns = [\"k string\"]\n[step.output]\npartition_by";
    world.deploy(&PIPELINE.replacen("[step.output]\npartition_by", table, 1)).await;
    let put = async |text: &str| world.store.put(&world.base().join("t.csv"), text.as_bytes()).await.unwrap();
    put("k\nx\n").await;
    world.begin("r1", |_| {}).await.unwrap();
    world.plan("r1", "a").await.unwrap();
    world.executions.end("r1");
    // Nothing was done yet: all items read what is there now, and then it is as it was planned.
    put("k\ny\n").await;
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    put("k\nx\n").await;
    world.input("3.csv", "y,50\n").await;
    world.begin("r3", changed).await.unwrap();
    let plan = world.plan("r3", "a").await.unwrap();
    assert_eq!((plan.generation, plan.todo), (2, 3));
}
