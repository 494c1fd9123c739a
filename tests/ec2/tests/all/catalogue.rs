//! Types, prices and places.

use crate::harness::{Harness, SUBNETS, code, requirements};
use aws_sdk_ec2::types::{ArchitectureType, VirtualizationType};

#[tokio::test(flavor = "multi_thread")]
async fn types_that_meet_requirements() {
    let at = Harness::start().await;
    let ask = at.ec2.get_instance_types_from_instance_requirements().instance_requirements(requirements(32, 64));
    let ask = ask.virtualization_types(VirtualizationType::Hvm).architecture_types(ArchitectureType::Arm64);
    let types = ask.send().await.unwrap();
    let types: Vec<&str> = types.instance_types().iter().filter_map(|t| t.instance_type()).collect();
    assert_eq!(
        types,
        ["c7g.8xlarge", "c8g.8xlarge", "m7g.8xlarge", "m8g.8xlarge", "r7g.8xlarge", "r8g.8xlarge", "m7gd.8xlarge"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn spot_prices_of_every_zone() {
    let at = Harness::start().await;
    let ask = at.ec2.describe_spot_price_history().instance_types("r7g.large".into());
    let prices = ask.product_descriptions("Linux/UNIX").send().await.unwrap();
    let prices: Vec<(&str, f64)> = prices
        .spot_price_history()
        .iter()
        .map(|p| (p.availability_zone().unwrap(), p.spot_price().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(prices.iter().map(|(zone, _)| *zone).collect::<Vec<_>>(), ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert!(prices.iter().all(|(_, price)| (0.01..0.1).contains(price)), "{prices:?}");
    assert_eq!(
        code(at.ec2.describe_spot_price_history().instance_types("z9.huge".into()).send().await),
        "InvalidParameterValue"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_a_zone() {
    let at = Harness::start().await;
    let subnets = at.ec2.describe_subnets().send().await.unwrap();
    let ids: Vec<&str> = subnets.subnets().iter().filter_map(|s| s.subnet_id()).collect();
    assert_eq!(ids.join(","), SUBNETS);
    let zones = at.ec2.describe_availability_zones().send().await.unwrap();
    let zones: Vec<&str> = zones.availability_zones().iter().filter_map(|z| z.zone_id()).collect();
    assert_eq!(zones, ["use1-az1", "use1-az2", "use1-az3"]);
    let vpc = subnets.subnets()[0].vpc_id().unwrap();
    assert!(at.ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap().vpcs()[0].is_default().unwrap());
    let images = at.ec2.describe_images().send().await.unwrap();
    assert_eq!(images.images().len(), 2);
    assert_eq!(
        at.ec2
            .describe_instance_types()
            .instance_types("m7i.large".into())
            .send()
            .await
            .unwrap()
            .instance_types()
            .len(),
        1
    );
}
