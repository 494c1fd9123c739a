//! LaunchFleet: a queue and machines for one round. How many is decided once, from what is to be done, what the last
//! runs measured and what the stack may have; the whole request is on record before any call, so that whoever cleans up
//! knows what to end even if no reply ever came, and a repeated call asks for the same.

use crate::create::{Stands, create_record};
use crate::round::RoundView;
use crate::{Ctx, HandlerError, Nothing, capacity, history, machines};
use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::calls::RoundRequest;
use spotmill_core::fleet::capacity::Ask;
use spotmill_core::history::{Question, Size, size};
use spotmill_core::records::RECORD_VERSION;
use spotmill_core::verdict::memory_bytes;
use spotmill_ec2::machines::slot_vcpus;
use spotmill_platform::ports::FleetRequest;
use spotmill_platform::records;

pub async fn handle(ctx: &Ctx, of: RoundRequest) -> Result<Nothing, HandlerError> {
    let view = RoundView::load(ctx, &of).await?;
    let uri = view.keys.fleet(of.epoch, of.round);
    // A run that spent its budget keeps all it has, and can be resumed.
    if let Some(e) = machines::over_budget(ctx, &of.run, &view.lease, view.program.pipeline.budget_usd_per_run).await? {
        return Err(e);
    }
    let request = match records::load::<FleetRequest>(&*ctx.store, &uri).await? {
        // An earlier try wrote it; it is what was asked for, if anything was.
        Some((request, _)) => request,
        None => {
            let request = request(ctx, &of, &view).await?;
            match create_record(ctx, &uri, &request).await? {
                Stands::Ours => request,
                Stands::Others(body) => records::parse(&uri, &body)?,
            }
        }
    };
    tracing::info!(fleet = request.name, slots = request.max_slots, because = request.because, "a round's machines");
    ctx.queues.create(&request.queue).await?;
    ctx.fleets.launch(&request).await?;
    Ok(Nothing {})
}

async fn request(ctx: &Ctx, of: &RoundRequest, view: &RoundView) -> Result<FleetRequest, HandlerError> {
    let name = view.keys.round_name(of.epoch, of.round);
    let now = ctx.clock.now_ms();
    let mut request = FleetRequest {
        v: RECORD_VERSION,
        queue: name.clone(),
        name,
        callbacks: ctx.settings.callbacks.clone(),
        run: of.run.clone(),
        step: of.step.clone(),
        vcpus_per_item: view.step.resources.vcpus.max(1),
        memory_bytes_per_item: memory_bytes(&view.step.resources, of.rung),
        max_slots: 1,
        execution: view.lease.execution.clone().unwrap_or_else(|| of.root.clone()),
        workers: view.lease.worker.programs.clone(),
        instances: Some(view.keys.instances(of.epoch)),
        knobs: view.program.pipeline.fleet.clone(),
        because: String::new(),
        valid_until_ms: now + FLEET_LIFE_SECS * 1000,
    };
    let slot_vcpus = slot_vcpus(&request);
    let wanted = wanted(ctx, of, view, slot_vcpus, now).await?;
    (request.max_slots, request.because) = (wanted.slots, wanted.because);
    if let Some(most) = ctx.settings.max_vcpus {
        let ask = Ask {
            fleet: &request.name,
            run: &request.run,
            step: &request.step,
            slots: wanted.slots,
            slot_vcpus,
            ended: view.keys.fleet_ended(of.epoch, of.round),
        };
        let (slots, fewer) = capacity::grant(ctx, most, &ask).await?;
        request.max_slots = slots;
        request.because.extend(fewer.map(|why| format!("; only {slots}: {why}")));
    }
    Ok(request)
}

/// By work and history, as if the stack had no limit.
async fn wanted(
    ctx: &Ctx,
    of: &RoundRequest,
    view: &RoundView,
    slot_vcpus: u32,
    now_ms: u64,
) -> Result<Size, HandlerError> {
    let open = u32::try_from(view.standing().open.len()).unwrap_or(u32::MAX);
    let measured = match ctx.settings.boot_secs {
        Some(_) => history::measured(ctx, &view.program.pipeline.name, &view.step).await,
        None => None,
    };
    let share = f64::from(open) / f64::from(view.plan.items.max(1));
    Ok(size(&Question {
        items: open,
        input_bytes: (view.plan.input_bytes as f64 * share) as u64,
        slot_vcpus,
        max_vcpus: view.program.pipeline.fleet.max_vcpus,
        measured: measured.as_ref(),
        deadline_secs: view.step.deadline_secs,
        spent_secs: spent_secs(ctx, of, view, now_ms).await?,
        boot_secs: ctx.settings.boot_secs.unwrap_or_default(),
    }))
}

/// Since this execution of the step asked for its first machines.
async fn spent_secs(ctx: &Ctx, of: &RoundRequest, view: &RoundView, now_ms: u64) -> Result<u64, HandlerError> {
    if of.round == 0 || view.step.deadline_secs.is_none() {
        return Ok(0);
    }
    let first = records::load::<FleetRequest>(&*ctx.store, &view.keys.fleet(of.epoch, 0)).await?;
    Ok(first.map_or(0, |(first, _)| now_ms.saturating_sub(first.asked_ms()) / 1000))
}
