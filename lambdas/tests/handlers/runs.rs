//! Whole runs, and what a person sees when one does not go well.

use crate::drive::{run_all, run_step};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use spotmill_core::calls::{Next, ReportRequest, errors};
use spotmill_core::destination::{Contents, Contract, Existing, State, contract_uri, manifest_uri};
use spotmill_core::records::{Manifest, RunOutcome, RunReport, Seal};
use spotmill_core::types::ColumnType;
use spotmill_lambdas::{gc, report};
use spotmill_platform::ports::Store;

#[tokio::test]
async fn a_run_is_planned_worked_sealed_published_and_released() {
    let world = World::new().await;
    let last = run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(last.next, Next::Done);
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    assert_eq!((seal.items, seal.rows.written, seal.partitions), (3, 5, 3));
    let manifest: Manifest = world.read(&world.keys("b", 1).manifest()).await;
    assert_eq!((manifest.files.len(), manifest.rows), (3, 5));
    let names = published(&world).await;
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.iter().any(|n| n == "_SUCCESS"), "{names:?}");
    let lease = world.lease().await;
    assert_eq!((lease.owner, lease.outcome), (None, Some(RunOutcome::Succeeded)));
    assert!(crate::ports::lock(&world.fleets.live).is_empty());
}

#[tokio::test]
async fn a_second_start_of_a_finished_run_does_nothing() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let (before, asked) = (world.outcome().await, crate::ports::lock(&world.fleets.asked).len());
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.outcome().await, before);
    assert_eq!(crate::ports::lock(&world.fleets.asked).len(), asked);
}

#[tokio::test]
async fn published_files_that_somebody_removed_come_back() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let before = world.outcome().await;
    let manifest: Manifest = world.read(&world.keys("b", 1).manifest()).await;
    world.store.delete(&manifest.destination.join(&manifest.files[0].path)).await.unwrap();
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.outcome().await, before);
}

#[tokio::test]
async fn failed_items_are_named_with_the_command_to_type_and_the_rest_is_kept() {
    let world = World::new().await;
    let last = run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    assert_eq!((last.next, last.error.as_str()), (Next::Failed, errors::ITEMS_FAILED));
    for part in [
        "1 of 3 items of `a` failed",
        "Item 1 (transform error in 3 attempts): there is no column `w`",
        "2 items committed and kept",
        "spotmill start --pipeline p --date 2013-01-01",
    ] {
        assert!(last.cause.contains(part), "{}", last.cause);
    }
    let request = ReportRequest { run: world.run(), root: "r1".into() };
    let reply = report::handle(&world.ctx, request).await.unwrap();
    assert_eq!(reply.outcome, RunOutcome::Failed);
    let summary: RunReport = world.read(&reply.report).await;
    assert_eq!((summary.steps[0].committed, summary.steps[0].failures.len()), (2, 1));
}

#[tokio::test]
async fn accepted_items_are_left_out_reported_and_come_back_when_accepted_no_more() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    let accept = |i: &mut spotmill_core::calls::RunInput| i.accept = [("a".to_owned(), vec![1])].into();
    let begun = world.begin("r2", accept).await.unwrap();
    for step in &begun.steps {
        assert_eq!(run_step(&world, "r2", step.as_str(), &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    }
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    assert_eq!(seal.missing, [1]);
    let reply = report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r2".into() }).await.unwrap();
    assert_eq!(reply.outcome, RunOutcome::Warned);

    run_all(&world, "r3", &|_, _| Work::Commit).await.unwrap();
    let lease = world.lease().await;
    assert_eq!((lease.generations["a"].generation, lease.generations["b"].generation), (1, 3));
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    assert_eq!((seal.missing.len(), seal.rows.written), (0, 5));
    let manifest: Manifest = world.read(&world.keys("b", 3).manifest()).await;
    assert_eq!((manifest.rows, published(&world).await.len()), (5, 4), "the earlier generation's files are gone");
}

#[tokio::test]
async fn memory_is_doubled_until_it_suffices_or_the_limit_is_reached() {
    let world = World::new().await;
    let greedy = |item, rung| if item == 2 && rung < 2 { Work::NeedMemory } else { Work::Commit };
    assert_eq!(run_all(&world, "r1", &greedy).await.unwrap().next, Next::Done);

    let world = World::new().await;
    let insatiable = |item, _| if item == 2 { Work::NeedMemory } else { Work::Commit };
    let last = run_all(&world, "r1", &insatiable).await.unwrap();
    assert_eq!((last.next, last.round, last.rung), (Next::Failed, 2, 2));
    assert!(last.cause.contains("out of memory"), "{}", last.cause);
}

#[tokio::test]
async fn a_step_on_which_nothing_moves_ends_with_a_diagnosis() {
    let world = World::new().await;
    let last = run_all(&world, "r1", &|_, _| Work::Vanish).await.unwrap();
    assert_eq!((last.next, last.error.as_str()), (Next::Failed, errors::NO_PROGRESS));
    assert!(last.cause.contains("no machine was heard of"), "{}", last.cause);
    assert_eq!(crate::ports::lock(&world.fleets.asked).len(), 3, "three rounds");
}

#[tokio::test]
async fn refused_machines_are_not_asked_for_again() {
    let world = World::new().await;
    *crate::ports::lock(&world.fleets.refuse) = Some("vCPU quota is 0".into());
    let last = run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    assert_eq!((last.next, last.error.as_str(), last.round), (Next::Failed, errors::REFUSED, 0));
}

#[tokio::test]
async fn no_input_names_the_pattern_and_the_nearest_thing() {
    let world = World::new().await;
    world.begin("r1", |i| i.date = Some("2013-01-02".into())).await.unwrap();
    let request = spotmill_core::calls::PlanWorkRequest {
        run: "p/2013-01-02".into(),
        step: "a".into(),
        root: "r1".into(),
        execution: "e".into(),
    };
    let e = spotmill_lambdas::plan_work::handle(&world.ctx, request).await.unwrap_err();
    assert_eq!(e.error, errors::NO_INPUT);
    assert!(e.cause.contains("in/2013-01-02/*.csv"), "{}", e.cause);
    assert!(e.cause.contains("/in/ has 3 files, the nearest name is `2013-01-01/"), "{}", e.cause);
}

#[tokio::test]
async fn wrong_names_in_the_input_are_refused_with_the_right_ones() {
    let world = World::new().await;
    let e = world.begin("r1", |i| i.from_step = Some("c".into())).await.unwrap_err();
    assert_eq!(
        (e.error, e.cause.as_str()),
        (errors::INVALID_INPUT, "--from-step c: there is no step `c`; steps: a, b")
    );
    let e = world.begin("r1", |i| i.pipeline = "q".into()).await.unwrap_err();
    assert_eq!(e.cause, "no pipeline `q` is deployed; there are: p");
    let e = world.begin("r1", |i| i.date = None).await.unwrap_err();
    assert!(e.cause.contains("date"), "{}", e.cause);
}

/// Published names, as a reader of a lake sees them.
async fn published(world: &World) -> Vec<String> {
    let listed = world.store.list(&world.base().join("out/")).await.unwrap();
    let seen = listed.iter().filter(|o| !o.uri.as_str().contains("/_spotmill/"));
    seen.map(|o| o.uri.as_str().rsplit('/').next().unwrap().to_owned()).collect()
}

/// Ids of the publications that stand in a destination.
async fn standing(world: &World, destination: &str) -> Vec<String> {
    let contents: Contents = world.read(&manifest_uri(&world.base().join(destination))).await;
    let standing = contents.publications.into_iter().filter(|p| p.state == State::Stands);
    standing.map(|p| p.id).collect()
}

async fn run_date(world: &World, root: &str, date: &str) {
    let input = world.base().join(&format!("in/{date}/1.csv"));
    world.store.put(&input, format!("{date},1\n").as_bytes()).await.unwrap();
    let world = world.of_date(date);
    assert_eq!(run_all(&world, root, &|_, _| Work::Commit).await.unwrap().next, Next::Done);
}

#[tokio::test]
async fn dates_that_share_a_destination_keep_to_their_own_files_and_marks() {
    let world = World::new().await;
    // The spec refuses it in the file; a deployed pipeline may contain it all the same.
    world.deploy_edited(|p| p.steps[1].output.destination = Some("{out}/b".into())).await;
    run_date(&world, "r1", "2013-02-01").await;
    run_date(&world, "r2", "2013-02-02").await;
    let both = published(&world).await;
    assert_eq!(both.iter().filter(|n| n.starts_with("_SUCCESS.")).count(), 2, "{both:?}");
    assert_eq!(both.len(), 4, "{both:?}");
    // A new generation of the first replaces its own file only.
    let rerun = world.of_date("2013-02-01");
    rerun.begin("r3", |i| i.fresh = true).await.unwrap();
    for step in ["a", "b"] {
        assert_eq!(run_step(&rerun, "r3", step, &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    }
    let after = published(&world).await;
    assert_eq!(after.len(), 4, "{after:?}");
    let kept = after.iter().filter(|n| both.contains(n) && !n.starts_with("_SUCCESS")).count();
    assert_eq!(kept, 1, "the other date's file is as it was: {both:?} {after:?}");
}

#[tokio::test]
async fn replace_all_leaves_only_the_last_run_in_its_destination() {
    let world = World::new().await;
    world
        .deploy_edited(|p| {
            p.steps[1].output.destination = Some("{out}/b".into());
            p.steps[1].output.replace_all = true;
        })
        .await;
    run_date(&world, "r1", "2013-02-01").await;
    let first = published(&world).await;
    run_date(&world, "r2", "2013-02-02").await;
    let second = published(&world).await;
    assert_eq!((first.len(), second.len()), (2, 2), "{first:?} {second:?}");
    assert!(first.iter().all(|n| !second.contains(n)), "{first:?} {second:?}");
    // The latest date stays: an older one, first run or run again, does not take its place.
    run_date(&world, "r3", "2013-02-01").await;
    run_date(&world, "r4", "2013-01-31").await;
    assert_eq!(published(&world).await, second);
    let report: RunReport = world.read(&world.ctx.root.join("runs/p/2013-01-31/report.json")).await;
    assert!(report.steps[1].notes[0].contains("p/2013-02-02"), "{:?}", report.steps[1].notes);
}

#[tokio::test]
async fn what_nobody_wrote_down_stops_a_start_before_any_work_and_is_never_touched() {
    let world = World::new().await;
    let strange = world.base().join("out/b/date=2013-01-01/somebody.parquet");
    world.store.put(&strange, b"else's").await.unwrap();
    let e = run_all(&world, "r1", &|_, _| panic!("no item is to run")).await.unwrap_err();
    assert_eq!(e.error, errors::DESTINATION_REFUSED);
    assert!(e.cause.contains("somebody.parquet") && e.cause.contains("--adopt"), "{}", e.cause);
    assert_eq!(world.store.get(&strange).await.unwrap().body, b"else's");
    // It is left in place when somebody asks for that, and from then on.
    world.begin("r2", |i| i.existing = Existing::Leave).await.unwrap();
    for step in ["a", "b"] {
        run_step(&world, "r2", step, &|_, _| Work::Commit).await.unwrap();
    }
    world.executions.end("r2");
    let fresh = world.begin("r3", |i| i.fresh = true).await.unwrap();
    for step in &fresh.steps {
        run_step(&world, "r3", step.as_str(), &|_, _| Work::Commit).await.unwrap();
    }
    assert_eq!(world.store.get(&strange).await.unwrap().body, b"else's");
    // It is taken over when somebody asks for that: gone once the new files stand.
    let other = World::new().await;
    let strange = other.base().join("out/b/date=2013-01-01/somebody.parquet");
    other.store.put(&strange, b"else's").await.unwrap();
    other.begin("r1", |i| i.existing = Existing::Adopt).await.unwrap();
    for step in ["a", "b"] {
        run_step(&other, "r1", step, &|_, _| Work::Commit).await.unwrap();
    }
    assert_eq!(published(&other).await.len(), 4);
    assert!(other.store.get(&strange).await.is_err());
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_refused_with_what_to_do_wherever_it_lies() {
    for folder in ["out/b/date=2013-01-01", "out/b", "out"] {
        let world = World::new().await;
        let manifest = manifest_uri(&world.base().join(folder));
        world.store.put(&manifest, b"{").await.unwrap();
        let e = world.begin("r1", |_| {}).await.unwrap_err();
        assert_eq!(e.error, errors::DESTINATION_REFUSED, "{folder}: {}", e.cause);
        for part in [manifest.as_str(), "Put it back as it was", "--adopt"] {
            assert!(e.cause.contains(part), "{}", e.cause);
        }
    }
}

#[tokio::test]
async fn columns_of_a_table_stay_what_they_were_unless_a_change_is_allowed() {
    let world = World::new().await;
    run_date(&world, "r1", "2013-02-01").await;
    let uri = contract_uri(&world.base().join("out/b"), "date={date}");
    let mut contract: Contract = world.read(&uri).await;
    contract.columns[0].ty = ColumnType::Date;
    world.store.put(&uri, &serde_json::to_vec(&contract).unwrap()).await.unwrap();
    let input = world.base().join("in/2013-02-02/1.csv");
    world.store.put(&input, b"x,1\n").await.unwrap();
    let next = world.of_date("2013-02-02");
    let e = run_all(&next, "r2", &|_, _| Work::Commit).await.unwrap_err();
    assert_eq!(e.error, errors::EXPECTATION_FAILED);
    for part in ["was date and is", "p/2013-02-01", "schema_change = \"allow\""] {
        assert!(e.cause.contains(part), "{}", e.cause);
    }
    assert_eq!(published(&world).await.len(), 2, "the first date's file and mark");
    next.executions.end("r2");
    world.deploy_edited(|p| p.steps[1].output.schema_change_allowed = true).await;
    run_all(&next, "r3", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(published(&world).await.len(), 4);
}

#[tokio::test]
async fn what_an_older_program_left_out_of_a_tables_contract_is_written_down_by_the_next_run() {
    let world = World::new().await;
    run_date(&world, "r1", "2013-02-01").await;
    let uri = contract_uri(&world.base().join("out/b"), "date={date}");
    let whole: Contract = world.read(&uri).await;
    assert!(whole.folders.is_some());
    let older = Contract { folders: None, ..whole.clone() };
    world.store.put(&uri, &serde_json::to_vec(&older).unwrap()).await.unwrap();
    run_date(&world, "r2", "2013-02-02").await;
    let now: Contract = world.read(&uri).await;
    assert_eq!(now, Contract { run: "p/2013-02-02".into(), ..whole });
    // What states everything stays as it is.
    run_date(&world, "r3", "2013-02-03").await;
    assert_eq!(world.read::<Contract>(&uri).await, now);
}

#[tokio::test]
async fn the_delimiter_of_a_table_stays_what_it_was() {
    let destination = "destination = \"{out}/b/date={date}\"";
    let csv = format!("{destination}\nformat = \"csv\"");
    let world = World::new().await;
    world.deploy(&PIPELINE.replace(destination, &csv)).await;
    run_date(&world, "r1", "2013-02-01").await;
    world.deploy(&PIPELINE.replace(destination, &format!("{csv}\ndelimiter = \"\\t\""))).await;
    world.store.put(&world.base().join("in/2013-02-02/1.csv"), b"x,1\n").await.unwrap();
    let e = run_all(&world.of_date("2013-02-02"), "r2", &|_, _| Work::Commit).await.unwrap_err();
    assert_eq!(e.error, errors::DESTINATION_REFUSED, "before any work");
    for part in ["p/2013-02-01 have commas between fields, and now tabs. If readers", "schema_change = \"allow\""] {
        assert!(e.cause.contains(part), "{}", e.cause);
    }
    assert!(!e.cause.contains("CAST"), "no declaration of columns helps: {}", e.cause);
}

#[tokio::test]
async fn a_lost_state_a_renamed_step_and_another_pipeline_each_end_right_or_refused() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let first = standing(&world, "out/b/date=2013-01-01").await;
    // The state is lost: the destination knows that this is the same run, and its files are replaced.
    std::fs::remove_dir_all(world.ctx.root.as_str()).unwrap();
    world.deploy(PIPELINE).await;
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(published(&world).await.len(), 4);
    assert_eq!(standing(&world, "out/b/date=2013-01-01").await.len(), 1);
    assert_eq!(first.len(), 1);
    // Under another name the step has no right to them.
    world.deploy(&PIPELINE.replace("name = \"b\"", "name = \"c\"")).await;
    let before = published(&world).await;
    let e = run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap_err();
    assert_eq!(e.error, errors::DESTINATION_REFUSED);
    assert!(e.cause.contains("step `b` of pipeline `p`"), "{}", e.cause);
    assert_eq!(published(&world).await, before);
}

#[tokio::test]
async fn files_that_are_needed_and_damaged_are_made_again_and_the_other_items_are_kept() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let lost = world.keys("b", 1).scratch_base();
    let files = world.store.list(&lost.join("")).await.unwrap();
    world.store.put(&files[0].uri, b"").await.unwrap();
    // Published and not needed: a finished run stays finished.
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    // Needed, because what was published is gone.
    std::fs::remove_dir_all(world.base().join("out").as_str()).unwrap();
    let ran = std::sync::Mutex::new(0);
    let count = |_, _| {
        *ran.lock().unwrap() += 1;
        Work::Commit
    };
    assert_eq!(run_all(&world, "r3", &count).await.unwrap().next, Next::Done);
    assert_eq!(*ran.lock().unwrap(), 1, "one item is done again");
    let lease = world.lease().await;
    assert_eq!((lease.generations["a"].generation, lease.generations["b"].generation), (1, 2));
    assert!(lease.generations["b"].because.starts_with("redo 1 item: "), "{}", lease.generations["b"].because);
    assert_eq!(published(&world).await.len(), 4);
}

/// As many bytes, and others: the copy is not what was committed.
#[tokio::test]
async fn a_damaged_file_of_the_same_size_is_never_published() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let right = published_bytes(&world).await;
    let files = world.store.list(&world.keys("b", 1).scratch_base().join("")).await.unwrap();
    let body = world.store.get(&files[0].uri).await.unwrap().body;
    world.store.put(&files[0].uri, &vec![b'0'; body.len()]).await.unwrap();
    std::fs::remove_dir_all(world.base().join("out").as_str()).unwrap();
    let refused = run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap_err();
    assert!(refused.cause.contains("held other bytes than when it was committed"), "{}", refused.cause);
    world.executions.end("r2");
    assert_eq!(run_all(&world, "r3", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    assert_eq!(published_bytes(&world).await, right);
}

async fn published_bytes(world: &World) -> Vec<Vec<u8>> {
    let listed = world.store.list(&world.base().join("out/")).await.unwrap();
    let mut all = Vec::new();
    for object in listed.iter().filter(|o| o.uri.as_str().ends_with(".parquet")) {
        all.push(world.store.get(&object.uri).await.unwrap().body);
    }
    all.sort();
    all
}

#[tokio::test]
async fn an_input_that_changed_after_all_was_done_is_taken_when_asked_and_only_its_items_run() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    world.input("3.csv", "y,50\n").await;
    let before = world.outcome().await;
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(world.outcome().await, before, "nothing happens unasked");
    let begun = world.begin("r3", |i| i.changed = true).await.unwrap();
    let ran = std::sync::Mutex::new(Vec::new());
    for step in &begun.steps {
        let count = |item, _| {
            ran.lock().unwrap().push(format!("{step}{item}"));
            Work::Commit
        };
        assert_eq!(run_step(&world, "r3", step.as_str(), &count).await.unwrap().next, Next::Done);
    }
    let mut ran = ran.into_inner().unwrap();
    ran.sort();
    assert_eq!(ran, ["a2", "b1"], "the item of the file, and the one partition that it is in");
    assert_eq!(world.lease().await.generations["a"].because, "redo 1 item: `3.csv` changed");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let lease = world.lease().await;
    let only = |i: &mut spotmill_core::calls::RunInput| i.only_steps = Some(vec!["b".into()]);
    let e = world.begin("r2", |i| {
        only(i);
        i.from_step = Some("a".into());
    });
    let e = e.await.unwrap_err();
    assert!(e.error == errors::INVALID_INPUT && e.cause.contains("--from-step a") && e.cause.contains("--only b"));
    let e = world.begin("r2", |i| i.accept = [("a".to_owned(), vec![77])].into()).await.unwrap_err();
    assert!(e.error == errors::INVALID_INPUT && e.cause.contains("its items are 0 to 2"), "{}", e.cause);
    world.deploy(&PIPELINE.replace("SELECT k, v *", "SELECT k, 1 + v *")).await;
    let e = world.begin("r2", only).await.unwrap_err();
    assert!(e.error == errors::UPSTREAM_INCOMPLETE && e.cause.contains("its SQL changed"), "{}", e.cause);
    assert_eq!(world.lease().await, lease, "the finished run is what it was");
}

#[tokio::test]
async fn the_mark_is_off_while_files_change_and_on_when_they_stand() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let first = standing(&world, "out/b/date=2013-01-01").await.remove(0);
    let begun = world.begin("r2", |i| i.fresh = true).await.unwrap();
    assert_eq!(begun.count, 2);
    assert_eq!(run_step(&world, "r2", "a", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    // Step `b` dies after its first write, its second, and so on: a reader reads in between.
    let on = |names: &[String]| names.iter().any(|n| n == "_SUCCESS");
    let mut seen = Vec::new();
    for writes in 1..200 {
        world.store.fail_at(writes, crate::ports::Fault::Die);
        let ended = run_step(&world, "r2", "b", &|_, _| Work::Commit).await;
        world.store.revive();
        let names = published(&world).await;
        let is = |n: &String, id: &str| n.starts_with(id);
        let (old, new) =
            (names.iter().any(|n| is(n, &first)), names.iter().any(|n| !is(n, &first) && !n.starts_with("_SUCCESS")));
        seen.push((old, new));
        assert!(!on(&names) || old != new, "a marked mixture: {names:?}");
        if ended.is_ok() {
            break;
        }
    }
    assert!(seen.contains(&(true, false)) && seen.contains(&(true, true)) && seen.last() == Some(&(false, true)));
}

#[tokio::test]
async fn what_nobody_needs_any_more_goes_when_asked_and_nothing_else() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let scratch = async || world.store.list(&world.ctx.root.join("scratch/")).await.unwrap().len();
    let first = scratch().await;
    world.begin("r2", |i| i.fresh = true).await.unwrap();
    for step in ["a", "b"] {
        run_step(&world, "r2", step, &|_, _| Work::Commit).await.unwrap();
    }
    // An attempt that died, a note that nobody of ours wrote, a file that landed late.
    let dead = world.keys("a", 2).scratch(0, &"died".into()).join("00000.parquet");
    let note = world.ctx.root.join("scratch/note.txt");
    let place = world.base().join("out/b/date=2013-01-01");
    let contents: Contents = world.read(&manifest_uri(&place)).await;
    let late = place.join(&format!("{}-0000000-00000.parquet", contents.retired[0]));
    for uri in [&dead, &note, &late] {
        world.store.put(uri, b"x").await.unwrap();
    }
    // While somebody works on the run it is left untouched.
    let (_, left) = gc::collect(&world.ctx, true, |_, owned| !owned).await.unwrap();
    assert!(left.len() == 1 && scratch().await == 2 * first + 2, "{left:?}");
    world.executions.end("r2");
    let before = published(&world).await;
    let (found, _) = gc::collect(&world.ctx, false, |_, owned| !owned).await.unwrap();
    let counts: Vec<(&str, u64)> = found.iter().map(|w| (w.what.split(" at ").next().unwrap(), w.files)).collect();
    // The last `collect` has removed the late file, which is no run's.
    assert_eq!(counts, [("dead attempts of p/2013-01-01", 1), ("replaced generations of p/2013-01-01", first as u64)]);
    gc::collect(&world.ctx, true, |_, owned| !owned).await.unwrap();
    assert_eq!(scratch().await, first + 1, "what the present generation committed, and the note");
    assert_eq!(published(&world).await, before);
    std::fs::remove_dir_all(world.base().join("out").as_str()).unwrap();
    run_all(&world, "r3", &|_, _| panic!("nothing is to run")).await.unwrap();
    assert_eq!(published(&world).await.len(), 4);
}
