//! `plan --fleet`: shows the machines that each step would ask for, with prices. It asks for nothing. On this machine
//! (no `--target aws`) zones are assumed and there are no spot prices; the output states both.

mod render;

use crate::args::Global;
use crate::aws::{World, answers};
use crate::event::Event;
use crate::exit::Stop;
use render::Rendered;
use spotmill_core::fleet::Architecture;
use spotmill_core::keys;
use spotmill_core::model::Pipeline;
use spotmill_core::records::Deployed;
use spotmill_ec2::FleetPlace;
use spotmill_ec2::cause::SPOT_QUOTA;
use spotmill_ec2::machines::Machines;
use spotmill_ec2::prices::PoolPrice;
use spotmill_lambdas::Ctx;
use spotmill_lambdas::fleet_preview::{Asks, FleetPreview, fleets};
use spotmill_lambdas::preview::StepPreview;
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

/// Zones that are assumed where none are listed: as many as a stack makes by default.
const ZONES: usize = 3;

/// Spot prices, or why there are none.
enum Prices {
    Known(Vec<PoolPrice>),
    /// The reason.
    Unknown(String),
}

pub async fn run(
    global: &Global,
    ctx: &Ctx,
    world: Option<&World>,
    pipeline: &Pipeline,
    steps: &[StepPreview],
) -> Result<(), Stop> {
    let mut notes = Vec::new();
    let workers = workers(ctx, world, pipeline, &mut notes).await?;
    let place = place(ctx, world, &mut notes);
    let all = fleets(ctx, pipeline, steps, &workers, &place).await;
    let prices = match world {
        None => Prices::Unknown("this machine has none; with credentials: --target aws".to_owned()),
        Some(world) => asked(world, ctx, &all, &mut notes).await,
    };
    for preview in &all {
        let rendered = Rendered::of(preview, &pipeline.fleet, &prices);
        if global.json {
            rendered.event().print();
        } else {
            say!("{}", rendered.text());
        }
    }
    if let Some(world) = world {
        limits(world, &all, &mut notes).await;
    }
    for note in &notes {
        match global.json {
            true => Event::note(note).print(),
            false => say!("{note}"),
        }
    }
    Ok(())
}

/// The programs that machines would fetch; for a pipeline never deployed, one for each architecture is assumed.
async fn workers(
    ctx: &Ctx,
    world: Option<&World>,
    pipeline: &Pipeline,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, String>, Stop> {
    let uri = keys::deployed(&ctx.root, &pipeline.name);
    let found = match world {
        Some(_) => records::load::<Deployed>(&*ctx.store, &uri).await.map_err(answers::of_record)?,
        None => None,
    };
    let programs = found.map(|(deployed, _)| deployed.worker.programs).unwrap_or_default();
    if !programs.is_empty() {
        return Ok(programs);
    }
    if world.is_some() {
        notes.push(format!("`{}` is not deployed: a worker for both architectures is assumed", pipeline.name));
    }
    Ok(Architecture::ALL.iter().map(|a| (a.machine().to_owned(), String::new())).collect())
}

fn place(ctx: &Ctx, world: Option<&World>, notes: &mut Vec<String>) -> FleetPlace {
    let subnets = match world {
        Some(world) => world.subnets.clone(),
        None => {
            notes.push(format!("{ZONES} zones are assumed; --target aws asks which there are"));
            (1..=ZONES).map(|n| format!("zone {n}")).collect()
        }
    };
    FleetPlace {
        stack: world.map(|w| w.stack.clone()).unwrap_or_default(),
        root: ctx.root.clone(),
        region: world.and_then(|w| w.aws.region()).unwrap_or_default(),
        templates: Architecture::ALL.into_iter().map(|a| (a, String::new())).collect(),
        subnets,
        visibility_secs: spotmill_core::bounds::VISIBILITY_SECS,
    }
}

/// Prices of every pool that any step may take, in one request.
async fn asked(world: &World, ctx: &Ctx, all: &[FleetPreview], notes: &mut Vec<String>) -> Prices {
    let instance_types: BTreeSet<String> =
        all.iter().filter_map(machines).flat_map(|m| m.types.values().flatten().cloned()).collect();
    let instance_types: Vec<String> = instance_types.into_iter().collect();
    let account = world.aws.account();
    let zones: Vec<String> = match account.subnets(&world.subnets).await {
        Ok(subnets) => subnets.into_iter().map(|s| s.zone).collect(),
        Err(e) => return Prices::Unknown(e.to_string()),
    };
    match world.aws.prices().spot(&instance_types, &zones, ctx.clock.now_ms()).await {
        Ok(prices) => {
            notes.push(format!("Spot prices of now in {}; they change by the hour", zones.join(", ")));
            Prices::Known(prices)
        }
        Err(e) => Prices::Unknown(e.to_string()),
    }
}

fn machines(of: &FleetPreview) -> Option<&Machines> {
    match &of.asks {
        Asks::Machines(fleet) => fleet.machines.as_ref().ok(),
        Asks::Nothing => None,
    }
}

/// What the account and the stack allow.
async fn limits(world: &World, all: &[FleetPreview], notes: &mut Vec<String>) {
    let Some(most) = all.iter().filter_map(machines).map(|m| m.total_vcpus).max() else { return };
    match world.aws.account().quota("ec2", SPOT_QUOTA).await {
        Ok(Some(quota)) => notes.push(format!("Quota {SPOT_QUOTA}: the largest step asks for {most} of {quota} vCPUs")),
        Ok(None) => {}
        Err(e) => notes.push(format!("Quota {SPOT_QUOTA} is not known: {e}")),
    }
    if let Some(limit) = world.ctx.settings.max_vcpus {
        notes.push(format!("MaxVcpus: all runs of stack {} together have at most {limit} vCPUs", world.stack));
    }
}
