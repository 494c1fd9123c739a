//! A run's ledger out of its records: for each generation of each step the lives of its machines, the attempts on them,
//! and what was counted. Whatever is not on record becomes a note. It reads, and writes nothing.

use crate::attempts::{self, Ended, Rounds};
use crate::{Ctx, HandlerError, inspect, lease, pins};
use spotmill_core::bounds::USD_PER_VCPU_HOUR;
use spotmill_core::bundle;
use spotmill_core::command::is_aws;
use spotmill_core::format::{count, took};
use spotmill_core::ids::{AttemptId, ItemIndex, RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{Plan, WorkItem};
use spotmill_ledger::{
    Attempt, Category, Charge, Counted, Fleet, ItemCounts, Life, Market, Place, PriceSource, Rates, Recorded, class_of,
    fleet, of_machine, of_services,
};
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
    /// Those that it was priced at.
    pub rates: Rates,
    /// What it was made of, if that was asked for.
    pub generations: Vec<Worked>,
}

/// A generation of a step, as its records show it.
pub struct Worked {
    pub keys: StepKeys,
    pub plan: Plan,
    /// Of this generation, or carried over into it.
    pub ended: Vec<Ended>,
    /// Of these, what an earlier generation did.
    pub carried: BTreeSet<AttemptId>,
    pub machines: Vec<(Life, Vec<Attempt>)>,
    /// The machines' own records.
    pub own: Vec<InstanceRecord>,
    pub rounds: Rounds,
    /// By item, a label, files and bytes.
    pub reads: BTreeMap<ItemIndex, (String, u64, u64)>,
    /// Files that no step wrote, their bytes, and the first of them.
    pub files: u64,
    pub bytes: u64,
    pub named: Vec<InputFile>,
}

/// What is asked of a run.
pub struct Asked<'a> {
    pub run: &'a RunId,
    /// Stronger than those of the run's pipeline.
    pub rates: &'a Rates,
    /// Somebody works on it now.
    pub runs: bool,
    /// Files named for each generation, if what the ledger was made of is wanted.
    pub named: Option<usize>,
}

/// What the generations of a run share.
struct Reader<'a> {
    ctx: &'a Ctx,
    asked: &'a Asked<'a>,
    place: Place,
    latest: u64,
    read: BTreeSet<Uri>,
    found: RunLedger,
}

/// Where runs of this target work, which decides what AWS counts of them.
fn place(ctx: &Ctx) -> Place {
    match (is_aws(&ctx.settings.caller.target), ctx.root.is_s3()) {
        (true, _) => Place::Aws,
        (false, true) => Place::LocalOnS3,
        (false, false) => Place::Local,
    }
}

pub async fn gather(ctx: &Ctx, asked: &Asked<'_>) -> Result<RunLedger, HandlerError> {
    let keys = RunKeys::new(&ctx.root, asked.run);
    let lease = lease::load(ctx, asked.run).await?;
    let program = lease::program(ctx, asked.run, &lease).await?;
    let found = RunLedger {
        run: asked.run.clone(),
        started_ms: lease.started_ms,
        steps: program.pipeline.steps.iter().map(|step| step.name.clone()).collect(),
        charges: Vec::new(),
        lives: Vec::new(),
        bytes_in: 0,
        notes: Vec::new(),
        rates: asked.rates.clone().over(&program.pipeline.rates),
        generations: Vec::new(),
    };
    let mut reader = Reader { ctx, asked, place: place(ctx), latest: lease.epoch, read: BTreeSet::new(), found };
    for (step, newest) in &lease.generations {
        let mut carried = BTreeSet::new();
        for generation in 1..=newest.generation {
            let keys = keys.step(&StepName::new(step), generation);
            match attempts::plan(ctx, &keys).await? {
                Some(plan) => reader.generation(&keys, plan, &mut carried).await?,
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

    /// `paid`: attempts that a generation before this one has paid for.
    async fn generation(
        &mut self,
        keys: &StepKeys,
        plan: Plan,
        paid: &mut BTreeSet<AttemptId>,
    ) -> Result<(), HandlerError> {
        let ended = attempts::of_plan(self.ctx, keys, &plan, self.latest).await?;
        let done: BTreeSet<ItemIndex> = ended.iter().filter(|e| e.failure.is_none()).map(|e| e.item).collect();
        let (new, carried): (Vec<&Ended>, Vec<&Ended>) = ended.iter().partition(|e| !paid.contains(&e.attempt));
        let carried: BTreeSet<AttemptId> = carried.into_iter().map(|e| e.attempt.clone()).collect();
        paid.extend(new.iter().map(|e| e.attempt.clone()));
        let rounds = attempts::rounds(self.ctx, keys).await?;
        let own = inspect::machines(self.ctx, keys, self.latest, usize::MAX).await?;
        let recorded: Vec<Recorded> = new.iter().map(|e| recorded(e, done.contains(&e.item))).collect();
        let Fleet { lives, strays } =
            fleet(&rounds.machines, &own, &recorded, self.asked.runs, self.ctx.clock.now_ms());
        let mut over_ms = 0;
        for (life, on_it) in &lives {
            let (charges, over) = of_machine(&keys.step, keys.generation, life, on_it, &self.found.rates);
            over_ms += over;
            self.found.charges.extend(charges);
            self.found.lives.push(life.clone());
        }
        let mut listed = Listed::new(&new, self.asked.named);
        let (read, bytes_in) = (&mut self.read, &mut self.found.bytes_in);
        let ctx = self.ctx;
        attempts::each_item(ctx, keys, &plan, |work| listed.add(ctx, &plan, work, read, bytes_in)).await?;
        let counted = counted(keys, &plan, &new, &rounds, std::mem::take(&mut listed.counts));
        self.found.charges.extend(of_services(self.place, &counted, &self.found.rates));
        self.remark_of(keys, &strays, over_ms);
        if self.asked.named.is_some() {
            let Listed { reads, files, bytes, named, .. } = listed;
            let keys = keys.clone();
            let worked =
                Worked { keys, plan, carried, machines: lives, own, rounds, reads, files, bytes, named, ended };
            self.found.generations.push(worked);
        }
        Ok(())
    }

    fn remark_of(&mut self, keys: &StepKeys, strays: &[Attempt], over_ms: u64) {
        let ms: u64 = strays.iter().map(|attempt| attempt.slot_ms).sum();
        if ms > 0 {
            let attempts = count(strays.len() as u64, "attempt");
            self.note(keys, &format!("{attempts} of {} ran on machines without a record: not counted", took(ms)));
        }
        if over_ms > 0 {
            let over = took(over_ms);
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
        let counted = counts.into_iter().filter(|(machines, _)| *machines > 0);
        let mut notes: Vec<String> = counted
            .map(|(machines, what)| format!("{}: {} {what}", self.found.run, count(machines, "machine")))
            .collect();
        if self.asked.runs {
            notes.push(format!("{} runs: these are its costs so far", self.found.run));
        }
        if self.place == Place::Aws {
            notes.push("requests, calls and storage are the least that records show; functions' seconds and logs are not in them".to_owned());
        }
        self.found.notes.extend(notes);
    }
}

/// What a work list comes to.
struct Listed {
    counts: BTreeMap<ItemIndex, ItemCounts>,
    reads: BTreeMap<ItemIndex, (String, u64, u64)>,
    files: u64,
    bytes: u64,
    named: Vec<InputFile>,
    most: Option<usize>,
    seen: BTreeSet<Uri>,
}

impl Listed {
    fn new(ended: &[&Ended], most: Option<usize>) -> Listed {
        let mut counts: BTreeMap<ItemIndex, ItemCounts> = BTreeMap::new();
        for e in ended {
            let counts = counts.entry(e.item).or_insert_with(|| ItemCounts { item: e.item, ..ItemCounts::default() });
            counts.attempts += 1;
            // Its receipt, or the record of its failure.
            counts.writes += e.objects + 1;
            counts.bytes += e.bytes;
        }
        let (reads, named, seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Listed { counts, reads, files: 0, bytes: 0, named, most, seen }
    }

    fn add(&mut self, ctx: &Ctx, plan: &Plan, work: WorkItem, read: &mut BTreeSet<Uri>, bytes_in: &mut u64) {
        if let Some(counts) = self.counts.get_mut(&work.item) {
            counts.inputs = bundle::count(&work.inputs);
        }
        if self.most.is_some() {
            let bytes = work.inputs.iter().map(|file| file.bytes).sum();
            self.reads.insert(work.item, (label(&work), work.inputs.len() as u64, bytes));
        }
        // Of a step's output the rows are known.
        for mut file in work.inputs.into_iter().filter(|file| file.rows.is_none()) {
            if self.most.is_some() && self.seen.insert(file.uri.clone()) {
                self.files += 1;
                self.bytes += file.bytes;
                if self.named.len() < self.most.unwrap_or_default() {
                    let mut now = file.clone();
                    pins::now_at(ctx, plan, &mut now);
                    self.named.push(now);
                }
            }
            if read.insert(std::mem::replace(&mut file.uri, Uri::new(""))) {
                *bytes_in += file.bytes;
            }
        }
    }
}

/// What an item reads, in a few words: `site=de`, `part-00038.csv.gz`, `2 files: a.csv …`.
fn label(work: &WorkItem) -> String {
    if let Some(partition) = &work.partition {
        return partition.clone();
    }
    if let Some(filter) = &work.value {
        let value = match &filter.value {
            spotmill_core::model::ItemValue::Int(value) => value.to_string(),
            spotmill_core::model::ItemValue::Text(text) => text.clone(),
        };
        return format!("{}={value}", filter.column);
    }
    let name = |file: &InputFile| file.uri.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    match work.inputs.as_slice() {
        [] => String::new(),
        [file] => name(file),
        [first, ..] => format!("{}: {} …", count(work.inputs.len() as u64, "file"), name(first)),
    }
}

fn counted(
    keys: &StepKeys,
    plan: &Plan,
    ended: &[&Ended],
    rounds: &Rounds,
    items: BTreeMap<ItemIndex, ItemCounts>,
) -> Counted {
    Counted {
        step: keys.step.clone(),
        generation: keys.generation,
        epochs: rounds.epochs,
        rounds: rounds.rounds,
        items: items.into_values().collect(),
        start_ms: plan.planned_ms,
        end_ms: ended.iter().map(|e| e.ended_ms).fold(plan.planned_ms, u64::max),
    }
}

fn recorded(ended: &Ended, has_receipt: bool) -> Recorded {
    let attempt = Attempt {
        item: ended.item,
        class: class_of(ended.failure.as_ref().map(|failure| failure.class), has_receipt),
        ended_ms: ended.ended_ms,
        slot_ms: ended.wall_ms,
    };
    Recorded { worker: ended.worker.clone(), attempt }
}
