//! A report out of a run's records.

use crate::ends::End;
use crate::loaded::{Loaded, Tried};
use crate::model::{Attempt, REPORT_VERSION, Report, StepFiles};
use crate::of::Of;
use crate::{changes, dossiers, headline, machines, money, steps};
use spotmill_core::format::class;
use spotmill_core::ids::ItemIndex;
use spotmill_ledger::class_of;
use std::collections::BTreeSet;

pub fn compile(loaded: &Loaded) -> Report {
    let all = Of::all(loaded);
    let last_sign_ms = last_sign_ms(loaded);
    let until_ms = loaded.ended_ms.unwrap_or(if loaded.state == "running" { loaded.now_ms } else { last_sign_ms });
    let money = loaded.ledger.as_ref().map(|ledger| money::of(loaded, ledger));
    let mut notes = loaded.notes.clone();
    notes.extend(money::remarks(loaded));
    notes.extend(headline::awaited(loaded).filter(|_| loaded.state == "running"));
    let mut report = Report {
        v: REPORT_VERSION,
        run: loaded.report.run.clone(),
        pipeline: loaded.pipeline.name.clone(),
        state: loaded.state.clone(),
        started_ms: loaded.started_ms,
        claimed_ms: loaded.claimed_ms,
        ended_ms: loaded.ended_ms,
        took_ms: until_ms.saturating_sub(loaded.claimed_ms),
        made_ms: loaded.now_ms,
        items: loaded.report.steps.iter().map(|step| u64::from(step.items)).sum(),
        committed: loaded.report.steps.iter().map(|step| u64::from(step.committed)).sum(),
        params: loaded.report.params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        headline: headline::of(loaded, &all),
        money,
        destinations: steps::destinations(loaded, &all),
        steps: steps::lines(loaded, &all),
        machines: machines::lanes(loaded),
        failed: dossiers::of(loaded, &all),
        pools: machines::pools(loaded),
        attempts: all.iter().flat_map(attempts).collect(),
        inputs: all.iter().filter_map(files).collect(),
        changes: changes::of(loaded, &all),
        notes,
    };
    let own = End::of(&report);
    if let Some(money) = &mut report.money {
        money.past = money::past(&loaded.past, own);
    }
    report
}

/// When anything of the run was last heard of.
fn last_sign_ms(loaded: &Loaded) -> u64 {
    let tried = loaded.steps.iter().flat_map(|step| &step.tried).map(|tried| tried.ended_ms);
    let machines = loaded.ledger.iter().flat_map(|ledger| &ledger.machines).map(|machine| machine.life.ended_ms);
    tried.chain(machines).filter(|at| *at <= loaded.now_ms).fold(loaded.claimed_ms, u64::max)
}

fn attempts(of: &Of<'_>) -> Vec<Attempt> {
    let done: BTreeSet<ItemIndex> =
        of.loaded.tried.iter().filter(|tried| tried.failure.is_none()).map(|tried| tried.item).collect();
    let mut all: Vec<Attempt> = of.loaded.tried.iter().map(|tried| attempt(of, tried, &done)).collect();
    all.sort_by(|a, b| (a.item, a.ended_ms, &a.attempt).cmp(&(b.item, b.ended_ms, &b.attempt)));
    all
}

fn attempt(of: &Of<'_>, tried: &Tried, done: &BTreeSet<ItemIndex>) -> Attempt {
    let failure = tried.failure.as_ref().map(|failure| failure.class);
    let reads = of.loaded.items.get(&tried.item);
    Attempt {
        step: of.step.name.clone(),
        generation: of.report.generation,
        item: tried.item,
        label: reads.map(|reads| reads.label.clone()).unwrap_or_default(),
        attempt: tried.attempt.to_string(),
        status: failure.map_or("committed", class).to_owned(),
        class: class_of(failure, done.contains(&tried.item)),
        worker: tried.worker.clone(),
        carried: tried.carried,
        started_ms: tried.ended_ms.saturating_sub(tried.run_ms),
        ended_ms: tried.ended_ms,
        run_ms: tried.run_ms,
        cpu_ms: tried.cpu_ms,
        peak_bytes: tried.peak_bytes,
        limit_bytes: of.limit_bytes(tried.rung),
        rung: tried.rung,
        files_in: reads.map_or(0, |reads| reads.files),
        bytes_in: reads.map_or(0, |reads| reads.bytes),
        rows: tried.rows,
        files_out: tried.files,
        bytes_out: tried.bytes,
    }
}

/// Nothing of a step that reads what other steps wrote.
fn files(of: &Of<'_>) -> Option<StepFiles> {
    let loaded = of.loaded;
    (loaded.files > 0).then(|| StepFiles {
        step: of.step.name.clone(),
        files: loaded.files,
        bytes: loaded.bytes,
        remarks: loaded.late.clone(),
        named: loaded.named.clone(),
    })
}
