//! The promises of fleets. `ask` makes a request that the adapter can launch, of the name it is given; names of one
//! suite begin with `prefix`, so that it can run beside others.

use crate::ports::{FleetRequest, Fleets, LivingFleet, Resize};
use spotmill_core::fleet::Target;

/// The whole suite.
pub async fn all(fleets: &(impl Fleets + ?Sized), prefix: &str, ask: impl Fn(&str) -> FleetRequest) {
    let named = |name: &str| ask(&format!("{prefix}-{name}"));
    asking_twice_is_one_fleet(fleets, &named("twice")).await;
    ending_what_never_was_is_fine(fleets, &named("never")).await;
    ending_twice_is_fine(fleets, &named("ended")).await;
    a_fleet_is_found_as_it_was_asked_for(fleets, &named("found")).await;
    what_never_was_is_neither_seen_nor_resized(fleets, &named("unseen")).await;
    a_living_fleet_can_be_inspected_and_made_smaller(fleets, &named("smaller")).await;
    ending_one_leaves_the_other(fleets, &named("one"), &named("other")).await;
}

async fn lives(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) -> usize {
    let living = fleets.living().await.expect("living");
    living.iter().filter(|f| f.name == request.name).count()
}

async fn asking_twice_is_one_fleet(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    fleets.launch(request).await.expect("launch");
    fleets.launch(request).await.expect("launch again");
    assert_eq!(lives(fleets, request).await, 1, "two launches of one request");
    fleets.end(request).await.expect("end");
    assert_eq!(lives(fleets, request).await, 0, "one end ends it");
}

async fn ending_what_never_was_is_fine(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    fleets.end(request).await.expect("end");
    assert_eq!(lives(fleets, request).await, 0, "ending made a fleet");
}

async fn ending_twice_is_fine(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    fleets.launch(request).await.expect("launch");
    fleets.end(request).await.expect("end");
    fleets.end(request).await.expect("end again");
    assert_eq!(lives(fleets, request).await, 0);
}

async fn a_fleet_is_found_as_it_was_asked_for(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    fleets.launch(request).await.expect("launch");
    let living = fleets.living().await.expect("living");
    let found = living.iter().map(|fleet| LivingFleet { vcpus: 0, ..fleet.clone() });
    assert!(found.into_iter().any(|fleet| fleet == request.living(0)), "{living:?}");
    fleets.end(request).await.expect("end");
}

async fn what_never_was_is_neither_seen_nor_resized(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    assert_eq!(fleets.inspect(request).await.expect("inspect"), None);
    assert_eq!(fleets.events(request).await.expect("events"), []);
    let nothing = Resize { target: Target { vcpus: 1, on_demand: 0 }, end: Vec::new() };
    fleets.resize(request, &nothing).await.expect("resize");
    assert_eq!(lives(fleets, request).await, 0, "inspecting made a fleet");
}

/// Where fleets can be inspected.
async fn a_living_fleet_can_be_inspected_and_made_smaller(fleets: &(impl Fleets + ?Sized), request: &FleetRequest) {
    fleets.launch(request).await.expect("launch");
    if let Some(before) = fleets.inspect(request).await.expect("inspect") {
        assert!(before.target.vcpus > 1, "{before:?}");
        let target = Target { vcpus: before.target.vcpus - 1, on_demand: 0 };
        for _ in 0..2 {
            fleets.resize(request, &Resize { target, end: Vec::new() }).await.expect("resize");
        }
        let after = fleets.inspect(request).await.expect("inspect").expect("it lives");
        assert_eq!(after.target, target);
        assert!(before.working().all(|m| after.machines.iter().any(|a| a.id == m.id)), "{after:?}");
    }
    fleets.end(request).await.expect("end");
    let left = fleets.inspect(request).await.expect("inspect");
    assert!(left.is_none_or(|fleet| fleet.working().next().is_none()), "a machine works");
    assert_eq!(lives(fleets, request).await, 0);
}

async fn ending_one_leaves_the_other(fleets: &(impl Fleets + ?Sized), one: &FleetRequest, other: &FleetRequest) {
    fleets.launch(one).await.expect("launch");
    fleets.launch(other).await.expect("launch the other");
    fleets.end(one).await.expect("end");
    assert_eq!((lives(fleets, one).await, lives(fleets, other).await), (0, 1));
    fleets.end(other).await.expect("end the other");
    assert_eq!(lives(fleets, other).await, 0);
}
