//! Why a fleet has nothing, over the wire: each cause is made to happen, read back from the fleet's history, its
//! machines or their consoles, and gives its own message.

use crate::world::{WITHIN, World};
use spotmill_core::calls::errors;
use spotmill_core::command::Caller;
use spotmill_core::fleet::FleetRequest;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_ec2::cause::{Cause, Story, cause};
use spotmill_ec2::watch::{Watch, Watched, decide, needed};
use spotmill_local_ec2::{Capacity, LaunchError, Spelling};
use spotmill_platform::ports::Fleets;

/// What the watch reports of the fleet, as if it had been so for a day: the error and its message.
async fn reported(world: &World, request: &FleetRequest) -> (&'static str, String) {
    let fleet = world.fleets.inspect(request).await.expect("inspect").expect("there is a fleet");
    let events = world.fleets.events(request).await.expect("history");
    let mut life = RoundMachines::default();
    let now_ms = request.asked_ms() + 86_400_000;
    let needs = needed(&fleet, request, u64::MAX);
    life.watch(fleet.vcpus(), needs, request.asked_ms(), now_ms);
    let watched = Watched { request, fleet: &fleet, events: &events, life: &life, heard: false, now_ms };
    let Watch::Stop { finding, secs } = decide(&watched, needs) else { panic!("{fleet:?} {events:?}") };
    let mut console = None;
    if finding.cause == Cause::Silent {
        let machine = fleet.machines.first().expect("a machine");
        console = world.fleets.console(&machine.id).await.expect("console").map(|tail| (machine.id.clone(), tail));
    }
    let console = console.as_ref().map(|(id, tail)| (id.as_str(), tail.as_str()));
    let caller = Caller::new("aws");
    let story = Story { request, fleet: &fleet, waited_secs: secs, console, quota_vcpus: None, caller: &caller };
    (finding.error(), finding.text(&story))
}

/// Launches and waits until EC2 reports an error.
async fn failing(world: &World, name: &str) -> FleetRequest {
    let request = world.request(name);
    world.fleets.launch(&request).await.expect("launch");
    world.ec2.wait_for("the error is recorded", WITHIN, |seen| {
        let ours = seen.fleets.iter().filter(|f| f.tags["spotmill:fleet"] == *name);
        ours.flat_map(|f| &f.history).any(|e| e.kind == "service-error")
    });
    request
}

#[track_caller]
fn check((error, text): (&str, String), expected: &str, parts: &[&str]) {
    assert_eq!(error, expected, "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[tokio::test]
async fn no_spot_capacity() {
    let world = World::start().await;
    world.ec2.set_capacity(Capacity::None);
    let request = failing(&world, "capacity").await;
    let parts = ["no spot capacity for 24 h", "6 vCPUs asked for in", "in 2 zones)", "InsufficientInstanceCapacity"];
    check(reported(&world, &request).await, errors::NO_CAPACITY, &parts);
    // It is reported after the fleet has ended as well: then Verdict asks.
    world.fleets.end(&request).await.expect("end");
    let events = world.fleets.events(&request).await.expect("history of an ended fleet");
    assert_eq!(cause(&events, &[]).map(|f| f.cause), Some(Cause::Capacity));
    world.nothing_is_left();
}

/// EC2's model and its samples spell a history's kinds differently; a mistake is told from a lack of capacity in both.
#[tokio::test]
async fn a_quota_in_the_spelling_of_spot_fleet() {
    let world = World::start().await;
    world.ec2.spell_history(Spelling::Samples);
    the_quota_is_reported(&world).await;
}

#[tokio::test]
async fn a_quota() {
    the_quota_is_reported(&World::start().await).await;
}

async fn the_quota_is_reported(world: &World) {
    world.ec2.set_quota(Some(0));
    let request = failing(world, "quota").await;
    let parts = ["L-34B43A08", "asks for 6 vCPUs", "request-service-quota-increase", "MaxSpotInstanceCountExceeded"];
    check(reported(world, &request).await, errors::REFUSED, &parts);
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

#[tokio::test]
async fn an_image_a_role_a_template() {
    let world = World::start().await;
    for (name, sub_kind, message, parts) in [
        (
            "image",
            "allLaunchSpecsTemporarilyBlacklisted",
            "InvalidAMIID.NotFound: The image id '[ami-0aaa]' does not exist",
            ["the machines' image cannot be booted", "ImageX86"],
        ),
        (
            "role",
            "iamFleetRoleInvalid",
            "The fleet does not have the required permissions to launch an instance",
            ["a role or a permission is missing", "create-service-linked-role"],
        ),
        (
            "template",
            "spotFleetRequestConfigurationInvalid",
            "InvalidSubnetID.NotFound: The subnet ID 'subnet-0a' does not exist",
            ["the launch template, or what it names, is not valid", "spotmill deploy"],
        ),
    ] {
        let error = LaunchError { sub_kind: sub_kind.to_owned(), message: message.to_owned() };
        world.ec2.set_launch_error(Some(error));
        let request = failing(&world, name).await;
        check(reported(&world, &request).await, errors::REFUSED, &[parts[0], parts[1], message]);
        world.fleets.end(&request).await.expect("end");
        world.ec2.set_launch_error(None);
    }
    world.nothing_is_left();
}

/// The worker in the bucket is not the one that was asked for: user data says so on the console and ends the machine.
#[tokio::test]
async fn workers_that_boot_and_take_no_work() {
    let world = World::start().await;
    let wrong = "0".repeat(64);
    let workers = [("x86_64".to_owned(), wrong.clone()), ("aarch64".to_owned(), wrong)].into();
    let request = FleetRequest { workers, ..world.request("silent") };
    world.fleets.launch(&request).await.expect("launch");
    world.ec2.wait_for("four have given up", WITHIN, |seen| {
        let gave_up = |i: &&spotmill_local_ec2::InstanceView| {
            i.reason.as_deref().is_some_and(|r| r.contains("InstanceInitiatedShutdown"))
        };
        seen.instances.iter().filter(gave_up).count() >= 4
    });
    let parts = ["none took any work", "The console of i-", "does not have the sha256 it is named by"];
    check(reported(&world, &request).await, errors::WORKERS_SILENT, &parts);
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}
