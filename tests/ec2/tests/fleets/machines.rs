//! What the machines of a fleet get: tags, settings, and an end that does not touch the neighbour's.

use crate::world::{WITHIN, World};
use spotmill_core::records::WorkerSettings;
use spotmill_local_ec2::InstanceView;
use spotmill_platform::ports::{Fleets, Subject};
use std::time::Instant;

fn settings_of(machine: &InstanceView) -> WorkerSettings {
    let file = machine.dir.join("received.json");
    let until = Instant::now() + WITHIN;
    loop {
        if let Some(settings) = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return settings;
        }
        let console = || std::fs::read_to_string(machine.dir.join("console.log")).unwrap_or_default();
        assert!(Instant::now() < until, "no worker received settings; the console says {}", console());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[tokio::test]
async fn machines_bear_tags_and_run_the_worker_with_the_settings() {
    let world = World::start().await;
    let request = world.request("tagged");
    world.fleets.launch(&request).await.expect("launch");
    let seen = world.ec2.wait_for("the target is met", WITHIN, |seen| {
        seen.fleets.iter().all(|f| f.target == 6 && f.fulfilled >= 6) && !seen.running().is_empty()
    });
    for machine in seen.living() {
        let tag = |key: &str| machine.tags.get(key).map(String::as_str);
        assert_eq!(tag("spotmill:stack"), Some("etl"));
        assert_eq!(tag("spotmill:fleet"), Some("tagged"));
        assert_eq!(tag("spotmill:run"), Some("flights/2013-01-01"));
        assert_eq!(tag("spotmill:step"), Some("normalize"));
        assert_eq!(tag("spotmill:execution"), Some(request.execution.as_str()));
    }
    // Whose an event is about, EC2's id says by the tags.
    for (fleet, machine) in seen.fleets.iter().zip(seen.living()) {
        for subject in [Subject::Fleet(fleet.id.clone()), Subject::Machine(machine.id.clone())] {
            assert_eq!(world.fleets.owner(&subject).await.expect("asked"), Some(request.living(0)), "{subject:?}");
        }
    }
    for subject in ["fleet-00000000-0000-0000-0000-000000000000".to_owned()].map(Subject::Fleet) {
        assert_eq!(world.fleets.owner(&subject).await.expect("asked"), None);
    }
    assert_eq!(world.fleets.owner(&Subject::Machine("i-00000000000000000".into())).await.expect("asked"), None);
    let settings = settings_of(seen.running()[0]);
    assert_eq!((settings.fleet.as_str(), settings.queue.as_str()), ("tagged", "tagged"));
    assert_eq!((settings.stack.as_str(), settings.root.as_str()), ("etl", "s3://etl-bucket"));
    assert_eq!((settings.region.as_str(), settings.workers), ("us-east-1", request.workers.clone()));
    world.fleets.end(&request).await.expect("end");
    world.nothing_is_left();
}

#[tokio::test]
async fn when_end_returns_no_machine_works_and_the_other_fleets_do() {
    let world = World::start().await;
    let (one, other) = (world.request("one"), world.request("other"));
    world.fleets.launch(&one).await.expect("launch");
    world.fleets.launch(&other).await.expect("launch");
    world.ec2.wait_for("both work", WITHIN, |seen| {
        ["one", "other"].iter().all(|name| seen.running().iter().any(|m| m.tags["spotmill:fleet"] == **name))
    });
    world.fleets.end(&one).await.expect("end");
    let seen = world.ec2.snapshot();
    let of = |name: &str| seen.running().iter().filter(|m| m.tags["spotmill:fleet"] == name).count();
    assert_eq!(of("one"), 0);
    assert!(of("other") > 0);
    world.fleets.end(&other).await.expect("end");
    world.nothing_is_left();
}
