//! A run's ledger out of its records: for each generation of each step the lives of its machines, the attempts on them,
//! and what was counted. Whatever is not on record becomes a note.

use crate::answers;
use crate::exit::Stop;
use crate::inspect::Inspector;
use crate::ui::format::{duration, plural};
use spotmill_core::bounds::USD_PER_VCPU_HOUR;
use spotmill_core::ids::{AttemptId, ItemIndex, RunId, StepName, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::records::{Lease, Plan};
use spotmill_lambdas::attempts::{self, Ended, Rounds};
use spotmill_lambdas::{Ctx, inspect, report};
use spotmill_ledger::{
    Attempt, Category, Charge, Counted, Fleet, ItemCounts, Life, Market, Place, PriceSource, Rates, Recorded, class_of,
    fleet, of_machine, of_services,
};
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

pub struct RunLedger {
    pub run: RunId,
    pub started_ms: u64,
    /// In the order in which they run.
    pub steps: Vec<String>,
    pub charges: Vec<Charge>,
    pub lives: Vec<Life>,
    /// Bytes of the files that it read and that no step of it wrote.
    pub bytes_in: u64,
    pub notes: Vec<String>,
}

/// What the generations of a run share.
struct Reader<'a> {
    ctx: &'a Ctx,
    rates: &'a Rates,
    place: Place,
    latest: u64,
    runs: bool,
    read: BTreeSet<Uri>,
    found: RunLedger,
}

pub async fn gather(inspector: &Inspector, run: &RunId, rates: &Rates) -> Result<RunLedger, Stop> {
    let ctx = &inspector.ctx;
    let keys = RunKeys::new(&ctx.root, run);
    let (lease, _) = records::load::<Lease>(&*ctx.store, &keys.lease())
        .await
        .map_err(answers::of_record)?
        .ok_or_else(|| Stop::usage(format!("{run} is gone")))?;
    let summary = report::summarize(ctx, run).await?;
    let state = inspector.state(&summary).await?.state;
    let place = match (inspector.is_local(), ctx.root.is_s3()) {
        (false, _) => Place::Aws,
        (true, true) => Place::LocalOnS3,
        (true, false) => Place::Local,
    };
    let found = RunLedger {
        run: run.clone(),
        started_ms: lease.started_ms,
        steps: summary.steps.iter().map(|step| step.step.to_string()).collect(),
        charges: Vec::new(),
        lives: Vec::new(),
        bytes_in: 0,
        notes: Vec::new(),
    };
    let runs = state == "running";
    let mut reader = Reader { ctx, rates, place, latest: lease.epoch, runs, read: BTreeSet::new(), found };
    for (step, newest) in &lease.generations {
        let mut carried = BTreeSet::new();
        for generation in 1..=newest.generation {
            let keys = keys.step(&StepName::new(step), generation);
            match attempts::plan(ctx, &keys).await? {
                Some(plan) => reader.generation(&keys, &plan, &mut carried).await?,
                None if generation < newest.generation => {
                    reader.note(&keys, "has no records: it was never planned, or they have expired");
                }
                None => {}
            }
        }
    }
    reader.remarks();
    Ok(reader.found)
}

impl Reader<'_> {
    fn note(&mut self, keys: &StepKeys, text: &str) {
        self.found.notes.push(format!("{} {} g{} {text}", self.found.run, keys.step, keys.generation));
    }

    /// `carried`: attempts that a generation before this one has paid for.
    async fn generation(
        &mut self,
        keys: &StepKeys,
        plan: &Plan,
        carried: &mut BTreeSet<AttemptId>,
    ) -> Result<(), Stop> {
        let mut ended = attempts::of_plan(self.ctx, keys, plan, self.latest).await?;
        let done: BTreeSet<ItemIndex> = ended.iter().filter(|e| e.failure.is_none()).map(|e| e.item).collect();
        ended.retain(|e| carried.insert(e.attempt.clone()));
        let rounds = attempts::rounds(self.ctx, keys).await?;
        let own = inspect::machines(self.ctx, keys, self.latest, usize::MAX).await?;
        let recorded: Vec<Recorded> = ended.iter().map(|e| recorded(e, done.contains(&e.item))).collect();
        let Fleet { lives, strays } = fleet(&rounds.machines, &own, &recorded, self.runs, self.ctx.clock.now_ms());
        let mut over_ms = 0;
        for (life, on_it) in lives {
            let (charges, over) = of_machine(&keys.step, keys.generation, &life, &on_it, self.rates);
            over_ms += over;
            self.found.charges.extend(charges);
            self.found.lives.push(life);
        }
        let counted = self.counted(keys, plan, &ended, &rounds).await?;
        self.found.charges.extend(of_services(self.place, &counted, self.rates));
        self.remark_of(keys, &strays, over_ms);
        Ok(())
    }

    async fn counted(
        &mut self,
        keys: &StepKeys,
        plan: &Plan,
        ended: &[Ended],
        rounds: &Rounds,
    ) -> Result<Counted, Stop> {
        let mut items: BTreeMap<ItemIndex, ItemCounts> = BTreeMap::new();
        for e in ended {
            let counts = items.entry(e.item).or_insert_with(|| ItemCounts { item: e.item, ..ItemCounts::default() });
            counts.attempts += 1;
            // Its receipt, or the record of its failure.
            counts.writes += e.files + 1;
            counts.bytes += e.bytes;
        }
        let (read, bytes_in) = (&mut self.read, &mut self.found.bytes_in);
        attempts::each_item(self.ctx, keys, plan, |work| {
            if let Some(counts) = items.get_mut(&work.item) {
                counts.inputs = work.inputs.len() as u64;
            }
            // Of a step's output the rows are known.
            for file in work.inputs.into_iter().filter(|file| file.rows.is_none()) {
                if read.insert(file.uri) {
                    *bytes_in += file.bytes;
                }
            }
        })
        .await?;
        let end_ms = ended.iter().map(|e| e.ended_ms).fold(plan.planned_ms, u64::max);
        Ok(Counted {
            step: keys.step.clone(),
            generation: keys.generation,
            epochs: rounds.epochs,
            rounds: rounds.rounds,
            items: items.into_values().collect(),
            start_ms: plan.planned_ms,
            end_ms,
        })
    }

    fn remark_of(&mut self, keys: &StepKeys, strays: &[Attempt], over_ms: u64) {
        let ms: u64 = strays.iter().map(|attempt| attempt.slot_ms).sum();
        if ms > 0 {
            let count = plural(strays.len() as u64, "attempt");
            self.note(keys, &format!("{count} of {} ran on machines without a record: not counted", duration(ms)));
        }
        if over_ms > 0 {
            let over = duration(over_ms);
            self.note(keys, &format!("has {over} of attempts outside of their machines' lives: not counted"));
        }
    }

    /// What the figures of the whole run hold and do not hold.
    fn remarks(&mut self) {
        let machines = |of: &dyn Fn(&Charge) -> bool| {
            let machines = self.found.charges.iter().filter(|c| matches!(c.category, Category::Machine(_)) && of(c));
            machines.map(|charge| charge.resource.as_str()).collect::<BTreeSet<_>>().len() as u64
        };
        let is_unpriced_spot = |c: &Charge| c.source == PriceSource::Table && c.market == Some(Market::Spot);
        let counts = [
            (
                machines(&|c: &Charge| c.source == PriceSource::FirstHour),
                "taken by EC2 in the first hour: AWS takes nothing".to_owned(),
            ),
            (
                machines(&is_unpriced_spot),
                "on spot without a recorded price: counted as on demand, an upper bound".to_owned(),
            ),
            (
                machines(&|c: &Charge| c.source == PriceSource::Bound),
                format!("without a known price: counted at {USD_PER_VCPU_HOUR:.2} dollars a vCPU-hour, an upper bound"),
            ),
        ];
        let counted = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut notes: Vec<String> =
            counted.map(|(count, what)| format!("{}: {} {what}", self.found.run, plural(count, "machine"))).collect();
        if self.runs {
            notes.push(format!("{} runs: these are its costs so far", self.found.run));
        }
        if self.place == Place::Aws {
            notes.push("requests, calls and storage are the least that records show; functions' seconds and logs are not in them".to_owned());
        }
        self.found.notes.extend(notes);
    }
}

fn recorded(ended: &Ended, has_receipt: bool) -> Recorded {
    let attempt = Attempt {
        item: ended.item,
        class: class_of(ended.failure, has_receipt),
        ended_ms: ended.ended_ms,
        slot_ms: ended.wall_ms,
    };
    Recorded { worker: ended.worker.clone(), attempt }
}
