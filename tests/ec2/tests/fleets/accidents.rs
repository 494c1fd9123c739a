//! Replies that are lost, calls that are refused, and callers that die: after `end` nothing is left, and what a caller
//! hears states whether to retry.

use crate::world::{TRIES, World, fleets};
use spotmill_local_ec2::Fault;
use spotmill_platform::ports::{FleetError, FleetRequest, Fleets};

#[track_caller]
fn transient(result: Result<(), FleetError>) {
    assert!(matches!(result, Err(FleetError::Transient { .. })), "{result:?}");
}

#[track_caller]
fn refused(result: Result<(), FleetError>, texts: &[&str]) {
    let Err(FleetError::Refused { what, .. }) = result else { panic!("{result:?}") };
    assert!(texts.iter().all(|text| what.contains(text)), "{what}");
}

/// EC2 made the fleet and nobody heard: ending finds it, by tag or by its token.
#[tokio::test]
async fn a_fleet_whose_launch_never_answered_is_ended() {
    let world = World::start().await;
    let request = world.request("lost");
    world.ec2.fault(Fault::drop_reply("CreateFleet", TRIES));
    transient(world.fleets.launch(&request).await);
    assert_eq!(world.ec2.snapshot().living_fleets().count(), 1);
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

/// The launch died before CreateFleet: only the versions exist, and are found as something to end.
#[tokio::test]
async fn versions_without_a_fleet_are_removed() {
    let world = World::start().await;
    let request = world.request("halfway");
    world.ec2.fault(Fault::refuse("CreateFleet", Some(1), "InvalidParameterValue", "for once"));
    refused(world.fleets.launch(&request).await, &["InvalidParameterValue: for once"]);
    let no_fleet_yet = request.living(0);
    assert_eq!(world.fleets.living().await.expect("living"), [no_fleet_yet]);
    world.fleets.end(&request).await.expect("end");
    assert!(world.fleets.living().await.expect("living").is_empty());
    world.nothing_is_left();
}

#[tokio::test]
async fn a_lost_reply_about_a_version_makes_no_second_one() {
    let world = World::start().await;
    let request = world.request("version");
    world.ec2.fault(Fault::drop_reply("CreateLaunchTemplateVersion", TRIES));
    transient(world.fleets.launch(&request).await);
    world.fleets.launch(&request).await.expect("launch again");
    for template in &world.ec2.snapshot().templates {
        assert_eq!(template.versions, [1, 2], "{template:?}");
    }
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

#[tokio::test]
async fn throttling_is_waited_out_or_reported_as_transient() {
    let world = World::start().await;
    let request = world.request("throttled");
    world.ec2.fault(Fault::throttle(1));
    world.fleets.launch(&request).await.expect("the SDK tries again");
    world.ec2.fault(Fault::throttle(1_000));
    transient(world.fleets.launch(&world.request("another")).await);
    transient(world.fleets.end(&request).await);
    assert!(matches!(world.fleets.living().await, Err(FleetError::Transient { .. })));
    world.ec2.clear_faults();
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

/// Nothing was made, so nothing is to end; that the same is refused again is no failure of ending.
#[tokio::test]
async fn a_refused_request_gives_the_reason_and_can_be_ended() {
    let world = World::start().await;
    let invalid = "InvalidFleetConfig";
    for (code, remedy) in [
        (invalid, "`[fleet]`"),
        ("UnauthorizedOperation", "deploy the stack again"),
        ("MaxSpotInstanceCountExceeded", "L-34B43A08"),
        ("InvalidSubnetID.NotFound", "deploy the stack again"),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "create-service-linked-role"),
    ] {
        let request = world.request(&format!("refused-{code}").replace('.', "-"));
        world.ec2.fault(Fault::refuse("CreateFleet", None, code, "EC2 says no"));
        let bare = code.rsplit('.').next().expect("a word");
        refused(world.fleets.launch(&request).await, &[bare, "EC2 says no", remedy]);
        world.fleets.end(&request).await.expect("end");
        world.ec2.clear_faults();
        world.nothing_is_left();
    }
}

/// Whichever call `end` dies at, what is left to end is still found, and a second call ends it.
#[tokio::test]
async fn ending_that_dies_at_any_call_is_continued() {
    let world = World::start().await;
    for action in [
        "DescribeFleets",
        "DeleteFleets",
        "DescribeInstances",
        "TerminateInstances",
        "DescribeFleetInstances",
        "DescribeLaunchTemplateVersions",
        "DeleteLaunchTemplateVersions",
    ] {
        let unanswered = ("unanswered", Fault::drop_reply(action, TRIES));
        let refused = ("refused", Fault::refuse(action, Some(1), "RequestExpired", "too late"));
        for (how, fault) in [unanswered, refused] {
            let request = world.request(&format!("{action}-{how}"));
            world.fleets.launch(&request).await.expect("launch");
            world.ec2.wait_for("it works", crate::world::WITHIN, |seen| !seen.running().is_empty());
            world.ec2.fault(fault);
            let died = world.fleets.end(&request).await;
            world.ec2.clear_faults();
            // Where all machines end with their fleet none is terminated by id.
            if action != "TerminateInstances" {
                transient(died);
            }
            if !["TerminateInstances", "DeleteLaunchTemplateVersions"].contains(&action) {
                let living = world.fleets.living().await.expect("living");
                assert_eq!(living.iter().map(|f| &f.name).collect::<Vec<_>>(), [&request.name], "{action}");
            }
            world.fleets.end(&request).await.expect("end again");
            assert!(world.fleets.living().await.expect("living").is_empty(), "{action}");
            world.nothing_is_left();
        }
    }
}

/// What cannot be asked for is refused before anything is made.
#[tokio::test]
async fn nothing_is_made_of_an_impossible_request() {
    let world = World::start().await;
    let request = FleetRequest { workers: Default::default(), ..world.request("nobody") };
    refused(world.fleets.launch(&request).await, &["no architecture"]);
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

/// A fleet of the same name in another stack is not ours: not seen, not ended.
#[tokio::test]
async fn another_stack_is_not_touched() {
    let world = World::start().await;
    let theirs = fleets(&world.config, "theirs");
    let request = world.request("shared");
    theirs.launch(&request).await.expect("launch");
    assert!(world.fleets.living().await.expect("living").is_empty());
    let vcpus = spotmill_ec2::machines::slot_vcpus(&request) * request.max_slots;
    assert_eq!(theirs.living().await.expect("living"), [request.living(vcpus)]);
    theirs.end(&request).await.expect("end");
    world.nothing_is_left();
}
