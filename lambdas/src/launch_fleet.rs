//! LaunchFleet: a queue and machines for one round. The whole request is on record before any call, so that whoever
//! cleans up knows what to end even if no reply ever came.

use crate::access::{self, Stands};
use crate::round::RoundView;
use crate::{Ctx, HandlerError, Nothing, machines};
use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::calls::{RoundRequest, errors};
use spotmill_core::fleet::life::over_budget;
use spotmill_core::records::RECORD_VERSION;
use spotmill_core::verdict::memory_bytes;
use spotmill_platform::ports::FleetRequest;
use spotmill_platform::records;

pub async fn handle(ctx: &Ctx, of: RoundRequest) -> Result<Nothing, HandlerError> {
    let view = RoundView::load(ctx, &of).await?;
    let uri = view.keys.fleet(of.epoch, of.round);
    within_budget(ctx, &of, &view).await?;
    let request = request(ctx, &of, &view);
    let request: FleetRequest = match access::create_record(ctx, &uri, &request).await? {
        Stands::Ours => request,
        // An earlier try wrote it; it is what was asked for, if anything was.
        Stands::Others(body) => records::parse(&uri, &body)?,
    };
    ctx.queues.create(&request.queue).await?;
    ctx.fleets.launch(&request).await?;
    Ok(Nothing {})
}

/// A run that has spent its budget gets no more machines; all it has stays, and it can be resumed.
async fn within_budget(ctx: &Ctx, of: &RoundRequest, view: &RoundView) -> Result<(), HandlerError> {
    let Some(budget) = view.program.pipeline.budget_usd_per_run.filter(|_| !view.lease.over_budget) else {
        return Ok(());
    };
    let spent = machines::spent_usd(ctx, &of.run, &view.lease).await?;
    if spent < budget { Ok(()) } else { Err(HandlerError::new(errors::OVER_BUDGET, over_budget(spent, budget))) }
}

fn request(ctx: &Ctx, of: &RoundRequest, view: &RoundView) -> FleetRequest {
    let name = view.keys.round_name(of.epoch, of.round);
    let vcpus = view.step.resources.vcpus.max(1);
    let items = u32::try_from(view.standing().open.len()).unwrap_or(u32::MAX).max(1);
    let affordable = view.program.pipeline.fleet.max_vcpus.map_or(u32::MAX, |most| (most / vcpus).max(1));
    FleetRequest {
        v: RECORD_VERSION,
        queue: name.clone(),
        name,
        callbacks: ctx.settings.callbacks.clone(),
        run: of.run.clone(),
        step: of.step.clone(),
        vcpus_per_item: vcpus,
        memory_bytes_per_item: memory_bytes(&view.step.resources, of.rung),
        max_slots: items.min(affordable),
        execution: view.lease.execution.clone().unwrap_or_else(|| of.root.clone()),
        workers: view.lease.worker.programs.clone(),
        instances: Some(view.keys.instances(of.epoch)),
        knobs: view.program.pipeline.fleet.clone(),
        valid_until_ms: ctx.clock.now_ms() + FLEET_LIFE_SECS * 1000,
    }
}
