//! The network as it stands around some subnets: their routes, the gateways these lead to, and the endpoints of AWS's services
//! in it. Reads only; what follows from it is decided elsewhere.

use super::{Account, AwsError, Subnet};
use crate::aws::filter::filter;
use aws_sdk_ec2::types;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub subnets: Vec<Subnet>,
    pub tables: Vec<Table>,
    pub endpoints: Vec<Endpoint>,
    /// NAT gateways by id, with their state: `available`.
    pub nats: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub id: String,
    pub vpc: String,
    /// The table of every subnet of the network that has none of its own.
    pub main: bool,
    pub subnets: Vec<String>,
    pub routes: Vec<Route>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `0.0.0.0/0`, or the id of a list of a service's addresses: `pl-…`.
    pub to: String,
    /// `igw-…`, `nat-…`, `vpce-…`, `tgw-…`.
    pub by: String,
    /// It leads nowhere: what it goes by is gone.
    pub dead: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub id: String,
    pub vpc: String,
    /// `com.amazonaws.us-east-1.s3`
    pub service: String,
    /// By routes; otherwise by addresses of its own, in some subnets.
    pub gateway: bool,
    pub available: bool,
    pub tables: Vec<String>,
    /// The service's ordinary name leads to it.
    pub private_dns: bool,
}

impl Account {
    pub async fn network(&self, subnets: &[String]) -> Result<Network, AwsError> {
        let subnets = self.subnets(subnets).await?;
        let mut vpcs: Vec<String> = subnets.iter().map(|s| s.vpc.clone()).collect();
        vpcs.sort();
        vpcs.dedup();
        let mut made = Network { subnets, ..Network::default() };
        if vpcs.is_empty() {
            return Ok(made);
        }
        let mut pages = self.ec2.describe_route_tables().filters(filter("vpc-id", &vpcs)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("looking at the network", "ec2:DescribeRouteTables", e))?;
            made.tables.extend(page.route_tables.unwrap_or_default().into_iter().map(table));
        }
        let mut pages = self.ec2.describe_vpc_endpoints().filters(filter("vpc-id", &vpcs)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("looking at the network", "ec2:DescribeVpcEndpoints", e))?;
            made.endpoints.extend(page.vpc_endpoints.unwrap_or_default().into_iter().map(endpoint));
        }
        let mut pages = self.ec2.describe_nat_gateways().filter(filter("vpc-id", &vpcs)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("looking at the network", "ec2:DescribeNatGateways", e))?;
            let found = page.nat_gateways.unwrap_or_default().into_iter();
            made.nats.extend(found.map(|nat| {
                let state = nat.state.map(|s| s.as_str().to_owned()).unwrap_or_default();
                (nat.nat_gateway_id.unwrap_or_default(), state)
            }));
        }
        Ok(made)
    }
}

fn table(of: types::RouteTable) -> Table {
    let associated = of.associations.unwrap_or_default();
    Table {
        id: of.route_table_id.unwrap_or_default(),
        vpc: of.vpc_id.unwrap_or_default(),
        main: associated.iter().any(|a| a.main == Some(true)),
        subnets: associated.into_iter().filter_map(|a| a.subnet_id).collect(),
        routes: of.routes.unwrap_or_default().into_iter().map(route).collect(),
    }
}

fn route(of: types::Route) -> Route {
    let by = [
        of.nat_gateway_id,
        of.gateway_id,
        of.transit_gateway_id,
        of.network_interface_id,
        of.vpc_peering_connection_id,
        of.instance_id,
        of.core_network_arn,
    ];
    Route {
        to: of.destination_cidr_block.or(of.destination_prefix_list_id).unwrap_or_default(),
        by: by.into_iter().flatten().next().unwrap_or_default(),
        dead: of.state.is_some_and(|s| s.as_str() == "blackhole"),
    }
}

fn endpoint(of: types::VpcEndpoint) -> Endpoint {
    Endpoint {
        id: of.vpc_endpoint_id.unwrap_or_default(),
        vpc: of.vpc_id.unwrap_or_default(),
        service: of.service_name.unwrap_or_default(),
        gateway: of.vpc_endpoint_type.is_some_and(|t| t.as_str() == "Gateway"),
        // The model writes `Available`, the service `available`.
        available: of.state.is_some_and(|s| s.as_str().eq_ignore_ascii_case("available")),
        tables: of.route_table_ids.unwrap_or_default(),
        private_dns: of.private_dns_enabled.unwrap_or_default(),
    }
}
