//! Nothing is left: not of a deleted fleet, whatever its processes did, and not of an endpoint that is dropped.

use crate::harness::{Harness, IDLE, lives, pids};
use aws_sdk_ec2::types::FleetStateCode;
use spotmill_local_ec2::{FleetState, InstanceState, LocalEc2Config};

/// Ignores SIGTERM, and has a child, a child in a session of its own, and an orphan with another environment.
const STUBBORN: &str = r#"#!/bin/bash
trap '' TERM
sleep 1000 &
echo $! > pids.part
setsid sleep 1001 &
echo $! >> pids.part
bash -c 'env -i sleep 1002 & echo $! >> pids.part'
echo $$ >> pids.part
mv pids.part pids
while true; do sleep 0.1; done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_fleet_leaves_no_process() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(STUBBORN, 4).await;
    let all: Vec<u32> = seen.running().iter().flat_map(|i| pids(&i.dir.join("pids"), 4)).collect();
    assert!(all.iter().all(|pid| lives(*pid)));
    let deleted = at.ec2.delete_fleets().fleet_ids(&fleet).terminate_instances(true).send().await.unwrap();
    let deleted = &deleted.successful_fleet_deletions()[0];
    assert_eq!(deleted.current_fleet_state(), Some(&FleetStateCode::DeletedTerminatingInstances));
    assert_eq!(deleted.previous_fleet_state(), Some(&FleetStateCode::Active));
    let seen = at.wait_for("deleted", |seen| seen.fleets[0].state == FleetState::Deleted);
    assert!(seen.instances.iter().all(|i| i.state == InstanceState::Terminated));
    assert!(!all.iter().any(|pid| lives(*pid)), "left: {all:?}");
    assert_eq!(seen.instances.len(), 2, "nobody was replaced");

    let repeated = at.ec2.delete_fleets().fleet_ids(&fleet).fleet_ids("fleet-none").terminate_instances(true);
    let repeated = repeated.send().await.unwrap();
    let codes = repeated.unsuccessful_fleet_deletions().iter().map(|f| f.error().unwrap().code().unwrap().as_str());
    let codes: Vec<_> = codes.collect();
    assert_eq!(codes, ["fleetNotInDeletableState", "fleetIdDoesNotExist"]);
    let described = at.ec2.describe_fleets().fleet_ids(&fleet).send().await.unwrap();
    assert_eq!(described.fleets()[0].fleet_state(), Some(&FleetStateCode::Deleted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_leaves_no_process() {
    let at = Harness::start().await;
    let (_, seen) = at.running(STUBBORN, 2).await;
    let all = pids(&seen.running()[0].dir.join("pids"), 4);
    at.local.kill(&seen.instances[0].id).unwrap();
    at.wait_for("gone", |seen| seen.instances[0].ended_ms.is_some());
    assert!(!all.iter().any(|pid| lives(*pid)), "left: {all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_deleted_without_its_instances_leaves_them_and_replaces_none() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(IDLE, 4).await;
    at.ec2.delete_fleets().fleet_ids(&fleet).terminate_instances(false).send().await.unwrap();
    assert_eq!(at.local.snapshot().fleets[0].state, FleetState::DeletedRunning);
    at.local.kill(&seen.instances[0].id).unwrap();
    at.wait_for("one ended", |seen| seen.living().count() == 1);
    at.delete(&fleet).await;
    let seen = at.wait_for("deleted", |seen| seen.fleets[0].state == FleetState::Deleted);
    assert_eq!(seen.instances.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_endpoint_leaves_no_process() {
    let at = Harness::start().await;
    let (_, seen) = at.running(STUBBORN, 4).await;
    let all: Vec<u32> = seen.running().iter().flat_map(|i| pids(&i.dir.join("pids"), 4)).collect();
    drop(at);
    assert!(!all.iter().any(|pid| lives(*pid)), "left: {all:?}");
}

/// A main process that forks and exits at once, over and over, while it is searched for.
const FORKING: &str = "#!/bin/bash\nfor n in {1..20}; do sleep 1003 & echo $! >> ../forked; done\nexit 3\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_dropped_amid_forks_leaves_no_process() {
    for _ in 0..5 {
        let root = tempfile::tempdir().unwrap();
        let forked = root.path().join("forked");
        let config = LocalEc2Config { root: Some(root.path().to_owned()), ..LocalEc2Config::default() };
        let at = Harness::with(config).await;
        at.fleet("forking", FORKING, 8).await.send().await.unwrap();
        at.wait_for("some ended", |seen| seen.instances.len() > 4);
        drop(at);
        let text = std::fs::read_to_string(&forked).unwrap();
        let left: Vec<u32> = text.lines().filter_map(|pid| pid.parse().ok()).filter(|pid| lives(*pid)).collect();
        assert!(left.is_empty(), "{left:?} of {} processes", text.lines().count());
    }
}
