//! `explain`: says what a start of one key would reuse, do again and take, and why, by the decisions that a start itself
//! makes; and `show --why`: what the last start decided, from the records that it kept. Neither changes anything.

mod changes;
mod kept;
mod print;
mod range;

use super::range::redoes;
use super::run::dates;
use crate::answers;
use crate::args::{ExplainArgs, Global, KeyArgs};
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::project::{self, Project};
use crate::worker::Worker;
use changes::Change;
pub use kept::kept;
use spotmill_core::calls::RunInput;
use spotmill_core::history::History;
use spotmill_core::ids::RunId;
use spotmill_core::keys::RunKeys;
use spotmill_core::model::Pipeline;
use spotmill_core::records::{DeployedWorker, Foreseen, Lease};
use spotmill_lambdas::explain::{Explained, Failures, explain, is_hit};
use spotmill_lambdas::preview::preview;
use spotmill_lambdas::{Ctx, Program, history, report};
use spotmill_spec as spec;
use std::collections::BTreeMap;

pub async fn run(global: &Global, args: &ExplainArgs) -> Result<Code, Stop> {
    let dates = dates(args.date.as_deref())?;
    let project = Project::open(global)?;
    let pipeline = project.pipeline();
    let rate = rate(args, pipeline)?;
    args.step.as_deref().map(|step| project.step(step)).transpose()?;
    let frozen = spec::freeze(pipeline);
    let inputs: Vec<RunInput> = dates.into_iter().map(|date| input(&pipeline.name, global, args, date)).collect();
    let worker = Worker::find(global, pipeline.worker_crate.as_deref())?;
    let inspector = Inspector::open(global).await?;
    let ctx = &inspector.ctx;
    let foreseen = super::plan::foreseen(&project, &frozen, &inputs[0], &worker, ctx).await?;
    let deployed = worker.deployed()?;
    let history = history::load(ctx, &pipeline.name).await;
    let start = Start { global, inspector: &inspector, pipeline, frozen, deployed, foreseen, history };
    match inputs.as_slice() {
        [input] => one(&start, args, input, rate).await,
        _ => range::run(&start, args, &inputs, rate).await,
    }
}

fn input(pipeline: &str, global: &Global, args: &ExplainArgs, date: Option<String>) -> RunInput {
    let key = KeyArgs { date, params: args.params.clone() };
    RunInput {
        changed: args.changed,
        fresh: args.fresh,
        from_step: args.from_step.clone(),
        ..project::run_input(pipeline, global, &key)
    }
}

/// What a start would run, and where.
struct Start<'a> {
    global: &'a Global,
    inspector: &'a Inspector,
    pipeline: &'a Pipeline,
    frozen: String,
    deployed: DeployedWorker,
    foreseen: Foreseen,
    history: History,
}

/// What a start of one key meets and would do.
struct Met {
    program: Program,
    lease: Option<Lease>,
    /// It would do more than find every step complete.
    redoes: bool,
    steps: Vec<Explained>,
}

impl Start<'_> {
    async fn of(&self, input: &RunInput) -> Result<Met, Stop> {
        let ctx = &self.inspector.ctx;
        let steps = preview(ctx, self.frozen.as_bytes(), &self.deployed, input, &self.foreseen).await;
        let steps = steps.map_err(Stop::from)?;
        let program = super::run::program(&self.frozen, input, self.global)?;
        let lease = self.inspector.lease(&program.run_id()).await?;
        let failures = failures(ctx, &program.run_id(), lease.as_ref()).await?;
        let redoes = redoes(&steps);
        Ok(Met { program, lease, redoes, steps: explain(self.pipeline, &steps, &failures, &self.history) })
    }
}

async fn one(start: &Start<'_>, args: &ExplainArgs, input: &RunInput, rate: Option<f64>) -> Result<Code, Stop> {
    let Met { program, lease, steps: mut explained, .. } = start.of(input).await?;
    let (ctx, version) = (&start.inspector.ctx, &start.deployed.version);
    let changes = changes::since(ctx, lease.as_ref(), &program, version, &explained).await?;
    changes::detail(&mut explained, &changes);
    let run = program.run_id();
    let explained: Vec<Explained> = explained.into_iter().filter(|e| is_asked(args, e)).collect();
    if start.global.json {
        explained.iter().for_each(|step| event(&run, step, args, &changes));
        return Ok(Code::Done);
    }
    print::all(&run, &explained, rate);
    if args.items {
        explained.iter().for_each(print::items);
    }
    if args.diff {
        let own = |change: &&Change| change.step.as_deref().is_none_or(|s| explained.iter().any(|e| e.step == s));
        changes.iter().filter(own).for_each(|change| say!("\n{}", change.text()));
    }
    Ok(Code::Done)
}

fn is_asked(args: &ExplainArgs, explained: &Explained) -> bool {
    args.step.as_deref().is_none_or(|step| step == explained.step)
}

/// What the command line sets, else the pipeline.
fn rate(args: &ExplainArgs, pipeline: &Pipeline) -> Result<Option<f64>, Stop> {
    match &args.rate {
        None => Ok(pipeline.rates.get("vcpu_hour").copied()),
        Some((name, usd)) if name == "vcpu_hour" && usd.is_finite() && *usd >= 0.0 => Ok(Some(*usd)),
        Some((name, usd)) => {
            let what = format!("--rate {name}={usd}: expected the dollars of a vCPU-hour");
            Err(Stop::usage(what).remedy("for example --rate vcpu_hour=0.05"))
        }
    }
}

fn event(run: &RunId, step: &Explained, args: &ExplainArgs, changes: &[Change]) {
    let own = changes.iter().filter(|c| args.diff && c.step.as_deref().is_none_or(|s| s == step.step));
    let changes = own.map(|change| change.change.clone()).collect();
    Event::Explained { run: run.clone(), step: Box::new(step.clone()), changes }.print();
    if args.items {
        decisions(run, step);
    }
}

fn decisions(run: &RunId, step: &Explained) {
    for (item, reason) in &step.decisions {
        let (hit, reason) = (is_hit(reason.code), reason.clone());
        Event::ItemDecided { run: run.clone(), step: step.step.clone(), item: *item, hit, reason }.print();
    }
}

/// The last failures of a run's items, by step; nothing of a run that never began.
async fn failures(ctx: &Ctx, run: &RunId, lease: Option<&Lease>) -> Result<BTreeMap<String, Failures>, Stop> {
    if lease.is_none() {
        return Ok(BTreeMap::new());
    }
    let report = report::summarize(ctx, run).await.map_err(Stop::from)?;
    let of = |failures: &[spotmill_core::records::FailureRecord]| failures.iter().map(|f| (f.item, f.class)).collect();
    Ok(report.steps.iter().map(|step| (step.step.to_string(), of(&step.failures))).collect())
}

/// The program of a frozen pipeline that a run had.
async fn frozen_program(ctx: &Ctx, run: &RunId, lease: &Lease) -> Result<Option<Program>, Stop> {
    let uri = RunKeys::new(&ctx.root, run).pipeline(&lease.pipeline_digest);
    match ctx.store.get(&uri).await {
        Ok(object) => {
            let program = Program::thaw(&object.body, lease.params.clone(), ctx.settings.base.clone());
            // A pipeline that an older program froze otherwise is not compared.
            Ok(program.ok())
        }
        Err(spotmill_platform::ports::StoreError::NotFound(_)) => Ok(None),
        Err(e) => Err(answers::of_store(e)),
    }
}
