//! `start`: starts or resumes runs on AWS. What does not validate is refused before AWS is asked, and what another
//! execution holds before anything is started. The input suffices: typed into the console, it does the same.

use super::range;
use super::run::{confirm, confirm_fresh, dates, input, signalled};
use crate::args::{Global, StartArgs};
use crate::aws::{World, follow, names};
use crate::event::{Event, RunEnded};
use crate::exit::{Code, Stop, code_of};
use crate::local::world::settings;
use crate::project::{self, Project};
use crate::result;
use crate::ui::Ui;
use spotmill_core::bounds::MAX_INPUT_BYTES;
use spotmill_core::calls::{Definition, RunInput, errors, innermost};
use spotmill_core::command::Command;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::keys::SMOKE_PIPELINES;
use spotmill_lambdas::{Program, begin, deploy, machines};
use spotmill_platform::aws::stacks::{RunNow, RunStatus};
use spotmill_spec as spec;
use std::path::Path;
use std::time::Instant;

pub async fn run(global: &Global, args: &StartArgs) -> Result<Code, Stop> {
    let asked = &args.asked;
    let local = match &args.pipeline {
        Some(name) if !Path::new(project::PIPELINE_FILE).exists() => Err(name.clone()),
        named => {
            let project = Project::open(global)?;
            let own = &project.pipeline().name;
            match named {
                Some(name) if name != own => Err(name.clone()),
                _ => Ok(project),
            }
        }
    };
    let name = local.as_ref().map_or_else(Clone::clone, |project| project.pipeline().name.clone());
    reserved(&name)?;
    let dates = dates(asked.date.as_deref())?;
    let inputs: Vec<RunInput> = dates.iter().map(|date| input(&name, global, asked, date.as_deref())).collect();
    let frozen = local.ok().map(|project| spec::freeze(project.pipeline()));
    if let Some(frozen) = &frozen {
        inputs.iter().try_for_each(|input| checked(frozen.as_bytes(), input, global).map(drop))?;
    }
    confirm_fresh(global, asked)?;
    let parallel = args.range.parallel.unwrap_or(1);
    if parallel > 1 && !args.wait {
        let what = "--parallel is of a range that is followed; without --wait all its dates start at once";
        return Err(Stop::usage(what).remedy("say --wait as well"));
    }
    if args.range.pick.is_empty() {
        confirm_many(global, args, inputs.len())?;
    }
    let world = World::open(global).await?;
    let deployed = deploy::find(&world.ctx, &name)
        .await
        .map_err(|e| Stop::from(e).remedy(format!("deploy it: {}", global.command("deploy"))))?;
    // A range goes on for days: all its runs use the definition that it began with.
    let record = &deployed.record;
    let definition = Definition { pipeline_digest: record.pipeline_digest.clone(), worker: record.worker.clone() };
    let definition = (inputs.len() > 1).then_some(definition);
    let runs: Vec<range::Key> = inputs
        .into_iter()
        .map(|input| RunInput { definition: definition.clone(), ..input })
        .map(|input| checked(&deployed.text, &input, global).map(|program| (input, program)))
        .collect::<Result<_, _>>()?;
    if frozen.is_some_and(|frozen| spec::digest(&frozen) != deployed.record.pipeline_digest) {
        let deploy = global.command("deploy");
        warn_of!(
            "! {name} as deployed differs from {} here; starting what is deployed ({deploy})",
            project::PIPELINE_FILE
        );
    }
    let of = (&deployed.text[..], &record.worker);
    let runs = range::picked(&world.ctx, &args.range.pick, of, runs).await?;
    if runs.is_empty() {
        return Ok(range::none(global.json, &args.range.pick));
    }
    if !args.range.pick.is_empty() {
        confirm_many(global, args, runs.len())?;
    }
    let runs = within_budget(global, asked.yes, &world, runs).await?;
    // Bars of several runs would write over each other: only their ends are reported.
    let progress = Ui::new(global.json && parallel == 1, global.quiet || parallel > 1);
    let session = Session { global, args, world, ui: Ui::new(global.json, global.quiet), progress };
    session.all(&runs).await
}

/// A name that was deployed before it was reserved, or is a smoke test's own.
fn reserved(name: &str) -> Result<(), Stop> {
    if !name.starts_with(SMOKE_PIPELINES) {
        return Ok(());
    }
    let what = format!(
        "`{name}` is not started: `smoke` removes everything of a pipeline whose name begins with `{SMOKE_PIPELINES}`"
    );
    Err(Stop::usage(what).remedy("deploy the pipeline under another name"))
}

/// Asks before several runs start at once.
fn confirm_many(global: &Global, args: &StartArgs, runs: usize) -> Result<(), Stop> {
    if runs <= 1 || args.wait {
        return Ok(());
    }
    confirm(global, args.asked.yes, &format!("{runs} runs would start at once (--wait: one after another)"))
}

/// A run that has spent its budget would launch nothing: it is asked whether this start may pass it.
async fn within_budget(
    global: &Global,
    yes: bool,
    world: &World,
    runs: Vec<range::Key>,
) -> Result<Vec<range::Key>, Stop> {
    let mut allowed = Vec::new();
    for (mut input, program) in runs {
        let run = program.run_id();
        if let Some(budget) = program.pipeline.budget_usd_per_run
            && let Some(lease) = world.lease(&run).await?
        {
            let spent = machines::spent_usd(&world.ctx, &run, &lease).await?;
            if spent >= budget {
                let what = format!("{run} has cost ${spent:.2} of its budget of ${budget:.2}; this start goes on");
                confirm(global, yes, &what)?;
                input.over_budget = true;
            }
        }
        allowed.push((input, program));
    }
    Ok(allowed)
}

/// The input as the functions will read it; refused where they would.
fn checked(text: &[u8], input: &RunInput, global: &Global) -> Result<Program, Stop> {
    let program = Program::new(text, input, &settings(global)?).map_err(|e| Stop::usage(e.cause))?;
    begin::select(&program, input).map_err(|e| Stop::usage(e.cause))?;
    let size = text_of(input)?.len();
    if size > MAX_INPUT_BYTES {
        let what =
            format!("the input of {} has {size} bytes; Step Functions takes {MAX_INPUT_BYTES}", program.run_id());
        return Err(Stop::usage(what).remedy("name fewer items in --accept, or put long params into the pipeline"));
    }
    Ok(program)
}

fn text_of(input: &RunInput) -> Result<String, Stop> {
    serde_json::to_string(input).map_err(|e| Stop::usage(format!("the input cannot be written as JSON: {e}")))
}

struct Session<'a> {
    global: &'a Global,
    args: &'a StartArgs,
    world: World,
    ui: Ui,
    progress: Ui,
}

impl Session<'_> {
    async fn all<'k>(&'k self, runs: &'k [range::Key]) -> Result<Code, Stop> {
        let is_of_all = |code| runs.len() == 1 || !matches!(code, Code::Held | Code::ItemsFailed);
        let (parallel, most) = (self.args.range.parallel.unwrap_or(1), self.args.range.max_failed);
        let one = |key: &'k range::Key| self.one(&key.0, &key.1);
        let sum = range::all(runs.iter().collect(), parallel, most, is_of_all, one).await?;
        if self.args.wait && runs.len() > 1 && !self.global.json {
            result::backfill(self.global, &sum.ended(), runs.len());
        }
        Ok(sum.worst())
    }

    async fn one(&self, input: &RunInput, program: &Program) -> Result<(Code, Option<RunEnded>), Stop> {
        let run = program.run_id();
        self.free(&run).await?;
        let began = Instant::now();
        let name = names::execution(&run, self.world.ctx.clock.now_ms());
        let id = self.world.runs.start(&self.world.start, &name, &text_of(input)?).await?;
        if !self.args.wait {
            self.started(&run, &id);
            return Ok((Code::Done, None));
        }
        let steps = begin::select(program, input).map_err(Stop::from)?.into_iter().map(|s| s.0).collect();
        let place = format!("stack {}, execution {name}", self.world.stack);
        self.progress.emit(&Event::RunFollowed { run: run.to_string(), place, steps });
        let now = tokio::select! {
            now = follow::follow(&self.world, &run, &id, &self.progress) => now?,
            () = signalled() => return Ok((self.left(&run), None)),
        };
        let (code, ended) = self.end(&run, &id, &now, began).await;
        self.ui.emit(&Event::RunEnded(Box::new(ended.clone())));
        if !self.global.json {
            let resume = program.rerun(&self.world.ctx.settings);
            result::print(&ended, code, &self.global.caller(), &resume);
            let published = ended.published.iter().filter(|_| code == Code::Done);
            published.for_each(|p| say!("  {} is published at {}", p.step, p.destination));
        }
        Ok((code, Some(ended)))
    }

    /// Refuses what another execution holds, before anything is started.
    async fn free(&self, run: &RunId) -> Result<(), Stop> {
        let Some((owner, now)) = self.world.holder(run).await? else { return Ok(()) };
        let since = names::moment(now.started_ms);
        Err(Stop::new(
            Code::Held,
            format!("{run} is held by {}, which runs since {since}", names::short(owner.as_str())),
        )
        .remedy(format!("watch it: {} · end it: {}", self.watch(run), self.stop(run))))
    }

    fn watch(&self, run: &RunId) -> Command {
        self.global.command("status").arg(run.as_str()).word("--watch")
    }

    fn stop(&self, run: &RunId) -> Command {
        self.global.command("stop").arg(run.as_str())
    }

    fn started(&self, run: &RunId, id: &ExecutionId) {
        if self.global.json {
            return Event::Started { run: run.clone(), execution: id.clone() }.print();
        }
        say!("▸ {run} started: {}", names::short(id.as_str()));
        say!("  Look   {}", self.watch(run));
        say!("  Stop   {}", self.stop(run));
    }

    fn left(&self, run: &RunId) -> Code {
        self.ui.note(format!("the run goes on; inspect it: {} · end it: {}", self.watch(run), self.stop(run)));
        Code::Interrupted
    }

    async fn end(&self, run: &RunId, id: &ExecutionId, now: &RunNow, began: Instant) -> (Code, RunEnded) {
        let (code, outcome, error, cause) = verdict(now);
        let wall_ms =
            now.stopped_ms.map_or(began.elapsed().as_millis() as u64, |end| end.saturating_sub(now.started_ms));
        let end = result::End { id, outcome, wall_ms, error, cause };
        (code, result::ended(&self.world.ctx, run, end).await)
    }
}

/// Exit code, outcome, error and cause of an ended execution.
pub fn verdict(now: &RunNow) -> (Code, &'static str, Option<String>, Option<String>) {
    let (error, cause) = innermost(now.error.clone().unwrap_or_default(), now.cause.clone().unwrap_or_default());
    let text = |text: String| Some(text).filter(|t| !t.is_empty());
    match now.status {
        RunStatus::Succeeded => (Code::Done, "succeeded", None, None),
        RunStatus::Aborted => (Code::ItemsFailed, "stopped", text(error), text(cause)),
        RunStatus::TimedOut => (Code::ItemsFailed, "failed", Some("States.Timeout".into()), text(cause)),
        RunStatus::Failed if error == errors::INPUT_LATE => (code_of(&error), "late", text(error), text(cause)),
        RunStatus::Failed | RunStatus::Running => (code_of(&error), "failed", text(error), text(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: RunStatus, error: &str, cause: &str) -> Code {
        let (error, cause) = (Some(error.to_owned()), Some(cause.to_owned()));
        verdict(&RunNow { status, error, cause, started_ms: 0, stopped_ms: Some(1), redrives: 0, redriven_ms: None }).0
    }

    #[test]
    fn exit_codes_show_who_must_react() {
        let failed = |error: &str| ended(RunStatus::Failed, error, "why");
        assert_eq!(ended(RunStatus::Succeeded, "", ""), Code::Done);
        assert_eq!(failed(errors::ITEMS_FAILED), Code::ItemsFailed);
        assert_eq!(failed(errors::EXPECTATION_FAILED), Code::Expectation);
        assert_eq!(failed(errors::REFUSED), Code::Permission);
        assert_eq!(failed(errors::HELD), Code::Held);
        assert_eq!(failed(errors::NO_CAPACITY), Code::NoCapacity);
        assert_eq!(failed(errors::INPUT_LATE), Code::InputNotThere);
        assert_eq!(failed(errors::WORKERS_SILENT), Code::Permission);
        assert_eq!(failed(errors::OVER_BUDGET), Code::ItemsFailed);
        assert_eq!(failed(errors::NO_PROGRESS), Code::ItemsFailed);
        assert_eq!(failed(errors::AT_CAPACITY), Code::NoCapacity);
        assert_eq!(ended(RunStatus::Aborted, "Spotmill.Stopped", "by x"), Code::ItemsFailed);
    }

    #[test]
    fn a_steps_own_error_is_found_inside_its_parents() {
        let child = serde_json::json!({"ExecutionArn": "arn:…", "Status": "FAILED",
            "Error": errors::EXPECTATION_FAILED, "Cause": "unique did not hold"});
        assert_eq!(ended(RunStatus::Failed, "States.TaskFailed", &child.to_string()), Code::Expectation);
        let function = serde_json::json!({"errorType": errors::REFUSED, "errorMessage": "no quota"}).to_string();
        assert_eq!(innermost("x".into(), function), (errors::REFUSED.to_owned(), "no quota".to_owned()));
    }
}
