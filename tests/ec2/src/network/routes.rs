//! DescribeRouteTables, DescribeVpcEndpoints, DescribeNatGateways: a network has one table, the main one of all its subnets,
//! and a default route by an internet gateway unless a test takes it away. There are no endpoints and no NATs.

use super::Network;
use crate::ids::OWNER;
use crate::tags::matches;
use crate::wire::Tree;
use crate::wire::{Answer, Xml};
use crate::world::{State, World};
use std::collections::BTreeSet;

const GATEWAY: &str = "igw-00000000000000001";

pub fn describe_route_tables(_: &World, state: &mut State, request: &Tree) -> Answer {
    let network = &state.network;
    let vpcs: BTreeSet<&str> = network.subnets.iter().map(|s| s.vpc.as_str()).collect();
    let mut tables = Vec::new();
    for vpc in vpcs {
        let holds = matches(request, |name| match name {
            "vpc-id" => Some(vec![vpc.to_owned()]),
            "association.main" => Some(vec!["true".to_owned()]),
            _ => None,
        })?;
        if holds {
            tables.push(table(network, vpc));
        }
    }
    Ok(Xml::new().list("routeTableSet", tables))
}

fn table(network: &Network, vpc: &str) -> Xml {
    let id = vpc.replacen("vpc-", "rtb-", 1);
    let route =
        |to: &str, by: &str| Xml::new().text("destinationCidrBlock", to).text("gatewayId", by).text("state", "active");
    let mut routes = vec![route("10.0.0.0/16", "local")];
    routes.extend(network.internet.then(|| route("0.0.0.0/0", GATEWAY)));
    let main = Xml::new().text("routeTableAssociationId", "rtbassoc-1").text("routeTableId", &id).text("main", true);
    Xml::new()
        .text("routeTableId", &id)
        .text("vpcId", vpc)
        .text("ownerId", OWNER)
        .list("routeSet", routes)
        .list("associationSet", [main])
}

pub fn describe_vpc_endpoints(_: &World, _: &mut State, _: &Tree) -> Answer {
    Ok(Xml::new().list("vpcEndpointSet", []))
}

pub fn describe_nat_gateways(_: &World, _: &mut State, _: &Tree) -> Answer {
    Ok(Xml::new().list("natGatewaySet", []))
}
