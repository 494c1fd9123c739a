//! A step of very many items through the functions that see them all: planned, its machines asked for, dispatched, a
//! second round for what the first left, a restart in the middle of it, and judged by its receipts and sealed; and one of
//! which every item fails. Within half of the memory and time that the stack gives a function, each in a process of its own. Objects, receipts, failures and queues are synthesized on demand, and large ones lie
//! on disk, so that the memory measured is the functions' own; their line is slow, in a time of its own (`slow`).
//! Fifty thousand items by default, beside fewer, from which a million follows; the most a step may have (docs/many-items.md):
//!
//!     SPOTMILL_SCALE=1000000 cargo test -p spotmill-lambdas --test scale -- --nocapture

mod measured;
mod sent;
mod slow;
mod synthetic;

use measured::{Phase, grows_evenly, hold, measured, print};
use sent::Sent;
use slow::Meter;
use spotmill_core::bounds::MAX_ITEMS;
use spotmill_core::calls::*;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::records::{Plan, Seal};
use spotmill_lambdas::{Ctx, begin, dispatch_work, kill_fleet, launch_fleet, plan_work, verdict};
use spotmill_platform::records;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use synthetic::{LEFT, Made, Stage, world};

const ITEMS: u32 = 50_000;
const FEW: u32 = 12_500;

/// `goes_on` or `fails`, how many items, and the file for what was measured.
const SCENARIO: &str = "SPOTMILL_SCALE_SCENARIO";

#[test]
fn a_step_of_many_items_fits_a_function() {
    let items: u32 = std::env::var("SPOTMILL_SCALE").map_or(ITEMS, |n| n.parse().unwrap());
    assert!((ITEMS..=MAX_ITEMS).contains(&items), "from {ITEMS} to {MAX_ITEMS}");
    let both = |items| [of("goes_on", items), of("fails", items)].concat();
    let (few, many) = (both(FEW), both(items));
    print(items, &many);
    hold(&many);
    grows_evenly((FEW, &few), (items, &many));
}

/// What a scenario measured in a process of its own: no other's memory is in its way.
fn of(scenario: &str, items: u32) -> Vec<Phase> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "a_scenario_in_a_process_of_its_own", "--nocapture"]);
    let asked = format!("{scenario} {items} {}", file.path().display());
    let ran = program.env(SCENARIO, asked).output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_scenario_in_a_process_of_its_own() {
    let Ok(asked) = std::env::var(SCENARIO) else { return };
    let [scenario, items, file] = asked.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let items = items.parse().unwrap();
    let phases = if scenario == "fails" { failing(items).await } else { going_on(items).await };
    std::fs::write(file, serde_json::to_vec(&phases).unwrap()).unwrap();
}

/// A step that is planned and dispatched, and what its parts are.
struct Begun {
    made: Arc<Made>,
    sent: Arc<Sent>,
    meter: Arc<Meter>,
    ctx: Ctx,
    keys: StepKeys,
    input: RunInput,
    request: PlanWorkRequest,
    first: RoundRequest,
    _dir: tempfile::TempDir,
}

async fn dispatched(all: &mut Vec<Phase>, items: u32) -> Begun {
    let dir = tempfile::tempdir().unwrap();
    let made = Arc::new(Made::new(dir.path(), items));
    let (sent, meter) = (Arc::new(Sent::default()), Arc::new(Meter::default()));
    let (ctx, m) = (world(made.clone(), sent.clone(), meter.clone()).await, &meter);
    let input = RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), ..RunInput::default() };
    let begun = begin::handle(&ctx, BeginRequest { input: input.clone(), root: "died".into() }).await.unwrap();
    let (run, step) = (begun.run, begun.steps[0].clone());
    let request = PlanWorkRequest { run, step, root: "died".into(), execution: "e".into() };
    let planned = measured(all, m, "PlanWork", plan_work::handle(&ctx, request.clone())).await.unwrap();
    assert_eq!(planned.todo, items);
    let keys = RunKeys::new(&ctx.root, &request.run).step(&request.step, planned.generation);
    let (plan, _) = records::load::<Plan>(&*ctx.store, &keys.plan()).await.unwrap().unwrap();
    made.know(&keys, plan);
    let first = round(&request, &planned, 0);
    measured(all, m, "LaunchFleet", launch_fleet::handle(&ctx, first.clone())).await.unwrap();
    measured(all, m, "DispatchWork", dispatch_work::handle(&ctx, asked(&first))).await.unwrap();
    assert_eq!(sent.take(), u64::from(items));
    kill_fleet::handle(&ctx, first.clone()).await.unwrap();
    Begun { made, sent, meter, ctx, keys, input, request, first, _dir: dir }
}

/// Every item fails for good, each with a record of why.
async fn failing(items: u32) -> Vec<Phase> {
    let mut all = Vec::new();
    let Begun { made, meter, ctx, first, _dir, .. } = dispatched(&mut all, items).await;
    made.reach(Stage::Failed);
    let mut judged = Vec::new();
    let verdict = verdict::handle(&ctx, judge(&first));
    let reply = measured(&mut judged, &meter, "Verdict: every item failed", verdict).await.unwrap();
    let count = spotmill_core::format::count(u64::from(items), "item");
    assert!(
        reply.next == Next::Failed && reply.cause.contains(&format!("{items} of {count} of `a` failed")),
        "{reply:?}"
    );
    judged
}

/// A whole step, and what each call took.
async fn going_on(items: u32) -> Vec<Phase> {
    let all = &mut Vec::new();
    let Begun { made, sent, meter, ctx, keys, input, request, first, _dir } = dispatched(all, items).await;
    let m = &meter;
    let left = (0..items).filter(|item| item % LEFT == 7).count() as u32;
    made.reach(Stage::FirstRound);
    let judged = measured(all, m, "Verdict: another round", verdict::handle(&ctx, judge(&first))).await.unwrap();
    assert_eq!((judged.next, judged.round), (Next::Round, 1));

    let second = RoundRequest { round: 1, ..first };
    measured(all, m, "LaunchFleet, second round", launch_fleet::handle(&ctx, second.clone())).await.unwrap();
    measured(all, m, "DispatchWork, second round", dispatch_work::handle(&ctx, asked(&second))).await.unwrap();
    assert_eq!(sent.take(), u64::from(left));

    // The execution dies in the middle of it: a resume checks every input again.
    made.reach(Stage::Half);
    let again = BeginRequest { input, root: "r".into() };
    measured(all, m, "Begin, resumed", begin::handle(&ctx, again)).await.unwrap();
    let request = PlanWorkRequest { root: "r".into(), ..request };
    let planned = measured(all, m, "PlanWork, resumed", plan_work::handle(&ctx, request.clone())).await.unwrap();
    assert_eq!(planned.todo, left / 2);
    let third = round(&request, &planned, 0);
    measured(all, m, "LaunchFleet, resumed", launch_fleet::handle(&ctx, third.clone())).await.unwrap();
    measured(all, m, "DispatchWork, resumed", dispatch_work::handle(&ctx, asked(&third))).await.unwrap();
    assert_eq!(sent.take(), u64::from(left / 2));
    assert_eq!(sent.failures.load(Ordering::SeqCst), 0);
    assert!(sent.resent.load(Ordering::SeqCst) > 0, "some were refused and sent again");

    made.reach(Stage::Everything);
    let judged = measured(all, m, "Verdict: the seal", verdict::handle(&ctx, judge(&third))).await.unwrap();
    assert_eq!((judged.next, judged.cause.as_str()), (Next::Done, ""));
    let (seal, _) = records::load::<Seal>(&*ctx.store, &keys.seal()).await.unwrap().unwrap();
    assert_eq!((seal.items, seal.files, seal.rows.written), (items, u64::from(items), u64::from(items) * 10));
    std::mem::take(all)
}

fn round(request: &PlanWorkRequest, planned: &PlanWorkReply, round: u32) -> RoundRequest {
    RoundRequest {
        run: request.run.clone(),
        step: request.step.clone(),
        root: request.root.clone(),
        generation: planned.generation,
        epoch: planned.epoch,
        round,
        rung: 0,
    }
}

fn judge(round: &RoundRequest) -> VerdictRequest {
    VerdictRequest { round: round.clone(), failure: None }
}

fn asked(round: &RoundRequest) -> DispatchRequest {
    DispatchRequest { round: round.clone(), token: "t".into() }
}
