//! Whether machines in each subnet would reach what they call: by a public address and an internet gateway, by a NAT, or by
//! endpoints of AWS's services in the network. A machine that reaches nothing costs money and takes no work.

use super::super::finding::{Finding, fine, problem, unasked, unchecked};
use super::Deep;
use spotmill_platform::aws::stacks::{Endpoint, Network, Subnet, Table};

const WHAT: &str = "routes";
/// What is called from a subnet: its name, that of its endpoint, and whether machines call it. Step Functions is called by
/// functions alone, which run outside of the network.
const SERVICES: [(&str, &str, bool); 3] =
    [("S3", "s3", true), ("SQS", "sqs", true), ("Step Functions", "states", false)];

/// How a service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Public,
    Nat(String),
    /// The endpoint's id.
    Endpoint(String),
    /// By something that this cannot look through: `tgw-…`, an appliance.
    Beyond(String),
    /// Why not, and what helps.
    Not(String, String),
}

pub(super) async fn check(of: &Deep<'_>) -> Vec<Finding> {
    match of.account().network(&of.world.subnets).await {
        Err(e) => vec![unasked(WHAT, e)],
        Ok(network) => judge(&network, &of.world.subnets, &of.world.aws.region().unwrap_or_default()),
    }
}

fn judge(network: &Network, asked: &[String], region: &str) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut fine_ones = Vec::new();
    for id in asked {
        let Some(subnet) = network.subnets.iter().find(|s| s.id == *id) else {
            found.push(problem(WHAT, format!("{id} does not exist"), "give subnets that do: SubnetIds"));
            continue;
        };
        let ways = SERVICES.map(|(name, service, needed)| (name, needed, way(network, subnet, service, region)));
        let before = found.len();
        for (name, _, way) in ways.iter().filter(|(_, needed, _)| *needed) {
            match way {
                Way::Not(why, remedy) => {
                    found.push(problem(WHAT, format!("{id} does not reach {name}: {why}"), remedy))
                }
                Way::Beyond(by) => {
                    let why = format!("{id} reaches {name} by {by}, which lies outside of what can be looked at here");
                    found.push(unchecked(WHAT, why, "see that it lets 443 through to the service"));
                }
                Way::Public | Way::Nat(_) | Way::Endpoint(_) => {}
            }
        }
        if found.len() == before {
            fine_ones.push(format!("{id}: {}", described(&ways)));
        }
    }
    // Subnets that are alike are one line each all the same: each has its own table.
    found.extend(fine_ones.into_iter().map(|text| fine(WHAT, text)));
    found
}

fn described(ways: &[(&str, bool, Way)]) -> String {
    let one = |(name, _, way): &(&str, bool, Way)| match way {
        Way::Public => format!("{name} by the internet gateway"),
        Way::Nat(id) => format!("{name} by {id}"),
        Way::Endpoint(id) => format!("{name} by {id}"),
        Way::Beyond(by) => format!("{name} by {by}"),
        Way::Not(..) => format!("{name} not, which no machine calls"),
    };
    ways.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn way(network: &Network, subnet: &Subnet, service: &str, region: &str) -> Way {
    let Some(table) = table_of(network, subnet) else {
        let remedy = "associate a route table with the subnet, or make one the main table of its VPC";
        return Way::Not("it has no route table".to_owned(), remedy.to_owned());
    };
    let endpoints: Vec<&Endpoint> = network
        .endpoints
        .iter()
        .filter(|e| e.vpc == subnet.vpc && e.service.ends_with(&format!(".{region}.{service}")))
        .collect();
    let usable = |e: &&&Endpoint| e.available && if e.gateway { e.tables.contains(&table.id) } else { e.private_dns };
    if let Some(endpoint) = endpoints.iter().find(usable) {
        return Way::Endpoint(endpoint.id.clone());
    }
    match by_default_route(network, subnet, table) {
        Way::Not(why, remedy) => {
            let (why, remedy) = unusable(&endpoints, table).unwrap_or((why, remedy));
            Way::Not(why, format!("{remedy}; or an endpoint for com.amazonaws.{region}.{service} in {}", subnet.vpc))
        }
        way => way,
    }
}

/// Its own, or the network's main one.
fn table_of<'n>(network: &'n Network, subnet: &Subnet) -> Option<&'n Table> {
    let own = network.tables.iter().find(|t| t.subnets.contains(&subnet.id));
    own.or_else(|| network.tables.iter().find(|t| t.main && t.vpc == subnet.vpc))
}

fn by_default_route(network: &Network, subnet: &Subnet, table: &Table) -> Way {
    let Some(route) = table.routes.iter().find(|r| r.to == "0.0.0.0/0") else {
        let why = format!("{} has no default route", table.id);
        return Way::Not(why, "a route to an internet gateway or a NAT".to_owned());
    };
    if route.dead {
        let why = format!("the default route of {} goes by {}, which is gone", table.id, route.by);
        return Way::Not(why, "let the route go by what is there".to_owned());
    }
    match route.by.split('-').next().unwrap_or_default() {
        "igw" if subnet.public => Way::Public,
        "igw" => {
            let why = format!("it goes by {}, and machines in it get no public address", route.by);
            Way::Not(why, "let the subnet give public addresses (MapPublicIpOnLaunch), or route it by a NAT".to_owned())
        }
        "nat" => match network.nats.iter().find(|(id, _)| *id == route.by) {
            Some((id, state)) if state == "available" => Way::Nat(id.clone()),
            Some((id, state)) => {
                Way::Not(format!("{id} is {state}"), format!("wait for {id}, or route by one that is available"))
            }
            None => Way::Beyond(route.by.clone()),
        },
        _ => Way::Beyond(route.by.clone()),
    }
}

/// An endpoint of the service that is there and of no use, and why.
fn unusable(endpoints: &[&Endpoint], table: &Table) -> Option<(String, String)> {
    let endpoint = endpoints.first()?;
    let id = &endpoint.id;
    Some(if !endpoint.available {
        (format!("{id} is not available"), format!("wait for {id}, or accept it"))
    } else if endpoint.gateway {
        (format!("{} is not among the route tables of {id}", table.id), format!("add it to {id}"))
    } else {
        (
            format!("{id} has no private DNS, so that the service's name does not lead to it"),
            format!("enable it for {id}"),
        )
    })
}

#[cfg(test)]
mod tests;
