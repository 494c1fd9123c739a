//! Spot prices over the wire, of the pools that a request may take.

use crate::world::World;
use spotmill_ec2::{FleetPlace, machines_for, prices};
use spotmill_platform::aws::Aws;

#[tokio::test]
async fn the_pools_of_a_request_have_prices() {
    let world = World::start().await;
    let place = FleetPlace {
        stack: "etl".to_owned(),
        root: "s3://etl-bucket".into(),
        region: "us-east-1".to_owned(),
        visibility_secs: 120,
        templates: [(spotmill_core::fleet::Architecture::Arm64, "lt-0bbb".to_owned())].into(),
        subnets: vec!["subnet-0a".to_owned(), "subnet-0b".to_owned()],
    };
    let chosen = machines_for(&world.request("priced"), &place).expect("machines");
    let instance_types: Vec<String> = chosen.types.values().flatten().cloned().collect();
    let zones = ["us-east-1a".to_owned(), "us-east-1b".to_owned()];
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis();
    let ask = Aws::from(world.config.clone()).prices();
    let all = ask.spot(&instance_types, &zones, now_ms as u64).await.expect("prices");
    assert!(all.iter().all(|p| instance_types.contains(&p.kind) && zones.contains(&p.zone) && p.usd > 0.0), "{all:?}");
    let spot = prices::spot(&chosen, &all, None).expect("some have a price");
    assert!(spot.pools >= 4 && spot.lowest <= spot.median && spot.median < 0.1, "{spot:?}");
    assert!(spot.lowest < prices::guess_on_demand(&chosen).expect("a guess"));
    // More types than a filter takes, most of which nobody has.
    let many: Vec<String> = (0..450).map(|n| format!("z{n}.large")).chain(instance_types.clone()).collect();
    assert_eq!(ask.spot(&many, &zones, now_ms as u64).await.expect("prices"), all);
}
