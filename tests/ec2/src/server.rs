//! The HTTP server: one POST for all actions of EC2, and the control paths. An unknown action is an error that names it.

use crate::faults::Effect;
use crate::ids::fresh_uuid;
use crate::listener::{Listener, Peer};
use crate::wire::{Answer, Ec2Error, Tree, Xml};
use crate::world::{State, World};
use crate::{control, experiments, fleets, instances, network, prices, tags, templates};
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use std::sync::Arc;
use std::time::Duration;

type Action = fn(&World, &mut State, &Tree) -> Answer;

/// Every action there is.
fn action(name: &str) -> Option<Action> {
    Some(match name {
        "CreateFleet" => fleets::create,
        "CreateLaunchTemplate" => templates::create,
        "CreateLaunchTemplateVersion" => templates::create_version,
        "CreateTags" => tags::create_tags,
        "DeleteFleets" => fleets::delete,
        "DeleteLaunchTemplate" => templates::delete,
        "DeleteLaunchTemplateVersions" => templates::delete_versions,
        "DeleteTags" => tags::delete_tags,
        "DescribeAvailabilityZones" => network::describe_availability_zones,
        "DescribeFleetHistory" => fleets::history,
        "DescribeFleetInstances" => fleets::instances,
        "DescribeFleets" => fleets::describe,
        "DescribeImages" => network::describe_images,
        "DescribeInstanceTypes" => prices::describe_types,
        "DescribeInstances" => instances::describe,
        "DescribeLaunchTemplateVersions" => templates::describe_versions,
        "DescribeLaunchTemplates" => templates::describe,
        "DescribeNatGateways" => network::describe_nat_gateways,
        "DescribeRouteTables" => network::describe_route_tables,
        "DescribeSpotPriceHistory" => prices::spot_history,
        "DescribeSubnets" => network::describe_subnets,
        "DescribeTags" => tags::describe_tags,
        "DescribeVpcEndpoints" => network::describe_vpc_endpoints,
        "DescribeVpcs" => network::describe_vpcs,
        "GetConsoleOutput" => instances::console_output,
        "GetInstanceTypesFromInstanceRequirements" => prices::from_requirements,
        "ModifyFleet" => fleets::modify,
        "ModifyLaunchTemplate" => templates::modify,
        "RunInstances" => instances::run,
        "TerminateInstances" => instances::terminate,
        _ => return None,
    })
}

pub async fn serve(world: Arc<World>, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    let router =
        Router::new().route("/", post(answer)).merge(control::router()).merge(experiments::router()).with_state(world);
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(Listener(listener), service).await
}

async fn answer(
    Shared(world): Shared<Arc<World>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let request = match form {
        Ok(Form(pairs)) => Tree::parse(pairs),
        Err(error) => return reply("", Err(Ec2Error::new("MalformedQueryString", error.to_string()))),
    };
    let name = request.text("Action").unwrap_or_default().to_owned();
    let fault = world.state().take_fault(&name);
    if let Some(error) = fault.as_ref().and_then(Effect::error) {
        return reply(&name, Err(error));
    }
    if let Some(Effect::Late { ms }) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let answer = act(&world, &name, &request);
    if fault == Some(Effect::DropReply) {
        peer.cut();
    }
    reply(&name, answer)
}

fn act(world: &World, name: &str, request: &Tree) -> Answer {
    let Some(action) = action(name) else {
        let message = format!("The action {name} is not valid for this web service (the local EC2 endpoint).");
        return Err(Ec2Error::new("InvalidAction", message));
    };
    if request.parsed::<bool>("DryRun")? == Some(true) {
        world.state().dry_runs.push((name.to_owned(), request.clone()));
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Ec2Error::new("DryRunOperation", message));
    }
    action(world, &mut world.state(), request)
}

fn reply(action: &str, answer: Answer) -> Response {
    let id = fresh_uuid();
    let (status, body) = match answer {
        Ok(body) => {
            let all = Xml::new().text("requestId", &id).and(body);
            let namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
            (StatusCode::OK, all.document(&format!("{action}Response"), Some(namespace)))
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, error.document(&id))
        }
    };
    (status, [(header::CONTENT_TYPE, "text/xml;charset=UTF-8"), (header::SERVER, "local-ec2")], body).into_response()
}
