//! Runs of this machine or of AWS, whichever `--target` names, for the commands that only read.

use crate::args::Global;
use crate::aws::{self, World};
use crate::exit::Stop;
use crate::lease;
use crate::local::{place, world};
use crate::next::no_runs;
use crate::stood::Stood;
use crate::ui::format::plural;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::nearest::nearest;
use spotmill_core::records::{Lease, RunReport};
use spotmill_lambdas::{Ctx, inspect};
use spotmill_platform::ports::{ExecutionState, Store};
use spotmill_platform::routed::RoutedStore;
use std::sync::Arc;

pub struct Inspector {
    pub ctx: Ctx,
    aws: Option<Arc<World>>,
}

impl Inspector {
    pub async fn open(global: &Global) -> Result<Inspector, Stop> {
        if !global.on_aws() {
            return Inspector::local(global).await;
        }
        Ok(Inspector::on(Arc::new(World::open(global).await?)))
    }

    /// For this machine. Whether the state can be read is tried first.
    pub async fn local(global: &Global) -> Result<Inspector, Stop> {
        let (root, store) = (place::root(global)?, place::store());
        place::readable(&store, &root).await?;
        Ok(Inspector { ctx: world::read_only(global, root, store)?, aws: None })
    }

    pub fn on(world: Arc<World>) -> Inspector {
        Inspector { ctx: world.ctx().clone(), aws: Some(world) }
    }

    /// Finds a run: named in full, or by what stands after its pipeline's name; else the latest.
    pub async fn run(&self, global: &Global, named: Option<&str>) -> Result<RunId, Stop> {
        let Some(named) = named else {
            return match self.latest().await? {
                Some(run) => Ok(run),
                None => Err(no_runs(global).await),
            };
        };
        let all = inspect::runs(&self.ctx).await?;
        chosen(named, &all).map_err(|instead| {
            let list = global.command("runs");
            Stop::usage(format!("there is no run {named}; {instead}")).remedy(format!("list them: {list}"))
        })
    }

    /// A run's lease; nothing of a run that never began.
    pub async fn lease(&self, run: &RunId) -> Result<Option<Lease>, Stop> {
        lease::read(&*self.ctx.store, &self.ctx.root, run).await
    }

    /// The run that was claimed last, of those that run; else of all.
    pub async fn latest(&self) -> Result<Option<RunId>, Stop> {
        let mut best: Option<((bool, u64), RunId)> = None;
        for run in inspect::runs(&self.ctx).await? {
            let Some(lease) = self.lease(&run).await? else { continue };
            let runs = match (&self.aws, lease.owner.as_ref()) {
                (Some(world), Some(owner)) => world.is_running(owner).await?,
                (Some(_), None) => false,
                (None, owner) => self.runs_locally(&run, owner).await,
            };
            let rank = (runs, lease.claimed_ms);
            if best.as_ref().is_none_or(|(found, _)| *found < rank) {
                best = Some((rank, run));
            }
        }
        Ok(best.map(|(_, run)| run))
    }

    pub async fn state(&self, report: &RunReport) -> Result<Stood, Stop> {
        let Some(world) = &self.aws else {
            let root = Some(&report.root).filter(|root| !root.as_str().is_empty());
            let state = local_state(report, self.runs_locally(&report.run, root).await);
            return Ok(Stood { state, cause: report.end.as_ref().map(|end| end.cause.clone()) });
        };
        world.stood(report).await
    }

    /// Whether a process of this machine, or of one that shares the state, runs it now.
    async fn runs_locally(&self, run: &RunId, owner: Option<&ExecutionId>) -> bool {
        if crate::lock::is_held(run) || !self.ctx.root.is_s3() {
            return crate::lock::is_held(run);
        }
        let Some(owner) = owner else { return false };
        matches!(self.ctx.executions.state(owner).await, Ok(ExecutionState::Running))
    }

    /// The world on AWS, if its runs are there.
    pub fn world(&self) -> Option<&World> {
        self.aws.as_deref()
    }

    /// Whether its runs are this machine's.
    pub fn is_local(&self) -> bool {
        self.aws.is_none()
    }
}

/// The run with this name, or what to write instead.
fn chosen(named: &str, all: &[RunId]) -> Result<RunId, String> {
    let named = named.trim_end_matches('/');
    let exact = all.iter().find(|run| run.as_str() == named);
    let mut by_key = all.iter().filter(|run| run.key() == named);
    match (exact, by_key.next(), by_key.next()) {
        (Some(run), _, _) | (None, Some(run), None) => Ok(run.clone()),
        _ => {
            let names: Vec<&str> = all.iter().map(RunId::as_str).collect();
            Err(match nearest(named, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", plural(all.len() as u64, "run")),
            })
        }
    }
}

/// Where inputs are read from.
pub async fn store(global: &Global) -> Result<Box<dyn Store>, Stop> {
    if global.on_aws() {
        return aws::store().await;
    }
    Ok(Box::new(RoutedStore::new()))
}

fn local_state(report: &RunReport, runs: bool) -> &'static str {
    if runs { "running" } else { report.state() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_in_full_or_by_its_key() {
        let all = ["shop/2026-01-01", "shop/2026-01-02", "web/2026-01-02"].map(RunId::from);
        let named = |name: &str| chosen(name, &all).map(|run| run.0);
        assert_eq!(named("shop/2026-01-01").as_deref(), Ok("shop/2026-01-01"));
        assert_eq!(named("shop/2026-01-01/").as_deref(), Ok("shop/2026-01-01"));
        assert_eq!(named("2026-01-01").as_deref(), Ok("shop/2026-01-01"));
        assert!(named("2026-01-02").is_err(), "of two pipelines");
        assert_eq!(named("shop/2026-01-03").unwrap_err(), "did you mean `shop/2026-01-01`?");
        assert_eq!(named("../shop").unwrap_err(), "there are 3 runs");
    }
}
