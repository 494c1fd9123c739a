//! What EC2 reports by itself is beside the round's records within one call, and those who explain read it.

use crate::ports::{Fault, lock};
use crate::watches::{dispatched, stands, tick};
use crate::world::World;
use serde_json::{Value, json};
use spotmill_core::bounds::HEARTBEAT_SECS;
use spotmill_core::calls::{Caught, VerdictRequest, errors};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_lambdas::fleet_events::{FleetEventsReply, handle};
use spotmill_lambdas::{kill_fleet, reap, report, verdict};

fn error(fleet: &str, sub_type: &str, text: &str) -> Value {
    json!({
        "source": "aws.ec2fleet", "detail-type": "EC2 Fleet Error", "time": "2024-03-10T09:00:05Z",
        "resources": [format!("arn:aws:ec2:us-east-1:123456789012:fleet/fleet-{fleet}")],
        "detail": {"sub-type": sub_type, "description": text}
    })
}

fn warning(machine: &str) -> Value {
    json!({
        "source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning", "time": "2024-03-10T09:00:05Z",
        "detail": {"instance-id": machine, "instance-action": "terminate"}
    })
}

#[tokio::test]
async fn an_error_is_in_the_report_at_once_and_is_the_cause_that_verdict_names() {
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    // EC2's history does not show it yet, or not any more.
    let reply = handle(&world.ctx, error(&fleet.name, "iamFleetRoleInvalid", "no permission")).await.unwrap();
    assert_eq!(reply, FleetEventsReply { fleet: Some(fleet.name.clone()) });
    let report = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!(report.steps[0].notes, ["EC2 reported of the fleet: iamFleetRoleInvalid: no permission"]);

    world.clock.pass_secs(2 * HEARTBEAT_SECS);
    let silent = Caught { error: "States.HeartbeatTimeout".into(), cause: String::new() };
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    let verdict = verdict::handle(&world.ctx, VerdictRequest { round, failure: Some(silent) }).await.unwrap();
    assert_eq!(verdict.error, errors::REFUSED);
    assert!(verdict.cause.contains("no permission") && verdict.cause.contains("service-linked"), "{}", verdict.cause);
}

#[tokio::test]
async fn the_watch_reads_it_too() {
    let world = World::new().await;
    let (_, fleet) = dispatched(&world).await;
    handle(&world.ctx, error(&fleet.name, "iamFleetRoleInvalid", "no permission")).await.unwrap();
    for _ in 0..2 {
        world.clock.pass_secs(spotmill_core::bounds::WATCH_SECS);
        reap::handle(&world.ctx, tick()).await.unwrap();
    }
    let causes = lock(&world.executions.causes).clone();
    assert!(causes[0].contains("no permission") && causes[0].contains("service-linked"), "{causes:?}");
}

#[tokio::test]
async fn machines_that_are_taken_back_are_counted_each_once() {
    let world = World::new().await;
    let (round, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 3);
    for machine in ["i-1", "i-2", "i-1"] {
        handle(&world.ctx, warning(machine)).await.unwrap();
    }
    let life: RoundMachines = world.read(&world.step_keys(&round).machines(round.epoch, 0)).await;
    assert_eq!(life.notices.len(), 2);
    let report = report::summarize(&world.ctx, &world.run()).await.unwrap();
    let note = "EC2 took back 2 machines (spot interruptions); what they held went back to the queue";
    assert_eq!(report.steps[0].notes, [note]);
}

#[tokio::test]
async fn what_is_not_this_stacks_is_passed_over() {
    let world = World::new().await;
    let (_, fleet) = dispatched(&world).await;
    stands(&world, &fleet, 1);
    for event in [error("other", "x", "y"), warning("i-9"), tick(), json!(null)] {
        assert_eq!(handle(&world.ctx, event).await.unwrap(), FleetEventsReply::default());
    }
    assert!(report::summarize(&world.ctx, &world.run()).await.unwrap().steps[0].notes.is_empty());
}

/// Lambda delivers again what failed or died; it is recorded once.
#[tokio::test]
async fn a_call_that_dies_is_repeated() {
    for fault in [Fault::Refuse, Fault::LoseReply, Fault::Die] {
        let world = World::new().await;
        let (round, fleet) = dispatched(&world).await;
        world.store.fail_at(1, fault);
        let _ = handle(&world.ctx, error(&fleet.name, "x", "y")).await;
        world.store.revive();
        handle(&world.ctx, error(&fleet.name, "x", "y")).await.unwrap();
        let life: RoundMachines = world.read(&world.step_keys(&round).machines(round.epoch, 0)).await;
        assert_eq!(life.notices.len(), 1, "{fault:?}");
    }
}
