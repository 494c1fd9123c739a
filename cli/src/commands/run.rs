//! `run`: runs or resumes one key, or a range of dates, on this machine. Every key is claimed by a file lock, checked
//! before it starts, and may be interrupted or killed at any moment: the same command resumes it.

use super::range;
use crate::args::{Asked, Global, KeyArgs, RunArgs};
use crate::check;
use crate::event::{Event, RunEnded};
use crate::exit::{Code, Stop, code_of};
use crate::lease;
use crate::lineage_endpoint;
use crate::local::world::{self, Options, World};
use crate::local::{place, presence};
use crate::lock;
use crate::project::Project;
use crate::result;
use crate::ui::Ui;
use crate::worker::Worker;
use spotmill_core::calls::{Definition, RunInput, errors, innermost};
use spotmill_core::command::Command;
use spotmill_core::destination::Existing;
use spotmill_core::ids::{ExecutionId, RunId, Uri};
use spotmill_core::model::Pipeline;
use spotmill_core::reap::STOPPED;
use spotmill_core::records::{DeployedWorker, Foreseen, RunOutcome};
use spotmill_lambdas::{Program, deploy, page, report};
use spotmill_platform::local::Processes;
use spotmill_platform::ports::{Clock, Store};
use spotmill_spec as spec;
use spotmill_statemachine::Status;
use spotmill_supervisor::config::{Machine, Program as Executable, Share};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What all keys of one command share.
struct Session<'a> {
    global: &'a Global,
    args: &'a RunArgs,
    store: Arc<dyn Store>,
    project: Project,
    frozen: String,
    /// What the check foresaw of the steps' columns.
    foreseen: Foreseen,
    worker: Worker,
    executable: Executable,
    deployed: DeployedWorker,
    worker_digest: String,
    /// What one key may use of this machine.
    machine: Machine,
    /// Keys at once.
    parallel: u32,
    ui: Arc<Ui>,
    progress: Arc<Ui>,
    stop: watch::Receiver<bool>,
    /// Commands after publishing, of all keys.
    hooks: Arc<Processes>,
    /// The endpoint of lineage events has not taken those of a run.
    is_away: AtomicBool,
}

pub async fn run(global: &Global, args: &RunArgs) -> Result<Code, Stop> {
    let project = Project::open(global)?;
    let asked = &args.asked;
    let dates = dates(asked.date.as_deref())?;
    confirm_fresh(global, asked)?;
    let part = |parallel| range::part(Machine::this(), parallel, largest(project.pipeline()));
    // What was asked for is refused before anything is built.
    args.range.parallel.map(part).transpose()?;
    let frozen = spec::freeze(project.pipeline());
    let inputs: Vec<RunInput> =
        dates.iter().map(|date| input(&project.pipeline().name, global, asked, date.as_deref())).collect();
    // Every key is resolved before anything is built or run.
    let programs: Vec<Program> =
        inputs.iter().map(|input| program(&frozen, input, global)).collect::<Result<_, _>>()?;
    let (root, store) = (place::root(global)?, place::store());
    place::usable(&store, &root, &programs, execution_id().as_str()).await?;
    let store: Arc<dyn Store> = store;
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let deployed = worker.deployed()?;
    let keys = inputs.into_iter().zip(programs).collect();
    let ctx = world::read_only(global, root.clone(), Arc::clone(&store))?;
    let mut keys = range::picked(&ctx, &args.range.pick, (frozen.as_bytes(), &deployed), keys).await?;
    if keys.is_empty() {
        return Ok(range::none(global.json, &args.range.pick));
    }
    // Who says how many workers means those of all dates; and who reads events of items reads those of one run.
    let one = global.json || args.workers.is_some() || range::has_order(&project.pipeline().steps);
    let parallel = args.range.parallel.unwrap_or_else(|| match one {
        true => 1,
        false => range::at_once(Machine::this(), keys.len(), shares(project.pipeline(), u32::MAX)),
    });
    let machine = part(parallel)?;
    let digest = digesting(&worker);
    let ui = Arc::new(Ui::new(global.json, global.quiet));
    // Nothing runs yet: until here Ctrl-C just ends the program.
    let mut foreseen = Foreseen::default();
    for (input, program) in &keys {
        // If all is finished nothing is read, and inputs may be gone.
        if !stands(&*store, &root, program, input, &deployed).await? {
            if let Some(program) = checkable(&keys, &store, &ui).await? {
                let reply = check::check(&project, program, &worker, Arc::clone(&store), global).await?;
                foreseen = spec::foreseen(project.pipeline(), &program.params, &reply);
            }
            break;
        }
    }
    let worker_digest = digest.await.map_err(|e| Stop::failed(e.to_string()))??;
    let (stop, hooks) = stop_signal(&ui);
    // Bars of several runs would write over each other: only their ends are reported.
    let progress = if parallel > 1 { Arc::new(Ui::new(false, true)) } else { Arc::clone(&ui) };
    let executable = Executable::of_worker(worker.program.clone());
    let session = Session {
        global,
        args,
        store,
        project,
        frozen,
        foreseen,
        worker,
        executable,
        deployed,
        worker_digest,
        machine,
        parallel,
        ui,
        progress,
        stop,
        hooks,
        is_away: AtomicBool::new(false),
    };
    // All runs use the definition that the command began with, whatever is started beside it meanwhile.
    let definition = session.deploy().await?;
    keys.iter_mut().for_each(|(input, _)| input.definition = Some(definition.clone()));
    session.run_all(&keys).await
}

/// The key whose inputs the check takes columns from: the first that has them, of pipelines that wait for inputs; none where
/// such an input is still to come and its columns are not declared.
async fn checkable<'p>(keys: &'p [range::Key], store: &Arc<dyn Store>, ui: &Ui) -> Result<Option<&'p Program>, Stop> {
    let mut unknown = None;
    for (_, program) in keys {
        match check::awaits_columns(program, store).await? {
            None => return Ok(Some(program)),
            step => unknown = unknown.or(step),
        }
    }
    if let Some(step) = unknown {
        ui.note(format!(
            "`{step}`: its input is not there and its columns are not declared: its SQL is not checked before it runs"
        ));
    }
    Ok(None)
}

/// Whether every step of the run is finished under the present definition.
async fn stands(
    store: &dyn Store,
    root: &Uri,
    program: &Program,
    input: &RunInput,
    deployed: &DeployedWorker,
) -> Result<bool, Stop> {
    let Some(lease) = lease::read(store, root, &program.run_id()).await? else { return Ok(false) };
    let all = lease.selected.is_empty() || lease.selected.len() == program.pipeline.steps.len();
    let finished = all && lease.outcome.is_some_and(RunOutcome::is_complete);
    let asks = input.fresh || input.changed || input.from_step.is_some();
    Ok(finished && !asks && lease.pipeline_digest == program.digest && lease.worker.version == deployed.version)
}

/// Digests the program in the background: it is large, and the requests to it take as long as reading it.
fn digesting(worker: &Worker) -> JoinHandle<Result<String, Stop>> {
    let worker = worker.clone();
    tokio::task::spawn_blocking(move || worker.digest())
}

/// The keys' dates; one unnamed key where the pipeline has no date.
pub fn dates(asked: Option<&str>) -> Result<Vec<Option<String>>, Stop> {
    match asked {
        None => Ok(vec![None]),
        Some(text) => {
            let dates = spec::dates::range(text).map_err(|e| Stop::usage(format!("--date {text}: {e}")))?;
            Ok(dates.into_iter().map(Some).collect())
        }
    }
}

pub fn input(pipeline: &str, global: &Global, asked: &Asked, date: Option<&str>) -> RunInput {
    let key = KeyArgs { date: date.map(str::to_owned), params: asked.params.clone() };
    RunInput {
        from_step: asked.from_step.clone(),
        only_steps: (!asked.only.is_empty()).then(|| asked.only.clone()),
        fresh: asked.fresh,
        accept: accepted(&asked.accept),
        changed: asked.changed,
        existing: match (asked.adopt, asked.leave) {
            (true, _) => Existing::Adopt,
            (false, true) => Existing::Leave,
            (false, false) => Existing::Refuse,
        },
        ..crate::project::run_input(pipeline, global, &key)
    }
}

/// `--accept` may name a step more than once: all its items count.
fn accepted(named: &[(String, Vec<u32>)]) -> BTreeMap<String, Vec<u32>> {
    let mut all: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    named.iter().for_each(|(step, items)| all.entry(step.clone()).or_default().extend(items));
    all
}

pub fn program(frozen: &str, input: &RunInput, global: &Global) -> Result<Program, Stop> {
    let settings = world::settings(global)?;
    Program::new(frozen.as_bytes(), input, &settings).map_err(|e| Stop::usage(e.cause))
}

pub fn confirm_fresh(global: &Global, asked: &Asked) -> Result<(), Stop> {
    if !asked.fresh {
        return Ok(());
    }
    confirm(global, asked.yes, "--fresh sets aside everything that was committed for this key")
}

/// Asks before what cannot be undone; where nobody can answer, `yes` must be set.
pub fn confirm(global: &Global, yes: bool, why: &str) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    if global.no_input || !rustix::termios::isatty(std::io::stdin()) {
        return Err(Stop::usage(why).remedy("say --yes to go on"));
    }
    eprint!("{why}. Go on? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    let yes = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes");
    if yes { Ok(()) } else { Err(Stop::usage("nothing was done")) }
}

/// Becomes true at the first Ctrl-C or SIGTERM, which commands after publishing end by, too; the second ends the process
/// and them at once.
fn stop_signal(ui: &Arc<Ui>) -> (watch::Receiver<bool>, Arc<Processes>) {
    let (sender, receiver) = watch::channel(false);
    let hooks = Arc::new(Processes::new(receiver.clone()));
    let (ui, of_all) = (Arc::clone(ui), Arc::clone(&hooks));
    tokio::spawn(async move {
        signalled().await;
        ui.note("stopping: ending the workers and handing their items back (Ctrl-C again: at once)");
        let _ = sender.send(true);
        signalled().await;
        of_all.kill();
        std::process::exit(Code::Interrupted as i32);
    });
    (receiver, hooks)
}

pub async fn signalled() {
    let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

impl Session<'_> {
    /// Puts the pipeline where `Begin` finds it.
    async fn deploy(&self) -> Result<Definition, Stop> {
        let (root, name) = (place::root(self.global)?, &self.project.pipeline().name);
        let now = spotmill_platform::local::clock::SystemClock.now_ms();
        let done =
            deploy::deploy(&*self.store, &root, name, (&self.frozen, &self.foreseen), self.deployed.clone(), now).await;
        let done = done.map_err(Stop::from)?;
        Ok(Definition { pipeline_digest: done.pipeline_digest, worker: done.worker })
    }

    async fn run_all(&self, keys: &[range::Key]) -> Result<Code, Stop> {
        let (is_range, wait, (parallel, most)) =
            (keys.len() > 1, self.args.wait, (self.parallel, self.args.range.max_failed));
        let is_of_all = |code| !is_range || code == Code::Usage;
        let first = keys.iter().collect();
        let mut sum =
            range::all(first, parallel, most, is_of_all, |(input, _)| self.run_one(input, wait && !is_range)).await?;
        // Of a range what is there comes first: a date that waits takes its turn after the others.
        if wait && is_range && sum.goes_on(most) {
            let late = sum.without_waiting();
            let late = keys.iter().filter(|(_, program)| late.contains(program.run_id().as_str())).collect();
            sum.add_all(range::all(late, parallel, most, is_of_all, |(input, _)| self.run_one(input, true)).await?);
        }
        if !self.global.json {
            let (asked, ended) = (&self.args.asked, sum.ended());
            result::closing(&self.worker, &self.store, &ended, keys.len(), self.global, asked, sum.worst()).await?;
        }
        Ok(sum.worst())
    }

    async fn run_one(&self, input: &RunInput, wait: bool) -> Result<(Code, Option<RunEnded>), Stop> {
        let program = program(&self.frozen, input, self.global)?;
        let run = program.run_id();
        let id = execution_id();
        let _lock = lock::take(&run, &id)?;
        let options = Options {
            program: self.executable.clone(),
            global: self.global,
            store: Arc::clone(&self.store),
            worker_digest: self.worker_digest.clone(),
            workers: self.args.workers,
            machine: self.machine,
            slots: self.slots(),
            wait,
            hooks: Arc::clone(&self.hooks),
            stop: self.stop.clone(),
        };
        let world = World::open(&options, &self.progress, &run, &id).await?;
        let ended = self.followed(&world, &run, &id, input).await;
        world.close(&run, &id).await;
        ended
    }

    /// From its claim to its records.
    async fn followed(
        &self,
        world: &World,
        run: &RunId,
        id: &ExecutionId,
        input: &RunInput,
    ) -> Result<(Code, Option<RunEnded>), Stop> {
        let started = Instant::now();
        let status = world.run(id, input, self.stop.clone()).await?;
        let wall_ms = started.elapsed().as_millis() as u64;
        let (code, outcome, error, cause) = verdict(status, *self.stop.borrow());
        if matches!(code, Code::Usage | Code::Held) {
            return Err(Stop::new(code, cause.unwrap_or_default()));
        }
        let why = match code {
            Code::Interrupted => Some((STOPPED, "stopped by the user")),
            _ => error.as_deref().zip(cause.as_deref()),
        };
        if let Some((error, cause)) = why {
            report::record_end(&world.ctx, run, id, error, cause).await.map_err(Stop::from)?;
            if let Some(note) = page::after(&world.ctx, run, id).await {
                self.ui.note(note);
            }
        }
        let end = result::End { id, outcome, wall_ms, error, cause };
        let ended = result::ended(&world.ctx, run, end).await;
        if !ended.refused
            && let Some(note) = lineage_endpoint::after(self.global, &world.ctx, run, &self.is_away).await
        {
            self.ui.note(note);
        }
        self.ui.emit(&Event::RunEnded(Box::new(ended.clone())));
        if !self.global.json {
            result::print(&ended, code, &self.global.caller(), &self.resume_command(input, code, ended.refused));
        }
        Ok((code, Some(ended)))
    }

    /// The command that resumes where this one ended; for a range that was stopped, the whole range. A refused run has
    /// begun nothing: everything that was asked for is still to be done.
    fn resume_command(&self, input: &RunInput, code: Code, refused: bool) -> Command {
        let mut command = self.global.command("run");
        let range = self.args.asked.date.as_ref().filter(|_| code == Code::Interrupted);
        if let Some(date) = range.or(input.date.as_ref()) {
            command = command.option("--date", date);
        }
        if range.is_some_and(|range| range.contains("..")) {
            command = range::again(command, &self.args.range);
        }
        for (name, value) in &self.args.asked.params {
            command = command.param(name, value);
        }
        if !self.args.asked.only.is_empty() {
            command = command.option("--only", &self.args.asked.only.join(","));
        }
        let command = if self.args.wait { command.word("--wait") } else { command };
        if refused { begun_anew(command, &self.args.asked) } else { command }
    }

    /// Slots of the step with the smallest needs, for the headline.
    fn slots(&self) -> u32 {
        let shares = shares(self.project.pipeline(), self.args.workers.unwrap_or(u32::MAX));
        shares.map(|share| share.slots(self.machine)).max().unwrap_or(1)
    }
}

/// Adds the options of the start that take effect once.
fn begun_anew(command: Command, asked: &Asked) -> Command {
    let command = asked.from_step.iter().fold(command, |command, step| command.option("--from-step", step));
    let flags = [(asked.fresh, "--fresh"), (asked.changed, "--changed"), (asked.yes, "--yes")];
    let command = flags.iter().filter(|(is_set, _)| *is_set).fold(command, |command, (_, flag)| command.word(flag));
    asked.accept.iter().fold(command, |command, (step, items)| {
        let items: Vec<String> = items.iter().map(u32::to_string).collect();
        command.option("--accept", &format!("{step}={}", items.join(",")))
    })
}

/// How each step divides a machine, with at most so many slots.
fn shares(pipeline: &Pipeline, max_slots: u32) -> impl Iterator<Item = Share> {
    pipeline.steps.iter().map(move |step| Share {
        vcpus_per_item: step.resources.vcpus,
        memory_bytes_per_item: step.resources.memory_bytes,
        max_slots,
    })
}

/// The step with the largest items, and their memory.
fn largest(pipeline: &Pipeline) -> (&str, u64) {
    let steps = pipeline.steps.iter().map(|step| (step.name.as_str(), step.resources.memory_bytes));
    steps.max_by_key(|(_, bytes)| *bytes).unwrap_or_default()
}

/// A name that no other execution of this state has, at whatever moment it begins.
fn execution_id() -> ExecutionId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let clock = spotmill_platform::local::clock::SystemClock.now_ms();
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(clock.max(last + 1)));
    let now = clock.max(last.unwrap_or_default() + 1);
    // Machines that share a state may have processes of one number.
    let host: String = presence::host().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    ExecutionId::new(format!("local:{host}-{}-{now}", std::process::id()))
}

/// Exit code, outcome, error and cause of an ended execution.
fn verdict(status: Status, stopped: bool) -> (Code, &'static str, Option<String>, Option<String>) {
    match status {
        Status::Succeeded { .. } => (Code::Done, "succeeded", None, None),
        Status::Aborted { .. } => (Code::Interrupted, "interrupted", None, None),
        Status::Failed { .. } | Status::TimedOut if stopped => (Code::Interrupted, "interrupted", None, None),
        Status::Failed { error, cause } => {
            let (error, cause) = innermost(error, cause);
            let outcome = match error.as_str() {
                errors::INPUT_NOT_THERE => "waiting",
                errors::INPUT_LATE => "late",
                _ => "failed",
            };
            (code_of(&error), outcome, Some(error), Some(cause))
        }
        Status::TimedOut => (Code::ItemsFailed, "failed", Some("States.Timeout".into()), None),
        Status::NotStarted | Status::Running => (Code::ItemsFailed, "failed", None, None),
    }
}
