//! Whole runs, and what a person sees when one does not go well.

use crate::drive::{run_all, run_step};
use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::{Next, ReportRequest, errors};
use spotmill_core::records::{Manifest, RunOutcome, RunReport, Seal};
use spotmill_lambdas::report;
use spotmill_platform::ports::Store;

#[tokio::test]
async fn a_run_is_planned_worked_sealed_published_and_released() {
    let world = World::new().await;
    let last = run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(last.next, Next::Done);
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    assert_eq!((seal.items, seal.rows_written, seal.partitions), (3, 5, 3));
    let manifest: Manifest = world.read(&world.keys("b", 1).manifest()).await;
    assert_eq!((manifest.files.len(), manifest.rows), (3, 5));
    let published = world.store.list(&world.base().join("out/")).await.unwrap();
    let names: Vec<&str> = published.iter().map(|o| o.uri.as_str().rsplit('/').next().unwrap()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&"_SUCCESS"), "{names:?}");
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
    world.store.delete(&manifest.files[0].uri).await.unwrap();
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
        "spotmill start --date 2013-01-01",
    ] {
        assert!(last.cause.contains(part), "{}", last.cause);
    }
    let request = ReportRequest { run: world.run(), root: "r1".into() };
    let reply = report::handle(&world.ctx, request).await.unwrap();
    assert_eq!(reply.outcome, RunOutcome::Failed);
    let told: RunReport = world.read(&reply.report).await;
    assert_eq!((told.steps[0].committed, told.steps[0].failures.len()), (2, 1));
}

#[tokio::test]
async fn accepted_items_are_left_out_said_so_and_come_back_when_accepted_no_more() {
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
    assert_eq!((seal.missing.len(), seal.rows_written), (0, 5));
    let manifest: Manifest = world.read(&world.keys("b", 3).manifest()).await;
    let published = world.store.list(&world.base().join("out/")).await.unwrap();
    assert_eq!((manifest.rows, published.len()), (5, 4), "the earlier generation's files are gone");
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
    assert_eq!((e.error, e.cause.as_str()), (errors::INVALID_INPUT, "`from_step`: there is no step `c`; steps: a, b"));
    let e = world.begin("r1", |i| i.pipeline = "q".into()).await.unwrap_err();
    assert_eq!(e.cause, "no pipeline `q` is deployed; there are: p");
    let e = world.begin("r1", |i| i.date = None).await.unwrap_err();
    assert!(e.cause.contains("date"), "{}", e.cause);
}

/// Published names, without the run's hash.
async fn published(world: &World) -> Vec<String> {
    let listed = world.store.list(&world.base().join("out/")).await.unwrap();
    listed.iter().map(|o| o.uri.as_str().rsplit('/').next().unwrap().to_owned()).collect()
}

async fn run_date(world: &World, root: &str, date: &str) {
    let input = world.base().join(&format!("in/{date}/1.csv"));
    world.store.put(&input, format!("{date},1\n").as_bytes()).await.unwrap();
    let world = world.of_date(date);
    assert_eq!(run_all(&world, root, &|_, _| Work::Commit).await.unwrap().next, Next::Done);
}

#[tokio::test]
async fn n01_dates_that_share_a_destination_keep_to_their_own_files_and_marks() {
    let world = World::new().await;
    // The spec refuses it in the file; a deployed pipeline may say so all the same.
    world.deploy_edited(|p| p.steps[1].output.destination = Some("{out}/b".into())).await;
    run_date(&world, "r1", "2013-02-01").await;
    run_date(&world, "r2", "2013-02-02").await;
    let both = published(&world).await;
    assert_eq!(both.iter().filter(|n| n.starts_with("_SUCCESS.")).count(), 2, "{both:?}");
    assert_eq!(both.len(), 4, "{both:?}");
    // A new generation of the first replaces its own file only.
    let again = world.of_date("2013-02-01");
    again.begin("r3", |i| i.fresh = true).await.unwrap();
    for step in ["a", "b"] {
        assert_eq!(run_step(&again, "r3", step, &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    }
    let after = published(&world).await;
    assert_eq!(after.len(), 4, "{after:?}");
    assert_eq!(after.iter().filter(|n| n.contains("-g2-")).count(), 1, "{after:?}");
    assert_eq!(after.iter().filter(|n| n.contains("-g1-")).count(), 1, "{after:?}");
}

#[tokio::test]
async fn replace_all_leaves_the_last_run_alone_in_its_destination() {
    let world = World::new().await;
    world
        .deploy_edited(|p| {
            p.steps[1].output.destination = Some("{out}/b".into());
            p.steps[1].output.replace_all = true;
        })
        .await;
    world.store.put(&world.base().join("out/b/somebody.txt"), b"else's").await.unwrap();
    run_date(&world, "r1", "2013-02-01").await;
    let first = published(&world).await;
    run_date(&world, "r2", "2013-02-02").await;
    let second = published(&world).await;
    assert_eq!((first.len(), second.len()), (3, 3), "{first:?} {second:?}");
    assert_eq!(first.iter().filter(|n| second.contains(n)).collect::<Vec<_>>(), ["somebody.txt"]);
}

#[tokio::test]
async fn n01_the_mark_is_off_while_files_change_and_on_when_they_stand() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let begun = world.begin("r2", |i| i.fresh = true).await.unwrap();
    assert_eq!(begun.count, 2);
    assert_eq!(run_step(&world, "r2", "a", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    // Step `b` dies after its first write, its second, and so on: a reader looks in between.
    let on = |names: &[String]| names.iter().any(|n| n == "_SUCCESS");
    let mut seen = Vec::new();
    for writes in 1..200 {
        world.store.fail_at(writes, crate::ports::Fault::Die);
        let ended = run_step(&world, "r2", "b", &|_, _| Work::Commit).await;
        world.store.revive();
        let names = published(&world).await;
        let (old, new) = (names.iter().any(|n| n.contains("-g1-")), names.iter().any(|n| n.contains("-g2-")));
        seen.push((old, new));
        assert!(!on(&names) || old != new, "a marked mixture: {names:?}");
        if ended.is_ok() {
            break;
        }
    }
    assert!(seen.contains(&(true, false)) && seen.contains(&(true, true)) && seen.last() == Some(&(false, true)));
}
