//! Verdict: lists the receipts, reads this epoch's failures, and decides what comes next. When every item is committed
//! or accepted it seals the step; the seal's files are written before the seal that names them.

use crate::round::RoundView;
use crate::several::{WIDER, get_many};
use crate::update::replace;
use crate::work::{WorkPage, WorkPages};
use crate::{Ctx, HandlerError, inputs, lease, watch};
use spotmill_core::bounds::PAGE_BYTES;
use spotmill_core::calls::{Caught, Next, RoundRequest, VerdictReply, VerdictRequest, errors};
use spotmill_core::command::Command;
use spotmill_core::ids::{Epoch, ItemIndex};
use spotmill_core::plan::item_digest;
use spotmill_core::records::{RECORD_VERSION, Receipt, Seal, VerdictRecord};
use spotmill_core::seal::{PlannedItem, SealError, Sealed, Sealing, describe};
use spotmill_core::verdict::{Ended, Verdict, decide};
use spotmill_platform::records;

/// Receipts in memory at once: about a kilobyte each. Between two such parts the reads run dry, so parts are large.
const RECEIPTS: usize = 16_384;

pub async fn handle(ctx: &Ctx, request: VerdictRequest) -> Result<VerdictReply, HandlerError> {
    let of = &request.round;
    let view = RoundView::load(ctx, of).await?;
    if let Some((seal, _)) = records::load::<Seal>(&*ctx.store, &view.keys.seal()).await?
        && seal.covers(inputs::accepted(&view.lease.accept, of.step.as_str()), &view.step)
    {
        return Ok(sealed_reply(&view, of));
    }
    let caught = diagnosed(ctx, &view, of, request.failure.as_ref()).await;
    let show = ctx.settings.caller.command("show").arg(of.run.as_str());
    let rerun = view.program.rerun(&ctx.settings);
    let ended = Ended {
        step: of.step.as_str(),
        round: of.round,
        rung: of.rung,
        idle_before: idle_before(ctx, &view, of).await?,
        caught: caught.as_ref().or(request.failure.as_ref()),
        tally: view.tally.as_ref(),
        inspect: &show,
        resume: &rerun,
    };
    match decide(&view.facts(), &ended) {
        Verdict::Round { round, rung, idle, because } => {
            record(ctx, &view, of, idle, &because).await?;
            tracing::info!(run = %of.run, step = %of.step, round, rung, because, "another round");
            Ok(VerdictReply { next: Next::Round, round, rung, error: String::new(), cause: String::new() })
        }
        Verdict::Failed { error, cause } => {
            record(ctx, &view, of, 0, &cause).await?;
            Ok(failed(of, error, cause))
        }
        Verdict::Complete { missing } => complete(ctx, &view, of, &missing, (&show, &rerun)).await,
    }
}

/// Why no worker was heard of, if the fleet's history shows it: silence is no cause.
async fn diagnosed(ctx: &Ctx, view: &RoundView, of: &RoundRequest, failure: Option<&Caught>) -> Option<Caught> {
    failure.filter(|f| f.error == "States.HeartbeatTimeout")?;
    let tally = view.tally.as_ref().filter(|t| t.round == of.round);
    match watch::diagnose(ctx, &view.keys, (of.epoch, of.round), tally).await {
        Ok(found) => found,
        Err(e) => {
            tracing::warn!(run = %of.run, step = %of.step, error = %e, "the fleet's history cannot be read");
            None
        }
    }
}

/// Rounds before this one, on its rung, that brought nothing.
async fn idle_before(ctx: &Ctx, view: &RoundView, of: &RoundRequest) -> Result<u32, HandlerError> {
    let Some(before) = of.round.checked_sub(1) else {
        return Ok(0);
    };
    let record = records::load::<VerdictRecord>(&*ctx.store, &view.keys.verdict(of.epoch, before)).await?;
    Ok(record.map(|(r, _)| r).filter(|r| r.rung == of.rung).map_or(0, |r| r.idle))
}

async fn record(ctx: &Ctx, view: &RoundView, of: &RoundRequest, idle: u32, because: &str) -> Result<(), HandlerError> {
    let record = VerdictRecord {
        v: RECORD_VERSION,
        round: of.round,
        rung: of.rung,
        idle,
        because: because.to_owned(),
        decided_ms: ctx.clock.now_ms(),
    };
    Ok(records::put(&*ctx.store, &view.keys.verdict(of.epoch, of.round), &record).await?)
}

fn failed(of: &RoundRequest, error: impl Into<String>, cause: String) -> VerdictReply {
    VerdictReply { next: Next::Failed, round: of.round, rung: of.rung, error: error.into(), cause }
}

fn sealed_reply(view: &RoundView, of: &RoundRequest) -> VerdictReply {
    let next = if view.step.output.destination.is_some() { Next::Publish } else { Next::Done };
    VerdictReply { next, round: of.round, rung: of.rung, error: String::new(), cause: String::new() }
}

async fn complete(
    ctx: &Ctx,
    view: &RoundView,
    of: &RoundRequest,
    missing: &[ItemIndex],
    (show, rerun): (&Command, &Command),
) -> Result<VerdictReply, HandlerError> {
    match fold(ctx, view, of.epoch, missing).await? {
        Ok(sealed) => {
            write(ctx, view, of, &sealed).await?;
            tracing::info!(run = %of.run, "{}", describe(&sealed.seal));
            Ok(sealed_reply(view, of))
        }
        Err(SealError::Corrupt(why)) => Err(HandlerError::corrupt(format!("`{}`: {why}", of.step))),
        Err(SealError::Expectation(why)) => {
            let kept = spotmill_core::format::count(view.receipts.len(), "item");
            let stands = match records::load::<Seal>(&*ctx.store, &view.keys.seal()).await? {
                None => "is complete and not published",
                Some(_) => "does not hold what is asked of it now, and what was published before stays",
            };
            let cause = format!(
                "`{}` {stands}: {why}. {kept} committed and kept. Look: `{show}`. Again, when it is mended: `{rerun}`.",
                of.step
            );
            record(ctx, view, of, 0, &cause).await?;
            Ok(failed(of, errors::EXPECTATION_FAILED, cause))
        }
    }
}

/// Reads every receipt, page by page beside the work list, and none twice.
async fn fold(
    ctx: &Ctx,
    view: &RoundView,
    epoch: Epoch,
    missing: &[ItemIndex],
) -> Result<Result<Sealed, SealError>, HandlerError> {
    let mut sealing = Sealing::new(&view.step, &view.plan, missing, &view.lease.worker.programs);
    if let Some(foreign) = view.receipts.max().filter(|item| *item >= view.plan.items) {
        return Ok(Err(SealError::Corrupt(format!("the receipt of item {foreign} is of no planned item"))));
    }
    let mut pages = WorkPages::open(&view.keys, &view.plan);
    while let Some(page) = pages.next(ctx).await? {
        let items: Vec<ItemIndex> = view.receipts.range(page.from..page.to).collect();
        for some in items.chunks(RECEIPTS) {
            let uris = some.iter().map(|item| view.keys.receipt(*item)).collect();
            let receipts: Vec<Receipt> = get_many(ctx, ctx.settings.parallel * WIDER, uris).await?;
            for (item, mut receipt) in some.iter().zip(receipts) {
                receipt.scratch = inputs::own_attempt(&view.keys, *item, &receipt)?;
                if let Err(e) = sealing.add(*item, &planned_item(&page, *item)?, receipt) {
                    return Ok(Err(e));
                }
            }
        }
    }
    Ok(sealing.finish(epoch, ctx.clock.now_ms()))
}

fn planned_item(page: &WorkPage<'_>, index: ItemIndex) -> Result<PlannedItem, HandlerError> {
    let item = page.item(index)?;
    Ok(PlannedItem {
        digest: item_digest(page.line(index)?),
        rows: item.inputs.iter().map(|f| f.rows).sum::<Option<u64>>().filter(|_| !item.inputs.is_empty()),
        sliced: item.value.is_some(),
        bytes: item.inputs.iter().map(|f| f.bytes).sum(),
    })
}

async fn write(ctx: &Ctx, view: &RoundView, of: &RoundRequest, sealed: &Sealed) -> Result<(), HandlerError> {
    lease::fence(ctx, &of.run, &lease::ticket(of)).await?;
    let files = view.keys.sealed_files(&sealed.seal.files_digest);
    // It is named by its content: writing it again changes nothing.
    ctx.store.put_pages(&files, &mut sealed.files.pages(PAGE_BYTES as usize)).await?;
    let uri = view.keys.seal();
    // An earlier seal accepted items as missing that exist now or the other way round, or was made with other checks.
    let etag = records::load::<Seal>(&*ctx.store, &uri).await?.map(|(_, etag)| etag);
    match replace(ctx, &uri, etag.as_deref(), &sealed.seal).await? {
        true => Ok(()),
        false => Err(HandlerError::transient(format!("{uri}: another verdict wrote it"))),
    }
}
