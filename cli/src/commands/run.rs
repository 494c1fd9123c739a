//! `run`: runs or resumes one key, or a range of dates, on this machine. Every key is claimed by a file lock, checked
//! before it starts, and may be interrupted or killed at any moment: the same command resumes it.

use crate::args::{Asked, Global, KeyArgs, Pick, RunArgs};
use crate::check;
use crate::event::{Event, RunEnded};
use crate::exit::{Code, Stop, code_of};
use crate::inspect;
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
use spotmill_core::reap::STOPPED;
use spotmill_core::records::{DeployedWorker, Foreseen, RunOutcome};
use spotmill_lambdas::{Program, deploy, page, report};
use spotmill_platform::ports::{Clock, Store};
use spotmill_spec as spec;
use spotmill_statemachine::Status;
use spotmill_supervisor::config::{Machine, Share};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
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
    deployed: DeployedWorker,
    worker_digest: String,
    ui: Arc<Ui>,
    stop: watch::Receiver<bool>,
}

pub async fn run(global: &Global, args: &RunArgs) -> Result<Code, Stop> {
    let project = Project::open(global)?;
    let asked = &args.asked;
    let dates = dates(asked)?;
    confirm_fresh(global, asked)?;
    let frozen = spec::freeze(project.pipeline());
    let inputs: Vec<RunInput> =
        dates.iter().map(|date| input(&project.pipeline().name, global, asked, date.as_deref())).collect();
    // Every key is resolved before anything is built or run.
    let programs: Vec<Program> =
        inputs.iter().map(|input| program(&frozen, input, global)).collect::<Result<_, _>>()?;
    let (root, store) = (place::root(global)?, place::store());
    place::usable(&store, &root, &programs, execution_id().as_str()).await?;
    let store: Arc<dyn Store> = store;
    let (programs, inputs) = picked(&*store, &root, &args.pick, programs, inputs).await?;
    if inputs.is_empty() {
        return Ok(none_picked(global, &args.pick));
    }
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let deployed = worker.deployed()?;
    let digest = digesting(&worker);
    let ui = Arc::new(Ui::new(global.json, global.quiet));
    // Nothing runs yet: until here Ctrl-C just ends the program.
    let mut foreseen = Foreseen::default();
    for (program, input) in programs.iter().zip(&inputs) {
        // If all is finished nothing is read, and inputs may be gone.
        if !stands(&*store, &root, program, input, &deployed).await? {
            if let Some(program) = checkable(&programs, &store, &ui).await? {
                let reply = check::check(&project, program, &worker, Arc::clone(&store), global).await?;
                foreseen = spec::foreseen(project.pipeline(), &program.params, &reply);
            }
            break;
        }
    }
    let worker_digest = digest.await.map_err(|e| Stop::failed(e.to_string()))??;
    let stop = stop_signal(&ui);
    let session = Session { global, args, store, project, frozen, foreseen, worker, deployed, worker_digest, ui, stop };
    // All runs use the definition that the command began with, whatever is started beside it meanwhile.
    let definition = session.deploy().await?;
    let inputs: Vec<RunInput> =
        inputs.into_iter().map(|input| RunInput { definition: Some(definition.clone()), ..input }).collect();
    session.run_all(&inputs).await
}

/// The keys that were asked for, all unless `--pick` chooses by how their runs ended.
async fn picked(
    store: &dyn Store,
    root: &Uri,
    pick: &[Pick],
    programs: Vec<Program>,
    inputs: Vec<RunInput>,
) -> Result<(Vec<Program>, Vec<RunInput>), Stop> {
    if pick.is_empty() {
        return Ok((programs, inputs));
    }
    let mut chosen = (Vec::new(), Vec::new());
    for (program, input) in programs.into_iter().zip(inputs) {
        let outcome = inspect::lease(store, root, &program.run_id()).await?.map(|lease| lease.outcome);
        if pick.iter().any(|pick| pick.takes(outcome)) {
            chosen.0.push(program);
            chosen.1.push(input);
        }
    }
    Ok(chosen)
}

fn none_picked(global: &Global, pick: &[Pick]) -> Code {
    let names: Vec<&str> = pick.iter().map(|pick| pick.name()).collect();
    let message = format!("nothing to do: no date is {}", names.join(" or "));
    match global.json {
        true => Event::note(message).print(),
        false => say!("✓ {message}"),
    }
    Code::Done
}

/// The key whose inputs the check takes columns from: the first that has them, of pipelines that wait for inputs; none where
/// such an input is still to come and its columns are not declared.
async fn checkable<'p>(programs: &'p [Program], store: &Arc<dyn Store>, ui: &Ui) -> Result<Option<&'p Program>, Stop> {
    let mut unknown = None;
    for program in programs {
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
    let Some(lease) = inspect::lease(store, root, &program.run_id()).await? else { return Ok(false) };
    let all = lease.selected.is_empty() || lease.selected.len() == program.pipeline.steps.len();
    let finished = all && matches!(lease.outcome, Some(RunOutcome::Succeeded | RunOutcome::Warned));
    let asks = input.fresh || input.changed || input.from_step.is_some();
    Ok(finished && !asks && lease.pipeline_digest == program.digest && lease.worker.version == deployed.version)
}

/// Digests the program in the background: it is large, and the requests to it take as long as reading it.
fn digesting(worker: &Worker) -> JoinHandle<Result<String, Stop>> {
    let worker = worker.clone();
    tokio::task::spawn_blocking(move || worker.digest())
}

/// The keys' dates; one unnamed key where the pipeline has no date.
pub fn dates(asked: &Asked) -> Result<Vec<Option<String>>, Stop> {
    match &asked.date {
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

/// Becomes true at the first Ctrl-C or SIGTERM; the second ends the process at once.
fn stop_signal(ui: &Arc<Ui>) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let ui = Arc::clone(ui);
    tokio::spawn(async move {
        signalled().await;
        ui.note("stopping: ending the workers and handing their items back (Ctrl-C again: at once)");
        let _ = sender.send(true);
        signalled().await;
        std::process::exit(Code::Interrupted as i32);
    });
    receiver
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

    async fn run_all(&self, inputs: &[RunInput]) -> Result<Code, Stop> {
        let mut ended: Vec<RunEnded> = Vec::new();
        let (mut worst, mut refused) = (Code::Done, 0);
        // Of a range what is there comes first: a date that waits takes its turn after the others.
        let is_range = inputs.len() > 1;
        let turns = inputs.iter().map(|input| (input, self.args.wait && !is_range));
        let mut turns: VecDeque<(&RunInput, bool)> = turns.collect();
        while let Some((input, wait)) = turns.pop_front() {
            match self.run_one(input, wait).await {
                Ok((_, run)) if self.args.wait && !wait && run.outcome == "waiting" => turns.push_back((input, true)),
                Ok((code, run)) => {
                    ended.push(run);
                    worst = worse(worst, code);
                }
                Err(stop) if is_range && stop.code != Code::Usage => {
                    warn_of!("{stop}");
                    refused += 1;
                    worst = worse(worst, stop.code);
                }
                Err(stop) => return Err(stop),
            }
            let failed = ended.iter().filter(|run| run.outcome == "failed").count() + refused;
            if worst == Code::Interrupted || self.args.max_failed.is_some_and(|most| failed >= most as usize) {
                break;
            }
        }
        if !self.global.json {
            result::closing(&self.worker, &self.store, &ended, inputs, self.global, &self.args.asked, worst).await?;
        }
        Ok(worst)
    }

    async fn run_one(&self, input: &RunInput, wait: bool) -> Result<(Code, RunEnded), Stop> {
        let program = program(&self.frozen, input, self.global)?;
        let run = program.run_id();
        let id = execution_id();
        let _lock = lock::take(&run, &id)?;
        let options = Options {
            global: self.global,
            store: Arc::clone(&self.store),
            worker_digest: self.worker_digest.clone(),
            workers: self.args.workers,
            slots: self.slots(),
            wait,
        };
        let world = World::open(&self.worker, &options, &self.ui, &run, &id).await?;
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
    ) -> Result<(Code, RunEnded), Stop> {
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
        self.ui.emit(&Event::RunEnded(Box::new(ended.clone())));
        if !self.global.json {
            result::print(&ended, code, &self.global.caller(), &self.resume_command(input, code, ended.refused));
        }
        Ok((code, ended))
    }

    /// The command that resumes where this one ended; for a range that was stopped, the whole range. A refused run has
    /// begun nothing: everything that was asked for is still to be done.
    fn resume_command(&self, input: &RunInput, code: Code, refused: bool) -> Command {
        let mut command = self.global.command("run");
        let range = self.args.asked.date.as_ref().filter(|_| code == Code::Interrupted);
        if let Some(date) = range.or(input.date.as_ref()) {
            command = command.option("--date", date);
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
        let machine = Machine::this();
        let most = self.args.workers.unwrap_or(u32::MAX);
        let share =
            |vcpus_per_item, memory_bytes_per_item| Share { vcpus_per_item, memory_bytes_per_item, max_slots: most };
        let steps = self.project.pipeline().steps.iter();
        steps.map(|s| share(s.resources.vcpus, s.resources.memory_bytes).slots(machine)).max().unwrap_or(1)
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

fn execution_id() -> ExecutionId {
    let now = spotmill_platform::local::clock::SystemClock.now_ms();
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

pub fn worse(a: Code, b: Code) -> Code {
    match (a, b) {
        (Code::Interrupted, _) | (_, Code::Interrupted) => Code::Interrupted,
        (Code::Done | Code::InputNotThere, other) if other != Code::Done => other,
        (one, _) => one,
    }
}
