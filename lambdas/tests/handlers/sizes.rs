//! How many machines a round asks for: what runs leave in their pipeline's history, what becomes of it, and the limit
//! that all fleets of a stack share.

use crate::drive::{run_all, run_step};
use crate::ports::{Fault, lock};
use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::{PlanWorkReply, RoundRequest, RunInput, errors};
use spotmill_core::fleet::Architecture;
use spotmill_core::fleet::capacity::Capacity;
use spotmill_core::history::{History, PastRun, PastStep};
use spotmill_core::keys;
use spotmill_core::records::{Deployed, Foreseen, Plan};
use spotmill_ec2::FleetPlace;
use spotmill_lambdas::fleet_preview::{Asks, fleets};
use spotmill_lambdas::preview::preview;
use spotmill_lambdas::{kill_fleet, launch_fleet};
use spotmill_platform::ports::{FleetRequest, Store};

async fn history(world: &World) -> Option<History> {
    let found = world.store.get(&keys::history(&world.ctx.root, "p")).await.ok()?;
    Some(serde_json::from_slice(&found.body).unwrap())
}

/// A run of step `a` as it may have been.
async fn remember(world: &World, edit: impl FnOnce(&mut PastStep)) {
    let mut step = PastStep {
        items: 3,
        input_bytes: 20,
        vcpus: 1,
        cpu_ms: 1,
        slot_ms: 1_000,
        peak_bytes: 1 << 30,
        peak_per_byte: None,
    };
    edit(&mut step);
    let run = PastRun { run: "p/2012-12-31".into(), ended_ms: 0, steps: [("a".to_owned(), step)].into() };
    let body = serde_json::to_vec(&History::default().with(run)).unwrap();
    world.store.put(&keys::history(&world.ctx.root, "p"), &body).await.unwrap();
}

async fn planned(world: &World) -> (PlanWorkReply, RoundRequest) {
    world.begin("x", |_| {}).await.unwrap();
    let plan = world.plan("x", "a").await.unwrap();
    let round = world.round("x", "a", &plan, 0, plan.rung);
    (plan, round)
}

async fn launched(world: &World, round: &RoundRequest) -> FleetRequest {
    launch_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    world.read(&world.step_keys(round).fleet(round.epoch, round.round)).await
}

#[tokio::test]
async fn a_run_that_succeeds_is_remembered_once_and_one_that_fails_is_not() {
    let world = World::new().await;
    run_all(&world, "x1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    assert_eq!(history(&world).await, None, "a failed run leaves nothing to later ones");
    for root in ["x2", "x3"] {
        world.executions.end("x1");
        run_all(&world, root, &|_, _| Work::Commit).await.unwrap();
        world.executions.end(root);
    }
    let history = history(&world).await.expect("a history");
    assert_eq!(history.runs.len(), 1, "the same run is one");
    let a = &history.runs[0].steps["a"];
    assert_eq!((a.items, a.input_bytes, a.vcpus), (3, 20, 1));
}

#[tokio::test]
async fn a_run_without_some_items_measures_nothing() {
    let world = World::new().await;
    run_all(&world, "x1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("x1");
    let begun = world.begin("x2", |input| drop(input.accept.insert("a".into(), vec![1]))).await.unwrap();
    for step in ["a", "b"] {
        run_step(&world, "x2", step, &|_, _| Work::Commit).await.unwrap();
    }
    let request = spotmill_core::calls::ReportRequest { run: begun.run, root: "x2".into() };
    spotmill_lambdas::report::handle(&world.ctx, request).await.unwrap();
    let steps = &history(&world).await.expect("a history").runs[0].steps;
    assert!(!steps.contains_key("a") && steps.contains_key("b"), "{steps:?}");
}

#[tokio::test]
async fn a_history_that_cannot_be_read_or_written_stops_nobody() {
    let world = World::new().await;
    let uri = keys::history(&world.ctx.root, "p");
    world.store.put(&uri, b"{\"v\": 1, \"runs\": 7}").await.unwrap();
    run_all(&world, "x", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(history(&world).await.expect("a history").runs.len(), 1, "what nobody can read is replaced");
}

#[tokio::test]
async fn a_fleet_is_as_large_as_its_work_and_never_larger_than_its_items() {
    let mut world = World::new().await;
    remember(&world, |_| ()).await;
    let (_, round) = planned(&world).await;
    assert_eq!(launched(&world, &round).await.max_slots, 3, "machines that are here already cost nothing");
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();

    world.ctx.settings.boot_secs = Some(60);
    let small = launched(&world, &RoundRequest { round: 1, ..round.clone() }).await;
    assert_eq!(small.max_slots, 1);
    assert!(small.because.starts_with("1 slot of at most 3: 20 bytes hold a slot for about 1 s"), "{}", small.because);

    remember(&world, |step| step.slot_ms = u64::MAX / 2).await;
    let large = launched(&world, &RoundRequest { round: 2, ..round }).await;
    assert_eq!(large.max_slots, 3, "{}", large.because);
}

#[tokio::test]
async fn a_deadline_makes_a_fleet_larger_and_later_rounds_have_what_is_left_of_it() {
    let mut world = World::new().await;
    world.ctx.settings.boot_secs = Some(60);
    world.deploy_edited(|p| p.steps[0].deadline_secs = Some(1_260)).await;
    // 1,200 s are left to do 1,000 s of work, with half as much again to spare.
    remember(&world, |step| step.slot_ms = 1_000_000).await;
    let (_, round) = planned(&world).await;
    assert_eq!(launched(&world, &round).await.max_slots, 2);
    world.clock.pass_secs(500);
    let later = launched(&world, &RoundRequest { round: 1, ..round }).await;
    assert_eq!(later.max_slots, 3, "{}", later.because);
}

#[tokio::test]
async fn a_slots_vcpus_count_against_max_vcpus_not_the_items_own() {
    let world = World::new().await;
    world
        .deploy_edited(|p| {
            p.fleet.max_vcpus = Some(8);
            for step in &mut p.steps {
                (step.resources.memory_bytes, step.resources.max_memory_bytes) = (32 << 30, 32 << 30);
            }
        })
        .await;
    let (_, round) = planned(&world).await;
    let fleet = launched(&world, &round).await;
    let vcpus = spotmill_ec2::machines::slot_vcpus(&fleet) * fleet.max_slots;
    assert_eq!((fleet.max_slots, vcpus), (2, 8), "32 GiB are 4 vCPUs of any machine");
}

#[tokio::test]
async fn a_new_plan_packs_by_the_measured_memory_and_a_frozen_one_stays() {
    let world = World::new().await;
    world.deploy_edited(|p| p.steps[0].input.item_bytes = None).await;
    let megabytes = "x,1\n".repeat(6_000_000 / 4);
    for name in ["1.csv", "2.csv", "3.csv"] {
        world.input(name, &megabytes).await;
    }
    let (plan, round) = planned(&world).await;
    assert_eq!(plan.todo, 1, "18 MB are one item by default");
    let uri = world.step_keys(&round).plan();
    let frozen: Plan = world.read(&uri).await;
    assert_eq!(frozen.sizes.map(|s| (s.median, s.largest)), Some((18_000_000, 18_000_000)));

    // A gigabyte of memory for a megabyte of input: as small as packing goes.
    remember(&world, |step| step.peak_per_byte = Some(1_000.0)).await;
    assert_eq!(world.plan("x", "a").await.unwrap().todo, 1, "a frozen plan never changes");
    assert_eq!(world.read::<Plan>(&uri).await, frozen);
    world.executions.end("x");
    world.begin("y", |input| input.fresh = true).await.unwrap();
    let plan = world.plan("y", "a").await.unwrap();
    assert_eq!(plan.todo, 2, "12 MB and 6 MB");
    let plan: Plan = world.read(&world.step_keys(&world.round("y", "a", &plan, 0, 0)).plan()).await;
    assert!(plan.packing.as_deref().is_some_and(|why| why.starts_with("items of 15.3 MiB instead of")), "{plan:?}");
}

#[tokio::test]
async fn a_step_begins_on_the_rung_that_its_items_are_foreseen_to_need() {
    let world = World::new().await;
    // The largest items read 8 bytes; a GiB holds the engine and 0.9 GB.
    remember(&world, |step| step.peak_per_byte = Some(150e6)).await;
    let (plan, round) = planned(&world).await;
    assert_eq!(plan.rung, 1);
    assert_eq!(launched(&world, &round).await.memory_bytes_per_item, 2 << 30);
    let unmeasured = World::new().await;
    assert_eq!(planned(&unmeasured).await.0.rung, 0);
}

/// Three items of a vCPU each, under a limit; another date's fleet holds what it may.
async fn two_runs(most: u32) -> (World, World, RoundRequest, RoundRequest) {
    let mut world = World::new().await;
    world.ctx.settings.max_vcpus = Some(most);
    let other = world.of_date("2013-01-02");
    for name in ["1.csv", "2.csv", "3.csv"] {
        let uri = world.base().join(&format!("in/2013-01-02/{name}"));
        world.store.put(&uri, b"x,1\ny,2\n").await.unwrap();
    }
    let (_, one) = planned(&world).await;
    let (_, two) = planned(&other).await;
    (world, other, one, two)
}

#[tokio::test]
async fn what_does_not_fit_under_the_limit_is_asked_for_smaller() {
    let (world, other, one, two) = two_runs(5).await;
    assert_eq!(launched(&world, &one).await.max_slots, 3);
    let second = launched(&other, &two).await;
    assert_eq!(second.max_slots, 2);
    let why = "3 slots: one an item; only 2: `MaxVcpus` of the stack is 5, and 3 are held: p/2013-01-01 a 3";
    assert_eq!(second.because, why);
}

#[tokio::test]
async fn who_finds_no_room_waits_and_reports_for_whom() {
    let (world, other, one, two) = two_runs(3).await;
    launched(&world, &one).await;
    let full = launch_fleet::handle(&other.ctx, two.clone()).await.unwrap_err();
    assert_eq!(full.error, errors::AT_CAPACITY);
    assert!(full.cause.contains("3 are held: p/2013-01-01 a 3"), "{}", full.cause);
    assert_eq!(lock(&world.fleets.asked).len(), 1, "nothing was asked for");
    assert!(world.store.get(&other.step_keys(&two).fleet(two.epoch, 0)).await.is_err(), "nor written down");

    kill_fleet::handle(&world.ctx, one).await.unwrap();
    assert_eq!(launched(&other, &two).await.max_slots, 3, "an ended fleet holds nothing, however short ago it began");
}

#[tokio::test]
async fn a_grant_counts_before_its_fleet_is_seen_and_no_longer_than_that() {
    let (world, other, one, two) = two_runs(3).await;
    launched(&world, &one).await;
    lock(&world.fleets.live).clear();
    let full = launch_fleet::handle(&other.ctx, two.clone()).await.unwrap_err();
    assert_eq!(full.error, errors::AT_CAPACITY, "EC2 may not show the fleet yet");
    world.clock.pass_secs(301);
    assert_eq!(launched(&other, &two).await.max_slots, 3);
    let capacity: Capacity = world.read(&keys::capacity(&world.ctx.root)).await;
    assert_eq!(capacity.grants.len(), 1, "old grants are forgotten");
}

#[tokio::test]
async fn a_launch_that_is_repeated_asks_for_what_it_asked_for() {
    let (world, _, one, _) = two_runs(2).await;
    // Its grant and its record are two writes; a reply is lost at each.
    for write in 1..=2 {
        world.store.fail_at(write, Fault::LoseReply);
        assert_eq!(launched(&world, &one).await.max_slots, 2);
        world.store.revive();
    }
    assert_eq!(lock(&world.fleets.asked).len(), 1);
}

#[tokio::test]
async fn a_slot_that_can_never_fit_is_refused() {
    let (mut world, ..) = two_runs(64).await;
    world.ctx.settings.max_vcpus = Some(1);
    world.deploy_edited(|p| p.steps[0].resources.vcpus = 2).await;
    let fresh = world.of_date("2013-01-01");
    world.executions.end("x");
    fresh.begin("y", |_| {}).await.unwrap();
    let plan = fresh.plan("y", "a").await.unwrap();
    let refused = launch_fleet::handle(&fresh.ctx, fresh.round("y", "a", &plan, 0, 0)).await.unwrap_err();
    assert_eq!(refused.error, errors::REFUSED);
    assert!(refused.cause.contains("takes 2 vCPUs and `MaxVcpus` of the stack is 1"), "{}", refused.cause);
}

#[tokio::test]
async fn what_a_start_would_ask_for_is_what_it_asks_for() {
    let mut world = World::new().await;
    world.ctx.settings.boot_secs = Some(60);
    remember(&world, |step| (step.slot_ms, step.peak_per_byte) = (1_000_000, Some(150e6))).await;
    let deployed: Deployed = world.read(&keys::deployed(&world.ctx.root, "p")).await;
    let frozen =
        world.store.get(&keys::deployed_pipeline(&world.ctx.root, "p", &deployed.pipeline_digest)).await.unwrap();
    let pipeline = spotmill_spec::thaw(std::str::from_utf8(&frozen.body).unwrap()).unwrap();
    let input = RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), ..RunInput::default() };
    let steps = preview(&world.ctx, &frozen.body, &deployed.worker, &input, &Foreseen::default()).await.unwrap();
    let place = FleetPlace {
        stack: "s".into(),
        root: "s3://b".into(),
        region: "r".into(),
        templates: [(Architecture::X86_64, "lt-1".into())].into(),
        subnets: vec!["1".into(), "2".into()],
        visibility_secs: 120,
    };
    let previews = fleets(&world.ctx, &pipeline, &steps, &deployed.worker.programs, &place).await;
    let fleet = |n: usize| match &previews[n].asks {
        Asks::Machines(fleet) => (**fleet).clone(),
        Asks::Nothing => panic!("{previews:?}"),
    };
    let (a, b) = (fleet(0), fleet(1));
    let (_, round) = planned(&world).await;
    let asked = launched(&world, &round).await;
    assert_eq!((a.request.max_slots, &a.request.because), (asked.max_slots, &asked.because));
    assert_eq!(a.request.memory_bytes_per_item, asked.memory_bytes_per_item);
    assert_eq!((a.items, a.input_bytes, a.machines.as_ref().unwrap().zones), (Some(3), 20, 2));
    assert!(a.memory.is_some() && a.estimate.is_some_and(|e| e.secs > 60));
    assert_eq!((b.items, b.foreseen, b.estimate), (None, true, None), "b waits for a, and was never measured");
}
