//! A fleet that is resized, or switched to on demand: over the wire, and nothing of it outlives its end.

use crate::world::{WITHIN, World};
use spotmill_core::fleet::{FleetNow, FleetRequest, Resize, Target};
use spotmill_local_ec2::{Capacity, Fault, Snapshot};
use spotmill_platform::ports::{FleetError, Fleets};
use std::time::Duration;

async fn inspect(world: &World, request: &FleetRequest) -> FleetNow {
    world.fleets.inspect(request).await.expect("inspect").expect("there is a fleet")
}

fn all_run(world: &World, machines: usize) -> Snapshot {
    world.ec2.wait_for("all run", WITHIN, |seen| seen.running().len() >= machines)
}

#[tokio::test]
async fn idle_machines_go_and_none_is_launched_for_them() {
    let world = World::start().await;
    let request = FleetRequest { max_slots: 8, ..world.request("tail") };
    assert!(world.fleets.inspect(&request).await.expect("inspect").is_none(), "it was never launched");
    world.fleets.launch(&request).await.expect("launch");
    world.ec2.wait_for("the target is met", WITHIN, |seen| {
        seen.fleets.iter().all(|f| f.fulfilled >= 16) && seen.running().len() == seen.living().count()
    });
    let before = inspect(&world, &request).await;
    assert_eq!((before.target, before.zones), (Target { vcpus: 16, on_demand: 0 }, 2));
    assert!(before.types > 10 && before.vcpus() >= 16, "{before:?}");
    assert!(before.machines.iter().all(|m| m.works && m.vcpus >= 2 && !m.on_demand && m.zone.starts_with("us-east-1")));

    let (kept, end): (Vec<_>, Vec<_>) = before.machines.iter().enumerate().partition(|(n, _)| *n == 0);
    let resize = Resize {
        target: Target { vcpus: kept[0].1.vcpus, on_demand: 0 },
        end: end.iter().map(|(_, m)| m.id.clone()).collect(),
    };
    for _ in 0..2 {
        world.fleets.resize(&request, &resize).await.expect("once and again");
    }
    world.ec2.wait_for("one is left", WITHIN, |seen| seen.living().count() == 1);
    // Longer than it takes to replace a machine.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = inspect(&world, &request).await;
    assert_eq!(after.working().map(|m| &m.id).collect::<Vec<_>>(), [&kept[0].1.id]);
    assert_eq!(after.machines.len(), before.machines.len(), "those that ended are shown, none is new");
    assert!(after.machines.iter().filter(|m| !m.works).all(|m| m.reason.contains("UserInitiatedShutdown")));
    world.fleets.end(&request).await.expect("end");
    world.fleets.resize(&request, &resize).await.expect("of a fleet that is gone nothing is left to do");
    world.nothing_is_left();
}

#[tokio::test]
async fn without_spot_capacity_the_remainder_comes_on_demand_and_ends_with_the_fleet() {
    let world = World::start().await;
    let request = world.request("on-demand");
    world.fleets.launch(&request).await.expect("launch");
    all_run(&world, 1);
    world.ec2.wait_for("the target is met", WITHIN, |seen| seen.fleets.iter().all(|f| f.fulfilled >= 6));
    world.ec2.set_capacity(Capacity::None);
    let taken = inspect(&world, &request).await.machines[0].clone();
    world.ec2.kill(&taken.id).expect("kill");
    world.ec2.wait_for("nothing comes for it", WITHIN, |seen| {
        seen.fleets[0].history.iter().any(|e| e.kind == "service-error")
    });
    let missing = 6 - inspect(&world, &request).await.vcpus();
    assert!(missing > 0);
    let target = Target { vcpus: 6, on_demand: missing };
    world.fleets.resize(&request, &Resize { target, end: Vec::new() }).await.expect("resize");
    world.ec2.wait_for("on-demand came", WITHIN, |seen| {
        let living = seen.living_fleets();
        living.map(|f| f.fulfilled).sum::<u32>() >= 6
    });
    let now = inspect(&world, &request).await;
    assert_eq!(now.target, target);
    assert!(now.working().any(|m| m.on_demand), "{now:?}");
    // Said again, it buys no more; and what is bought can be given back.
    world.fleets.resize(&request, &Resize { target, end: Vec::new() }).await.expect("again");
    assert_eq!(world.ec2.snapshot().living_fleets().count(), 2, "spot, and on demand");
    let target = Target { vcpus: 6 - missing, on_demand: 0 };
    let end = now.working().filter(|m| m.on_demand).map(|m| m.id.clone()).collect();
    world.fleets.resize(&request, &Resize { target, end }).await.expect("smaller");
    world.ec2.wait_for("none is on demand", WITHIN, |seen| seen.living().all(|i| !i.on_demand));
    assert_eq!(inspect(&world, &request).await.target, target);
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

/// What EC2 refuses is an error with its words, and ends nothing.
#[tokio::test]
async fn a_fleet_that_is_not_resizable_keeps_its_machines_and_reports_it() {
    let world = World::start().await;
    let request = world.request("rigid");
    world.fleets.launch(&request).await.expect("launch");
    all_run(&world, 1);
    let code = "InvalidTargetCapacitySpecification";
    world.ec2.fault(Fault::refuse("ModifyFleet", None, code, "not today"));
    let before = inspect(&world, &request).await;
    let end = before.working().map(|m| m.id.clone()).collect();
    let resize = Resize { target: Target { vcpus: 1, on_demand: 0 }, end };
    let refused = world.fleets.resize(&request, &resize).await.expect_err("refused");
    let text = refused.to_string();
    assert!(text.contains("it is not resizable") && text.contains("not today"), "{text}");
    assert!(matches!(refused, FleetError::Refused { .. }), "{refused:?}");
    assert_eq!(inspect(&world, &request).await.working().count(), before.working().count());
    // One that is going is no error: there is nothing left to make smaller.
    world.ec2.clear_faults();
    world.ec2.fault(Fault::refuse("ModifyFleet", None, "FleetNotInModifiableState", "it is going"));
    let resize = Resize { end: Vec::new(), ..resize };
    world.fleets.resize(&request, &resize).await.expect("nothing to do");
    world.ec2.clear_faults();
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

/// EC2 keeps the console of boot and end by itself; what a machine writes while it runs has to be asked for.
#[tokio::test]
async fn the_console_of_a_machine_that_runs_can_be_read() {
    let world = World::start().await;
    let request = world.request("console");
    world.fleets.launch(&request).await.expect("launch");
    all_run(&world, 1);
    let machine = inspect(&world, &request).await.machines[0].id.clone();
    let mut tail = None;
    for _ in 0..100 {
        tail = world.fleets.console(&machine).await.expect("console");
        if tail.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(tail.is_some_and(|tail| tail.contains("spotmill:")), "what user data says");
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

#[tokio::test]
async fn prices_are_of_types_and_zones() {
    let world = World::start().await;
    let pool = |instance_type: &str, zone: &str| (instance_type.to_owned(), zone.to_owned());
    let pools = [pool("m7g.xlarge", "us-east-1a"), pool("m7g.xlarge", "us-east-1b"), pool("r7i.2xlarge", "us-east-1a")];
    let prices = world.fleets.prices(&pools).await.expect("prices");
    assert!(prices.iter().all(|usd| usd.is_some_and(|usd| usd > 0.01 && usd < 1.0)), "{prices:?}");
    assert_eq!(world.fleets.prices(&[]).await.expect("none"), []);
    let elsewhere = world.fleets.prices(&[pool("m7g.xlarge", "mars-1a")]).await.expect("prices");
    assert_eq!(elsewhere, [None]);
}
