//! What a round's functions read of their step: the lease they were checked against, the plan, and how every item
//! stands, from receipts and failure records.

use crate::{Ctx, HandlerError, Program, lease, step};
use spotmill_core::calls::RoundRequest;
use spotmill_core::keys::StepKeys;
use spotmill_core::model::Step;
use spotmill_core::records::{FailureRecord, Lease, Plan};
use spotmill_core::tally::{RoaringBitmap, Tally};
use spotmill_core::verdict::{Facts, Standing, standing};
use spotmill_platform::records;

pub struct RoundView {
    pub keys: StepKeys,
    pub lease: Lease,
    pub program: Program,
    pub step: Step,
    pub plan: Plan,
    pub receipts: RoaringBitmap,
    pub failures: Vec<FailureRecord>,
    /// The epoch's tally, of any round.
    pub tally: Option<Tally>,
    accepted: Vec<u32>,
    failed_hint: RoaringBitmap,
    rung: u32,
}

impl RoundView {
    pub async fn load(ctx: &Ctx, of: &RoundRequest) -> Result<Self, HandlerError> {
        let lease = lease::fence(ctx, &of.run, &lease::ticket(of)).await?;
        let program = lease::program(ctx, &of.run, &lease).await?;
        let step = program.step(of.step.as_str())?.clone();
        let keys = step::keys_of(ctx, of);
        let plan = step::plan(ctx, &keys).await?;
        let tally = records::load::<Tally>(&*ctx.store, &keys.tally(of.epoch)).await?.map(|(tally, _)| tally);
        let receipts = step::receipted(ctx, &keys, &plan).await?;
        Ok(Self {
            failures: step::outlined(ctx, &keys, of.epoch, (plan.items, &receipts)).await?,
            receipts,
            plan,
            accepted: lease.accept.get(of.step.as_str()).cloned().unwrap_or_default(),
            failed_hint: tally.as_ref().map(|t| t.failed.0.clone()).unwrap_or_default(),
            rung: of.rung,
            keys,
            lease,
            program,
            step,
            tally,
        })
    }

    pub fn facts(&self) -> Facts<'_> {
        Facts {
            total: self.plan.items,
            receipts: &self.receipts,
            accepted: &self.accepted,
            failures: &self.failures,
            failed_hint: &self.failed_hint,
            resources: &self.step.resources,
            rung: self.rung,
        }
    }

    pub fn standing(&self) -> Standing {
        standing(&self.facts())
    }
}
