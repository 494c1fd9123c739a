//! The record of a round's machines: whoever inspects a fleet adds what it saw. And what a run has cost so far, which
//! is the sum of these records over its steps.

use crate::several::get_all;
use crate::update::{Change, update};
use crate::{Ctx, HandlerError};
use spotmill_core::calls::errors;
use spotmill_core::fleet::FleetNow;
use spotmill_core::fleet::life::{self, Cost, RoundMachines};
use spotmill_core::fleet::remarks::remarks;
use spotmill_core::ids::{Generation, RunId, StepName, Uri};
use spotmill_core::keys::{RunKeys, StepKeys, is_machines};
use spotmill_core::records::Lease;

/// Adds an observation to the record, and whatever `edit` adds; returns the resulting record.
pub async fn see(
    ctx: &Ctx,
    uri: &Uri,
    fleet: &FleetNow,
    edit: impl Fn(&mut RoundMachines, u64),
) -> Result<RoundMachines, HandlerError> {
    change(ctx, uri, Some(fleet), edit).await
}

/// Changes the record without an observation.
pub async fn edit(ctx: &Ctx, uri: &Uri, edit: impl Fn(&mut RoundMachines, u64)) -> Result<(), HandlerError> {
    change(ctx, uri, None, edit).await.map(drop)
}

async fn change(
    ctx: &Ctx,
    uri: &Uri,
    fleet: Option<&FleetNow>,
    edit: impl Fn(&mut RoundMachines, u64),
) -> Result<RoundMachines, HandlerError> {
    let edit = &edit;
    update(ctx, uri, |old: Option<RoundMachines>| async move {
        let now = ctx.clock.now_ms();
        let mut next = old.clone().unwrap_or_default();
        if let Some(fleet) = fleet {
            next.see(fleet, now);
            price(ctx, &mut next).await;
        }
        edit(&mut next, now);
        Ok(match old.as_ref() == Some(&next) {
            true => Change::Keep(next),
            false => Change::Write(next.clone(), next),
        })
    })
    .await
}

/// Prices inform: where none can be asked, an upper bound counts.
async fn price(ctx: &Ctx, machines: &mut RoundMachines) {
    let pools = machines.unpriced();
    if pools.is_empty() {
        return;
    }
    match ctx.fleets.prices(&pools).await {
        Ok(usd) => machines.price(&pools, &usd),
        Err(e) => tracing::warn!(error = %e, "prices are not known"),
    }
}

/// The records of machines of one generation of a step, of all its epochs and rounds.
pub async fn lives(ctx: &Ctx, keys: &StepKeys) -> Result<Vec<RoundMachines>, HandlerError> {
    let listed = ctx.store.list(&keys.epochs()).await?;
    get_all(ctx, listed.into_iter().map(|o| o.uri).filter(is_machines).collect()).await
}

/// What the machines of one generation of a step have cost; nothing if it never had any.
pub async fn cost_of(ctx: &Ctx, keys: &StepKeys) -> Result<Option<(Cost, Vec<String>)>, HandlerError> {
    let lives = lives(ctx, keys).await?;
    if lives.is_empty() {
        return Ok(None);
    }
    let (mut cost, mut notes) = (Cost::default(), Vec::new());
    for machines in lives {
        cost += machines.cost(ctx.clock.now_ms());
        notes.extend(remarks(&machines));
    }
    Ok(Some((cost, notes)))
}

/// Dollars that a run's machines have cost, in all its executions, steps and generations.
pub async fn spent_usd(ctx: &Ctx, run: &RunId, lease: &Lease) -> Result<f64, HandlerError> {
    let mut usd = 0.0;
    for (step, newest) in &lease.generations {
        for generation in 1..=newest.generation as Generation {
            let keys = RunKeys::new(&ctx.root, run).step(&StepName::new(step), generation);
            usd += cost_of(ctx, &keys).await?.map_or(0.0, |(cost, _)| cost.usd);
        }
    }
    Ok(usd)
}

/// Why the run gets no more machines: it has spent its budget, and this start may not pass it.
pub async fn over_budget(
    ctx: &Ctx,
    run: &RunId,
    lease: &Lease,
    budget_usd: Option<f64>,
) -> Result<Option<HandlerError>, HandlerError> {
    let Some(budget_usd) = budget_usd.filter(|_| !lease.over_budget) else {
        return Ok(None);
    };
    let spent = spent_usd(ctx, run, lease).await?;
    let over =
        || HandlerError::new(errors::OVER_BUDGET, life::over_budget(spent, budget_usd, &ctx.settings.caller.run()));
    Ok((spent >= budget_usd).then(over))
}
