//! Runs of this machine or of AWS, whichever `--target` names, for the commands that only look.

use crate::args::Global;
use crate::aws::World;
use crate::exit::Stop;
use crate::here::world;
use spotmill_core::calls::innermost;
use spotmill_core::reap::STOPPED;
use spotmill_core::records::{RunOutcome, RunReport};
use spotmill_lambdas::Ctx;
use spotmill_platform::aws::stacks::RunStatus;
use spotmill_platform::local::store::LocalStore;
use spotmill_platform::ports::Store;

pub struct Looking {
    pub ctx: Ctx,
    aws: Option<World>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// `running`, `succeeded`, `warned`, `failed`, `stopped`, or `interrupted` when whoever ran it is gone.
    pub state: &'static str,
    /// Why it failed, where its records do not say.
    pub cause: Option<String>,
}

impl Looking {
    pub async fn open(global: &Global) -> Result<Looking, Stop> {
        if !global.on_aws() {
            return Ok(Looking { ctx: world::looking(global)?, aws: None });
        }
        Ok(Looking::on(World::open(global).await?))
    }

    pub fn on(world: World) -> Looking {
        Looking { ctx: world.ctx.clone(), aws: Some(world) }
    }

    pub async fn state(&self, report: &RunReport) -> Result<Stood, Stop> {
        let stood = |state| Ok(Stood { state, cause: report.end.as_ref().map(|end| end.cause.clone()) });
        let Some(world) = &self.aws else {
            return stood(here(report));
        };
        if report.root.as_str().is_empty() {
            return stood(came_to(report.outcome));
        }
        let Some(now) = world.runs.describe(&report.root).await? else {
            return stood("interrupted");
        };
        let state = match now.status {
            RunStatus::Running => "running",
            RunStatus::Succeeded => came_to(report.outcome),
            RunStatus::Failed | RunStatus::TimedOut => "failed",
            RunStatus::Aborted => "stopped",
        };
        let (error, cause) = innermost(now.error.unwrap_or_default(), now.cause.unwrap_or_default());
        let why = if cause.is_empty() { error } else { cause };
        Ok(Stood { state, cause: Some(why).filter(|why| !why.is_empty()) })
    }

    /// AWS, if that is where it looks.
    pub fn world(&self) -> Option<&World> {
        self.aws.as_ref()
    }

    /// Are its runs this machine's?
    pub fn is_here(&self) -> bool {
        self.aws.is_none()
    }
}

/// Where inputs are read from.
pub async fn store(global: &Global) -> Result<Box<dyn Store>, Stop> {
    if global.on_aws() {
        return Ok(Box::new(crate::aws::connect().await?.store()));
    }
    Ok(Box::new(LocalStore::new()))
}

fn here(report: &RunReport) -> &'static str {
    if crate::lock::is_held(&report.run) {
        return "running";
    }
    // Whoever fails or is stopped writes it down; who left no word was killed.
    match (report.outcome, &report.end) {
        (RunOutcome::Failed, Some(end)) if end.error == STOPPED => "stopped",
        (RunOutcome::Failed, Some(_)) => "failed",
        (RunOutcome::Failed, None) if !report.root.as_str().is_empty() => "interrupted",
        (outcome, _) => came_to(outcome),
    }
}

fn came_to(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Warned => "warned",
        RunOutcome::Failed => "failed",
    }
}
