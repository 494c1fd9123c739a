//! Ways to services, and why there is none.

use super::super::super::finding::Grade;
use super::*;
use spotmill_platform::aws::stacks::Route;

const REGION: &str = "eu-west-1";

fn endpoint(id: &str, service: &str, gateway: bool) -> Endpoint {
    Endpoint {
        id: id.to_owned(),
        vpc: "vpc-1".to_owned(),
        service: format!("com.amazonaws.{REGION}.{service}"),
        gateway,
        available: true,
        tables: if gateway { vec!["rtb-1".to_owned()] } else { Vec::new() },
        private_dns: true,
    }
}

/// A subnet whose default route goes by `by`; none: it has none.
fn network(by: &str, public: bool, endpoints: Vec<Endpoint>) -> Network {
    let subnet = |id: &str| Subnet { id: id.to_owned(), vpc: "vpc-1".to_owned(), public, ..Subnet::default() };
    let route = |to: &str, by: &str| Route { to: to.to_owned(), by: by.to_owned(), dead: by.ends_with("gone") };
    let mut routes = vec![route("10.0.0.0/16", "local")];
    routes.extend((!by.is_empty()).then(|| route("0.0.0.0/0", by)));
    let table = |id: &str, main| Table { id: id.to_owned(), vpc: "vpc-1".to_owned(), main, ..Table::default() };
    let own = Table { subnets: vec!["subnet-a".to_owned()], routes, ..table("rtb-1", false) };
    Network {
        subnets: vec![subnet("subnet-a")],
        tables: vec![table("rtb-main", true), own],
        endpoints,
        nats: vec![("nat-1".to_owned(), "available".to_owned()), ("nat-2".to_owned(), "failed".to_owned())],
    }
}

fn judged(network: &Network) -> Vec<Finding> {
    judge(network, &["subnet-a".to_owned()], REGION)
}

#[test]
fn each_way_to_a_service_is_named() {
    let both = || vec![endpoint("vpce-s3", "s3", true), endpoint("vpce-sqs", "sqs", false)];
    for (network, text) in [
        (
            network("igw-1", true, Vec::new()),
            "S3 by the internet gateway, SQS by the internet gateway, Step Functions by the internet gateway",
        ),
        (network("igw-1", true, both()), "S3 by vpce-s3, SQS by vpce-sqs, Step Functions by the internet gateway"),
        (network("nat-1", false, Vec::new()), "S3 by nat-1, SQS by nat-1, Step Functions by nat-1"),
        (network("", false, both()), "S3 by vpce-s3, SQS by vpce-sqs, Step Functions not, which no machine calls"),
    ] {
        let found = judged(&network);
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [Grade::Fine], "{text}: {found:?}");
        assert_eq!(found[0].text, format!("subnet-a: {text}"));
    }
}

#[test]
fn what_is_not_reached_is_named_with_the_way_out() {
    let with = |change: fn(&mut Endpoint)| {
        let mut all = vec![endpoint("vpce-s3", "s3", true), endpoint("vpce-sqs", "sqs", false)];
        all.iter_mut().for_each(change);
        all
    };
    let foreign = |e: &mut Endpoint| e.vpc = "vpc-2".to_owned();
    let elsewhere = |e: &mut Endpoint| e.service = e.service.replace(REGION, "us-east-1");
    for (network, why, remedy) in [
        (network("", false, Vec::new()), "rtb-1 has no default route", "a NAT"),
        (network("igw-1", false, Vec::new()), "machines in it get no public address", "MapPublicIpOnLaunch"),
        (network("igw-gone", true, Vec::new()), "goes by igw-gone, which is gone", "what is there"),
        (network("nat-2", false, Vec::new()), "nat-2 is failed", "nat-2"),
        (network("", false, with(|e| e.available = false)), "vpce-s3 is not available", "wait"),
        (
            network("", false, with(|e| (e.tables.clear(), e.private_dns = false).1)),
            "rtb-1 is not among the route tables of vpce-s3",
            "add it",
        ),
        (network("", false, with(foreign)), "rtb-1 has no default route", "a NAT"),
        (network("", false, with(elsewhere)), "rtb-1 has no default route", "a NAT"),
    ] {
        let found = judged(&network);
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [Grade::Problem, Grade::Problem], "{why}");
        assert!(
            found[0].text.starts_with("subnet-a does not reach S3: ") && found[0].text.contains(why),
            "{}",
            found[0].text
        );
        let way_out = found[0].remedy.as_deref().unwrap_or_default();
        assert!(way_out.contains(remedy) && way_out.contains("com.amazonaws.eu-west-1.s3 in vpc-1"), "{way_out}");
    }
}

#[test]
fn an_sqs_endpoint_without_private_dns_is_none() {
    let mut sqs = endpoint("vpce-sqs", "sqs", false);
    sqs.private_dns = false;
    let found = judged(&network("", false, vec![endpoint("vpce-s3", "s3", true), sqs]));
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("does not reach SQS: vpce-sqs has no private DNS"), "{}", found[0].text);
}

#[test]
fn what_cannot_be_looked_through_does_not_pass() {
    for by in ["tgw-1", "eni-1", "nat-of-another"] {
        let found = judged(&network(by, false, Vec::new()));
        assert!(
            found.iter().all(|f| f.grade == Grade::Unchecked && f.text.contains(by)) && !found.is_empty(),
            "{found:?}"
        );
    }
}

#[test]
fn a_subnet_without_its_own_table_has_the_main_one_and_one_that_is_gone_is_reported() {
    let mut main = network("igw-1", true, Vec::new());
    main.tables[1].subnets.clear();
    assert!(judged(&main)[0].text.contains("rtb-main has no default route"), "{:?}", judged(&main)[0]);
    main.tables[0].main = false;
    assert!(judged(&main)[0].text.contains("it has no route table"));
    main.subnets.clear();
    assert_eq!(judged(&main)[0].text, "subnet-a does not exist");
}
