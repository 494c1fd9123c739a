//! `doctor`: finds what in the account would make a run fail, or wait for ever, before the first machine costs money.
//! Each finding names the command to type. It reads only; a check that is not permitted is a finding too. `--deep` asks the
//! account itself (`deep`), and ends with what a start would meet.

mod account;
mod deep;
mod finding;
mod place;
mod worker;

use super::deploy::SERVICE_ROLES;
use crate::args::Global;
use crate::aws::{World, answers, connect, stack_name};
use crate::exit::{Code, Stop};
use crate::project::{PIPELINE_FILE, Project};
use account::{concurrency, most_vcpus, on_demand_quota, quota, role};
use deep::Deep;
use finding::{Finding, Grade, fine, problem, report, unasked, warning};
use place::{images, pools, subnets};
use spotmill_core::keys;
use spotmill_core::model::Pipeline;
use spotmill_platform::aws::Aws;
use spotmill_platform::aws::stacks::Phase;
use std::path::Path;
use worker::deployed;

pub async fn run(global: &Global, deep: bool) -> Result<Code, Stop> {
    let project = if Path::new(PIPELINE_FILE).exists() { Some(Project::open(global)?) } else { None };
    let aws = connect().await?;
    // Without it nothing else can be asked.
    let identity = aws.account().identity().await?;
    let mut found = vec![fine("account", format!("{}, {}", identity.account, aws.region().unwrap_or_default()))];
    let world = stack(global, &aws, &mut found).await?;
    let deployed = match &world {
        Some(world) => deployed(global, world, project.as_ref().map(Project::pipeline), &mut found).await?,
        None => Vec::new(),
    };
    let pipelines: Vec<&Pipeline> = match &project {
        Some(project) => vec![project.pipeline()],
        None => deployed.iter().collect(),
    };
    found.push(quota(&aws, most_vcpus(&pipelines)).await);
    found.extend(on_demand_quota(&aws, &pipelines).await);
    found.push(concurrency(&aws).await);
    for ((name, service), absent) in SERVICE_ROLES.into_iter().zip([Grade::Problem, Grade::Warning]) {
        found.push(role(&aws, name, service, absent).await);
    }
    if let Some(world) = &world {
        let subnets = subnets(global, world, &mut found).await;
        images(global, world, &mut found).await;
        found.extend(pipelines.iter().flat_map(|p| pools(global, p, subnets)));
    }
    if deep {
        match &world {
            Some(world) => {
                let of = Deep { global, world, identity: &identity, pipelines: &pipelines };
                found.extend(deep::checks(&of).await);
            }
            None => found.push(problem("start", "there is no stack that could start anything", deploy(global))),
        }
    }
    Ok(report(global, &identity, &found, deep))
}

fn deploy(global: &Global) -> String {
    global.command("deploy").to_string()
}

async fn stack(global: &Global, aws: &Aws, found: &mut Vec<Finding>) -> Result<Option<World>, Stop> {
    let name = stack_name(global);
    let deploy = deploy(global);
    let now = match aws.stacks().find(&name).await {
        Err(e) => {
            found.push(unasked("stack", e));
            return Ok(None);
        }
        Ok(None) => None,
        Ok(Some(now)) => Some(now).filter(|now| now.phase() != Phase::Empty),
    };
    let Some(now) = now else {
        found.push(warning("stack", format!("there is none named `{name}`"), deploy));
        return Ok(None);
    };
    match now.phase() {
        Phase::Settled => {
            let release = now.outputs.get("Release").cloned().unwrap_or_default();
            found.push(fine("stack", format!("{name}, {}, release {release}", now.status)));
        }
        Phase::Busy => found.push(warning("stack", format!("{name} is {}", now.status), "wait until it has settled")),
        _ => found.push(problem("stack", format!("{name} is {}: {}", now.status, now.reason), deploy)),
    }
    let world = match World::of(global, aws.clone(), name, now) {
        Ok(world) => world,
        Err(stop) => {
            found.push(problem("stack", stop.message, stop.remedy.unwrap_or_default()));
            return Ok(None);
        }
    };
    found.push(match world.ctx.store.list(&keys::pipelines(world.root())).await {
        Ok(_) => fine("bucket", world.root().to_string()),
        Err(e) => {
            let stop = answers::of_store(e);
            problem("bucket", stop.message, stop.remedy.unwrap_or_else(|| "deploy the stack again".to_owned()))
        }
    });
    Ok(Some(world))
}
