//! Rounds that are watched: no capacity, mistakes, on-demand after a while, workers that take no work, a budget.

use crate::ports::{Sent, lock};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use serde_json::{Value, json};
use spotmill_core::bounds::{CAPACITY_SECS, HEARTBEAT_SECS, SILENT_SECS, WATCH_SECS};
use spotmill_core::calls::{Caught, Next, RoundRequest, VerdictReply, VerdictRequest, errors};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::{FleetEvent, FleetNow, FleetRequest, MachineNow, Target};
use spotmill_core::keys::RunKeys;
use spotmill_lambdas::{kill_fleet, launch_fleet, reap, report, verdict};

pub const TOKEN: &str = "t";

/// Step `a` of a run, its fleet launched and its three items sent.
pub async fn dispatched(world: &World) -> (RoundRequest, FleetRequest) {
    world.begin("r1", |_| {}).await.unwrap();
    let plan = world.plan("r1", "a").await.unwrap();
    let round = world.round("r1", "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    world.dispatch(&round, TOKEN).await.unwrap();
    let fleet: FleetRequest = world.read(&world.step_keys(&round).fleet(round.epoch, 0)).await;
    stands(world, &fleet, 0);
    (round, fleet)
}

/// The fleet has so many machines of a vCPU, launched now.
pub fn stands(world: &World, fleet: &FleetRequest, machines: usize) {
    let launched_ms = world.ctx.clock.now_ms();
    let machine = |n: usize| MachineNow {
        id: format!("i-{n}"),
        kind: "m7g.medium".into(),
        zone: "us-east-1a".into(),
        vcpus: 1,
        on_demand: false,
        launched_ms,
        works: true,
        reason: String::new(),
    };
    let target = Target { vcpus: fleet.max_slots, on_demand: 0 };
    let now = FleetNow { target, machines: (1..=machines).map(machine).collect(), types: 20, zones: 3 };
    lock(&world.fleets.now).insert(fleet.name.clone(), now);
}

fn service_error(world: &World, sub_kind: &str, text: &str) {
    let (kind, at_ms) = ("service-error".into(), world.ctx.clock.now_ms());
    *lock(&world.fleets.events) = vec![FleetEvent { at_ms, kind, sub_kind: sub_kind.into(), text: text.into() }];
}

pub fn tick() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}

/// Ticks of the watch rule for so long.
async fn pass(world: &World, secs: u64) {
    for _ in 0..secs.div_ceil(WATCH_SECS) {
        world.clock.pass_secs(WATCH_SECS);
        reap::handle(&world.ctx, tick()).await.unwrap();
    }
}

/// The error that the waiting execution got, with its cause; nothing if it still waits.
fn failure(world: &World) -> Option<Caught> {
    let sent = lock(&world.executions.sent);
    let error = sent.iter().find_map(|s| match s {
        Sent::Failure(_, error) => Some(error.clone()),
        _ => None,
    })?;
    Some(Caught { error, cause: lock(&world.executions.causes).first().cloned().unwrap() })
}

fn beats(world: &World) -> usize {
    lock(&world.executions.sent).iter().filter(|s| **s == Sent::Heartbeat(TOKEN.into())).count()
}

/// What the state machine does with what it caught.
async fn ends(world: &World, round: &RoundRequest, caught: Caught) -> VerdictReply {
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    verdict::handle(&world.ctx, VerdictRequest { round: round.clone(), failure: Some(caught) }).await.unwrap()
}

/// What EC2 refuses to sell is told at once; it would be asked for in vain until the round timed out.
#[tokio::test]
async fn on_demand_machines_that_are_refused_end_the_round_with_ec2s_words() {
    let world = World::new().await;
    world.deploy(&format!("{PIPELINE}[fleet]\non_demand_after = \"10m\"\n")).await;
    let _ = dispatched(&world).await;
    *lock(&world.fleets.refuse) = Some("VcpuLimitExceeded: more than 5 vCPUs".to_owned());
    pass(&world, 3 * WATCH_SECS).await;
    let caught = failure(&world).expect("reported");
    assert_eq!(caught.error, errors::REFUSED);
    assert!(caught.cause.contains("VcpuLimitExceeded") && caught.cause.contains("on demand"), "{}", caught.cause);
}

#[tokio::test]
async fn a_step_without_capacity_ends_with_the_true_cause_and_can_be_resumed() {
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    service_error(
        &world,
        "allLaunchSpecsTemporarilyBlacklisted",
        "InsufficientInstanceCapacity: There is no Spot capacity",
    );
    pass(&world, CAPACITY_SECS - WATCH_SECS).await;
    assert_eq!(failure(&world), None, "spare capacity comes and goes");
    pass(&world, WATCH_SECS).await;
    let caught = failure(&world).expect("reported before the heartbeat is missed");
    const { assert!(CAPACITY_SECS + WATCH_SECS < HEARTBEAT_SECS) };
    let verdict = ends(&world, &round, caught).await;
    assert_eq!((verdict.next, verdict.error.as_str()), (Next::Failed, errors::NO_CAPACITY));
    let cause = verdict.cause;
    assert!(cause.starts_with("`a`: no spot capacity for 15 min: 3 vCPUs asked for in 60 pools"), "{cause}");
    assert!(cause.contains("InsufficientInstanceCapacity") && cause.contains("`fleet.on_demand_after`"), "{cause}");
    assert!(
        cause.ends_with("0 items committed and kept. Again: `spotmill start --pipeline p --date 2013-01-01`."),
        "{cause}"
    );
    assert!(!lock(&world.fleets.live).contains(&fleet.name));

    // Later there are machines: the next start does what is left.
    world.executions.end("r1");
    lock(&world.fleets.events).clear();
    let done = crate::drive::run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(done.next, Next::Done);
}

#[tokio::test]
async fn each_mistake_ends_the_step_soon_by_its_own_name() {
    let six = [
        (
            "spotInstanceCountLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            errors::REFUSED,
            "(L-34B43A08) is 5: too small",
            900,
        ),
        ("allLaunchSpecsTemporarilyBlacklisted", "InvalidAMIID.NotFound", errors::REFUSED, "ImageX86", 300),
        ("iamFleetRoleInvalid", "no permission", errors::REFUSED, "service-linked", 300),
        ("spotFleetRequestConfigurationInvalid", "bad", errors::REFUSED, "launch template", 300),
        ("allLaunchSpecsTemporarilyBlacklisted", "UnfulfillableCapacity", errors::NO_CAPACITY, "no spot capacity", 900),
    ];
    for (sub_kind, text, error, word, secs) in six {
        let world = World::new().await;
        let (round, _) = dispatched(&world).await;
        service_error(&world, sub_kind, text);
        pass(&world, secs).await;
        let verdict = ends(&world, &round, failure(&world).expect(text)).await;
        assert_eq!(verdict.error, error, "{text}");
        assert!(verdict.cause.contains(word) && verdict.cause.contains(text), "{}", verdict.cause);
    }
}

#[tokio::test]
async fn machines_that_take_no_work_are_reported_with_their_console() {
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 2);
    *lock(&world.fleets.console) = Some("spotmill: fetching the worker\nAn error occurred (403)".into());
    pass(&world, SILENT_SECS - WATCH_SECS).await;
    assert_eq!(failure(&world), None);
    pass(&world, WATCH_SECS).await;
    let verdict = ends(&world, &round, failure(&world).unwrap()).await;
    assert_eq!(verdict.error, errors::WORKERS_SILENT);
    let ends = "The console of i-1 ends: spotmill: fetching the worker An error occurred (403)";
    assert!(verdict.cause.contains("2 machines started") && verdict.cause.contains(ends), "{}", verdict.cause);
}

#[tokio::test]
async fn workers_that_call_back_are_let_work() {
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 3);
    world.call_back(&round, 0, &[spotmill_core::records::CallbackKind::Alive]).await.unwrap();
    pass(&world, 10 * SILENT_SECS).await;
    assert_eq!(failure(&world), None);
}

/// No tick ever came, or the watch could not act: the verdict asks why nobody was heard of.
#[tokio::test]
async fn silence_is_explained_by_the_verdict_too() {
    let world = World::new().await;
    let (round, _) = dispatched(&world).await;
    service_error(&world, "spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded");
    world.clock.pass_secs(2 * HEARTBEAT_SECS);
    let silent = Caught { error: "States.HeartbeatTimeout".into(), cause: String::new() };
    let verdict = ends(&world, &round, silent.clone()).await;
    assert_eq!((verdict.next, verdict.error.as_str()), (Next::Failed, errors::REFUSED));
    assert!(verdict.cause.contains("L-34B43A08"), "{}", verdict.cause);
    // Of a fleet whose machines worked, silence is worth another round.
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 1);
    world.call_back(&round, 0, &[spotmill_core::records::CallbackKind::Alive]).await.unwrap();
    assert_eq!(ends(&world, &round, silent).await.next, Next::Round);
}

#[tokio::test]
async fn after_its_time_the_remainder_comes_on_demand_and_the_report_says_so() {
    let world = World::new().await;
    world.deploy(&format!("{PIPELINE}[fleet]\non_demand_after = \"1h\"\n")).await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 0);
    service_error(&world, "allLaunchSpecsTemporarilyBlacklisted", "InsufficientInstanceCapacity");
    pass(&world, 3_300).await;
    assert!(lock(&world.fleets.resized).is_empty() && failure(&world).is_none());
    assert!(beats(&world) >= 10, "the execution waits for an hour and is kept alive");
    pass(&world, 300).await;
    let resized = lock(&world.fleets.resized).clone();
    assert_eq!((resized.len(), resized[0].target), (1, Target { vcpus: 3, on_demand: 3 }));
    pass(&world, 300).await;
    assert_eq!(lock(&world.fleets.resized).len(), 1, "once");
    assert_eq!(failure(&world), None);
    let report = report::summarize(&world.ctx, &world.run()).await.unwrap();
    let note = "3 of 3 vCPUs came on demand: no spot capacity for 1 h (`fleet.on_demand_after`)";
    assert_eq!(report.steps[0].notes, [note]);
    kill_fleet::handle(&world.ctx, round).await.unwrap();
    assert!(lock(&world.fleets.live).is_empty(), "one fleet, ended whole");
}

#[tokio::test]
async fn a_spent_budget_ends_the_round_launches_nothing_more_and_can_be_raised() {
    let world = World::new().await;
    let budget = |usd: &str| format!("{PIPELINE}[budget]\nusd_per_run = {usd}\n");
    world.deploy(&budget("0.50")).await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 3);
    world.work(&round, &|item| if item == 0 { Work::Commit } else { Work::Vanish }).await.unwrap();
    // Three machines at $0.36 an hour: half a dollar in half an hour.
    pass(&world, 1_500).await;
    assert_eq!(failure(&world), None);
    pass(&world, 600).await;
    let verdict = ends(&world, &round, failure(&world).unwrap()).await;
    assert_eq!((verdict.next, verdict.error.as_str()), (Next::Failed, errors::OVER_BUDGET));
    assert!(verdict.cause.contains("have cost $0.5") && verdict.cause.contains("budget of $0.50"), "{}", verdict.cause);
    assert!(verdict.cause.contains("1 items committed") || verdict.cause.contains("1 item committed"));
    let life: RoundMachines = world.read(&world.step_keys(&round).machines(round.epoch, 0)).await;
    assert!(life.ended_ms.is_some() && life.machines.values().all(|m| m.ended_ms.is_some()));

    // Another execution launches nothing either, and does not touch what is committed.
    world.executions.end("r1");
    world.begin("r2", |_| {}).await.unwrap();
    let plan = world.plan("r2", "a").await.unwrap();
    assert_eq!(plan.todo, 2);
    let retry = world.round("r2", "a", &plan, 0, 0);
    let e = launch_fleet::handle(&world.ctx, retry.clone()).await.unwrap_err();
    assert_eq!(e.error, errors::OVER_BUDGET);
    assert!(e.cause.contains("raise it and deploy"), "{}", e.cause);
    assert!(lock(&world.fleets.live).is_empty());
    // One start may pass it; or it is raised.
    world.executions.end("r2");
    world.begin("r3", |input| input.over_budget = true).await.unwrap();
    let plan = world.plan("r3", "a").await.unwrap();
    launch_fleet::handle(&world.ctx, world.round("r3", "a", &plan, 0, 0)).await.unwrap();
    world.executions.end("r3");
    world.deploy(&budget("5")).await;
    let done = crate::drive::run_all(&world, "r4", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(done.next, Next::Done);
    let lease = RunKeys::new(&world.ctx.root, &world.run()).lease();
    let lease: spotmill_core::records::Lease = world.read(&lease).await;
    assert!(!lease.over_budget, "for one start only");
}

/// A tick inspects only rounds of executions that run, of the run's latest epoch.
#[tokio::test]
async fn a_round_that_was_overtaken_is_not_watched() {
    let world = World::new().await;
    let (_, fleet) = dispatched(&world).await;
    service_error(&world, "spotFleetRequestConfigurationInvalid", "bad");
    world.plan("r1", "a").await.unwrap();
    lock(&world.fleets.live).insert(fleet.name.clone());
    pass(&world, 2 * CAPACITY_SECS).await;
    assert_eq!(failure(&world), None);
}
