//! `smoke`: proves a deployed stack in a real account by tiny runs of its own, each for one thing that only an account can show,
//! and writes a page of what was seen against what was expected. It says first what it does and what that costs at most. What it
//! makes bears names that only smoke tests have, is on record before it is made, and is removed at the end, or by the next one.

mod clean;
mod end;
mod gather;
mod interrupt;
mod judge;
#[cfg(test)]
mod judge_tests;
mod page;
mod parts;
mod pipelines;
mod plan;
mod record;
mod show;
mod watch;

use super::run::{confirm, signalled};
use crate::answers::of_store;
use crate::args::{Global, SmokeArgs, YesNo};
use crate::aws::{World, names};
use crate::exit::{Code, Stop};
use end::Removed;
use judge::{Facts, RunSeen, judge};
use page::SmokePage;
use plan::Part;
use record::Begun;
use spotmill_core::command::ORDINARY_STACK;
use spotmill_core::ids::RunId;
use spotmill_core::keys;
use spotmill_core::records::{Deployed, DeployedWorker, RECORD_VERSION};
use spotmill_platform::aws::stacks::Identity;
use spotmill_platform::records;
use std::collections::BTreeMap;
use std::time::Instant;
use watch::Began;

/// A smoke test that is under way.
pub struct Smoke<'a> {
    global: &'a Global,
    args: &'a SmokeArgs,
    world: World,
    identity: Identity,
    worker: DeployedWorker,
    /// Tells smoke tests apart.
    at: String,
    began_ms: u64,
    /// Of the part that is tried.
    part_began: Instant,
    /// Dollars of the runs that have ended, and of each of them.
    spent_before: f64,
    counted: BTreeMap<RunId, f64>,
    /// Milliseconds that a row of the tiny pipelines takes, as far as was measured.
    row_ms: f64,
    /// The run that is started again.
    first: Option<(Began, RunSeen)>,
    /// A run failed, so that a mail is due.
    failed: bool,
    facts: BTreeMap<Part, Facts>,
}

pub async fn run(global: &Global, args: &SmokeArgs) -> Result<Code, Stop> {
    if let Some(seen) = args.mail_seen {
        return show::mail_seen(global, args, seen == YesNo::Yes);
    }
    let parts = plan::chosen(&args.only).map_err(Stop::usage)?;
    let most = plan::most_usd(&parts);
    if most > args.limit && !args.clean {
        let what = format!("these parts may cost ${most:.2}, and --limit is ${:.2}", args.limit);
        return Err(Stop::usage(what).remedy("raise it, or choose parts: --only"));
    }
    if !args.output.is_dir() {
        return Err(Stop::usage(format!("--output {}: there is no such directory", args.output.display())));
    }
    let world = World::open(global).await?;
    let earlier = record::all(&world.ctx).await?;
    if !args.force {
        end::nobody_lives(global, &world, &earlier).await?;
    }
    if args.clean {
        return end::clean_only(global, &world).await;
    }
    show::announce(global, &world, &parts, args.limit);
    for (_, begun) in &earlier {
        let began = names::moment(begun.began_ms);
        show::say_to(
            global,
            format!("! one that began {began} did not end, or runs still: what it made is removed first"),
        );
    }
    confirm(global, args.yes, &format!("machines of this smoke test cost at most ${most:.2}"))?;
    if !earlier.is_empty() {
        end::earlier(global, &world).await?;
    }
    let smoke = begin(global, args, world).await?;
    smoke.all(&parts).await
}

async fn begin<'a>(global: &'a Global, args: &'a SmokeArgs, world: World) -> Result<Smoke<'a>, Stop> {
    let identity = world.aws.account().identity().await?;
    let worker = deployed_worker(global, &world).await?;
    let began_ms = world.ctx.clock.now_ms();
    let at = names::stamp(began_ms).to_lowercase();
    record::write(&world.ctx, &at, &Begun::new(began_ms, args.fault_role.is_some())).await?;
    // One that began at the same moment sees this one, as this one sees it.
    let own = keys::smoke(world.root(), &at);
    let others: Vec<_> = record::all(&world.ctx).await?.into_iter().filter(|(uri, _)| *uri != own).collect();
    if let Err(stop) = end::nobody_lives(global, &world, &others).await {
        record::remove(&world.ctx, &at).await?;
        return Err(stop);
    }
    Ok(Smoke {
        global,
        args,
        world,
        identity,
        worker,
        at,
        began_ms,
        part_began: Instant::now(),
        spent_before: 0.0,
        counted: BTreeMap::new(),
        row_ms: parts::ROW_MS,
        first: None,
        failed: false,
        facts: BTreeMap::new(),
    })
}

/// The worker that was deployed last, of whichever pipeline: any worker runs SQL.
async fn deployed_worker(global: &Global, world: &World) -> Result<DeployedWorker, Stop> {
    let (store, root) = (&*world.ctx.store, world.root());
    let mut newest: Option<Deployed> = None;
    for object in store.list(&keys::pipelines(root)).await.map_err(of_store)? {
        if keys::deployed_name(root, &object.uri).is_none() {
            continue;
        }
        let found = records::load::<Deployed>(store, &object.uri).await.map_err(crate::answers::of_record)?;
        let Some((found, _)) = found else { continue };
        if newest.as_ref().is_none_or(|newest| found.deployed_ms > newest.deployed_ms) {
            newest = Some(found);
        }
    }
    let deploy = format!("deploy one: {}", global.command("deploy"));
    newest
        .map(|of| of.worker)
        .ok_or_else(|| Stop::usage("no pipeline is deployed, so there is no worker").remedy(deploy))
}

/// Why no further part is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Tried,
    Interrupted,
    /// Its record is gone.
    Removed,
}

impl Smoke<'_> {
    /// All parts, then the end of everything; Ctrl-C goes there at once.
    async fn all(mut self, parts: &[Part]) -> Result<Code, Stop> {
        let (ctx, at) = (self.world.ctx.clone(), self.at.clone());
        let ended = tokio::select! {
            () = self.parts(parts) => Ended::Tried,
            () = signalled() => Ended::Interrupted,
            () = record::keep(&ctx, &at) => Ended::Removed,
        };
        let interrupted = ended == Ended::Interrupted;
        let removing = end::REMOVING;
        match ended {
            Ended::Tried => {}
            Ended::Interrupted => self.say(format!("stopping: {removing} (Ctrl-C again: at once, and the rest stays)")),
            Ended::Removed => {
                self.say(format!("stopping, because somebody else has removed this smoke test: {removing}"))
            }
        }
        let removed = self.remove(ended).await;
        // What was seen is written whatever becomes of the rest.
        let page = self.page(removed.left);
        let file = show::write(&self.args.output, &page)?;
        show::end(self.global, &page, Some(&file));
        Ok(if interrupted || removed.broken_off { Code::Interrupted } else { show::code(&page) })
    }

    async fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            let facts = self.try_part(*part).await;
            show::part(self.global, &judge(*part, &facts));
            self.facts.insert(*part, facts);
        }
    }

    /// One that somebody else removed removes nothing where a further one lives.
    async fn remove(&self, ended: Ended) -> Removed {
        if ended == Ended::Removed {
            let (now_ms, others) = (self.world.ctx.clock.now_ms(), record::all(&self.world.ctx).await);
            if others.is_ok_and(|others| others.iter().any(|(_, begun)| begun.lives(now_ms))) {
                let left = "what it made since it was removed, which the smoke test that lives now removes".to_owned();
                return Removed { left: vec![left], broken_off: false };
            }
        }
        end::remove(self.global, &self.world, Some(&self.at), ended == Ended::Interrupted).await
    }

    fn say(&self, text: String) {
        show::say_to(self.global, text);
    }

    fn page(&self, left: Vec<String>) -> SmokePage {
        let now = &self.world.now;
        let get = |name: &str| now.outputs.get(name).cloned().unwrap_or_default();
        let page = SmokePage {
            v: RECORD_VERSION,
            spotmill: env!("CARGO_PKG_VERSION").to_owned(),
            release: get("Release"),
            worker: self.worker.version.clone(),
            region: self.world.aws.region().unwrap_or_default(),
            began_ms: self.began_ms,
            ended_ms: self.world.ctx.clock.now_ms(),
            usd: self.spent_before,
            facts: self.facts.clone(),
            left,
        };
        if self.args.with_names {
            return page;
        }
        let bucket = self.world.root().as_str().trim_start_matches("s3://").trim_end_matches('/');
        // The ordinary name names nobody, and is a word of every command.
        let stack = Some(&*self.world.stack).filter(|stack| *stack != ORDINARY_STACK).unwrap_or_default();
        page.without_names(&[(bucket, "BUCKET"), (stack, "STACK")])
    }

    /// `arn:aws:ec2:eu-central-1:…:instance/i-0c1…`
    fn machine_arn(&self, machine: &str) -> String {
        let partition = self.identity.arn.split(':').nth(1).unwrap_or("aws");
        let region = self.world.aws.region().unwrap_or_default();
        format!("arn:{partition}:ec2:{region}:{}:instance/{machine}", self.identity.account)
    }
}
