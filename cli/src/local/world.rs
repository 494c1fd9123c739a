//! Everything a run on this machine needs, put together: the store below `.spotmill`, queues in the process, a fleet
//! of one supervisor, the functions and the state machines that sequence them.

use super::awake::Awake;
use super::driver::Driver;
use super::events::sink;
use super::executions::LocalExecutions;
use super::functions::LocalFunctions;
use super::guarded::Guarded;
use super::place;
use super::presence::{self, Beating, Presence, Rhythm, SeenExecutions, SharedExecutions};
use crate::answers::of_record;
use crate::args::Global;
use crate::exit::{Code, Stop, io};
use crate::ui::Ui;
use async_trait::async_trait;
use spotmill_core::calls::RunInput;
use spotmill_core::ids::{ExecutionId, RunId, Uri};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::Lease;
use spotmill_lambdas::{Ctx, FUNCTIONS, Settings, tally};
use spotmill_platform::aws::LazyGlue;
use spotmill_platform::local::Processes;
use spotmill_platform::local::clock::SystemClock;
use spotmill_platform::local::queue::LocalQueues;
use spotmill_platform::ports::{Clock, Executions, FleetError, FleetRequest, Fleets, LivingFleet, Store};
use spotmill_platform::records;
use spotmill_statemachine::{Machine, PIPELINE_ASL, STEP_ASL, Status, Substitutions};
use spotmill_supervisor::config::{Machine as Hardware, Ports, Program, Share, SupervisorConfig, Times, chance};
use spotmill_supervisor::local_fleet::LocalFleet;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

const CALLBACKS: &str = "callbacks";
/// How long a batch of callbacks may be in the tally's hands.
const TALLY_VISIBILITY: Duration = Duration::from_secs(60);

pub struct World {
    pub ctx: Arc<Ctx>,
    driver: Arc<Driver>,
    fleet: Arc<LocalFleet>,
    hooks: Arc<Processes>,
    /// Where the state is shared with other machines.
    beating: Option<Beating>,
}

pub struct Options<'a> {
    /// The worker's, shared by all runs of a command.
    pub program: Program,
    pub global: &'a Global,
    pub store: Arc<dyn Store>,
    /// sha256 of the worker's binary.
    pub worker_digest: String,
    /// `--workers`.
    pub workers: Option<u32>,
    /// What the run may use of this machine.
    pub machine: Hardware,
    pub slots: u32,
    /// Whether inputs that are not there are waited for.
    pub wait: bool,
    /// Commands after publishing.
    pub hooks: Arc<Processes>,
    /// Whether the run is to stop.
    pub stop: watch::Receiver<bool>,
}

/// What reads and writes on this machine, without anything that runs work: enough to read.
pub fn settings(global: &Global) -> Result<Settings, Stop> {
    let mut settings = Settings::new(CALLBACKS);
    settings.target = global.target().to_owned();
    settings.caller = global.caller();
    settings.job_namespace = crate::lineage_endpoint::namespace();
    if global.on_aws() {
        return Ok(settings);
    }
    let directory = std::env::current_dir().map_err(io("find", Path::new(".")))?;
    settings.base = Some(Uri::new(directory.to_string_lossy()));
    Ok(settings)
}

/// A context that can read the runs below `root` and do nothing else.
pub fn read_only(global: &Global, root: Uri, store: Arc<dyn Store>) -> Result<Ctx, Stop> {
    let executions: Arc<dyn Executions> = match root.is_s3() {
        true => Arc::new(SeenExecutions { store: Arc::clone(&store), root: root.clone() }),
        false => Arc::new(LocalExecutions::default()),
    };
    Ok(Ctx {
        root,
        store,
        queues: Arc::new(LocalQueues::new()),
        fleets: Arc::new(NoFleets),
        executions,
        clock: Arc::new(SystemClock),
        catalogs: None,
        hooks: None,
        settings: settings(global)?,
    })
}

/// Fleets where nothing is to run.
struct NoFleets;

#[async_trait]
impl Fleets for NoFleets {
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let what = "this command only reads runs".to_owned();
        Err(FleetError::Refused { name: request.name.clone(), what })
    }
    async fn end(&self, _request: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        Ok(Vec::new())
    }
}

impl World {
    pub async fn open(options: &Options<'_>, ui: &Arc<Ui>, run: &RunId, id: &ExecutionId) -> Result<World, Stop> {
        let root = place::root(options.global)?;
        let own = Arc::new(LocalExecutions::default());
        let Shared { store, executions, beating } = match root.is_s3() {
            true => Shared::begin(options, ui, &root, &own, run, id).await?,
            false => Shared { store: Arc::clone(&options.store), executions: own.clone(), beating: None },
        };
        let queues = Arc::new(LocalQueues::new());
        let clock = Arc::new(SystemClock);
        let ports = Ports { store: store.clone(), queue: queues.clone(), clock: clock.clone(), chance: chance() };
        let config = supervisor(&root, options)?;
        let fleet = Arc::new(LocalFleet::new(config, ports, sink(Arc::clone(ui))));
        let ctx = Arc::new(Ctx {
            root,
            store,
            queues,
            fleets: fleet.clone(),
            executions,
            clock,
            catalogs: Some(Arc::new(LazyGlue::default())),
            hooks: Some(options.hooks.clone()),
            settings: Settings { checks_once: !options.wait, ..settings(options.global)? },
        });
        let functions = LocalFunctions {
            ctx: Arc::clone(&ctx),
            ui: Arc::clone(ui),
            slots: options.slots,
            failed: Mutex::new(None),
            stop: options.stop.clone(),
        };
        let driver = Driver {
            machines: machines()?,
            functions: Arc::new(functions),
            executions: own,
            clock: Arc::new(Awake::new()),
        };
        Ok(World { ctx, driver: Arc::new(driver), fleet, hooks: Arc::clone(&options.hooks), beating })
    }

    /// Says that this execution has ended. Whoever reads the lease looks for it only there.
    pub async fn close(self, run: &RunId, id: &ExecutionId) {
        let Some(beating) = self.beating else { return };
        let lease = RunKeys::new(&self.ctx.root, run).lease();
        let found = records::load::<Lease>(&*self.ctx.store, &lease).await;
        let is_named = found.map_or(true, |found| found.is_some_and(|(lease, _)| lease.owner.as_ref() == Some(id)));
        beating.end(is_named).await;
    }

    /// Runs the pipeline machine to its end. `stop` sends `true` to stop: children are killed, their items handed back, and
    /// commands after publishing are ended.
    pub async fn run(&self, id: &ExecutionId, input: &RunInput, stop: watch::Receiver<bool>) -> Result<Status, Stop> {
        let input = serde_json::to_value(input).map_err(|e| Stop::usage(e.to_string()))?;
        self.ctx.queues.create(CALLBACKS).await.map_err(|e| Stop::failed(e.to_string()))?;
        let pump = tokio::spawn(pump(Arc::clone(&self.ctx)));
        let status = self.driver.run("pipeline", id.as_str().to_owned(), input, stop.clone()).await;
        if *stop.borrow() {
            self.hooks.ended().await;
        }
        self.fleet.end_all().await;
        pump.abort();
        Ok(status)
    }
}

/// What takes part in a state that other machines share.
struct Shared {
    store: Arc<dyn Store>,
    executions: Arc<dyn Executions>,
    beating: Option<Beating>,
}

impl Shared {
    async fn begin(
        options: &Options<'_>,
        ui: &Arc<Ui>,
        root: &Uri,
        own: &Arc<LocalExecutions>,
        run: &RunId,
        id: &ExecutionId,
    ) -> Result<Shared, Stop> {
        let (store, rhythm) = (Arc::clone(&options.store), Rhythm::ORDINARY);
        let begun = Presence::begin(Arc::clone(&store), root, id, rhythm, SystemClock.now_ms()).await;
        let presence = begun.map_err(of_record)?;
        let named = run.to_string();
        let beating = presence.beat(move || presence::overtaken(&named));
        let ui = Arc::clone(ui);
        let executions = SharedExecutions {
            own: Arc::clone(own),
            store: Arc::clone(&store),
            root: root.clone(),
            rhythm,
            note: Box::new(move |text| ui.note(text)),
        };
        let store = Arc::new(Guarded { store, presence });
        Ok(Shared { store, executions: Arc::new(executions), beating: Some(beating) })
    }
}

/// The event-source mapping: callbacks go to the tally, and those that it could not take stay in the queue.
async fn pump(ctx: Arc<Ctx>) {
    loop {
        match ctx.queues.receive(CALLBACKS, 10, Duration::from_secs(20), TALLY_VISIBILITY).await {
            Ok(messages) if messages.is_empty() => {}
            Ok(messages) => fold(&ctx, messages).await,
            Err(error) => {
                tracing::warn!(%error, "callbacks");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn fold(ctx: &Ctx, messages: Vec<spotmill_platform::ports::Message>) {
    let bodies: Vec<String> = messages.iter().map(|m| m.body.clone()).collect();
    let failed = tally::handle(ctx, &bodies).await;
    for (index, message) in messages.iter().enumerate() {
        if !failed.contains(&index) {
            // A callback that stays is folded again, which changes nothing.
            let _ = ctx.queues.delete(CALLBACKS, &message.receipt).await;
        } else {
            let _ = ctx.queues.extend(CALLBACKS, &message.receipt, Duration::from_secs(1)).await;
        }
    }
}

fn machines() -> Result<HashMap<String, Arc<Machine>>, Stop> {
    let mut names: Substitutions =
        FUNCTIONS.iter().map(|f| (format!("{}Function", f.title), f.name.to_owned())).collect();
    names.insert("StepStateMachine".into(), "step".into());
    let parse = |name: &str, asl: &str| {
        let wrong = |e| Stop::new(Code::Invalid, format!("the state machine {name}: {e}"));
        Machine::parse(asl, &names).map(|m| (name.to_owned(), Arc::new(m))).map_err(wrong)
    };
    Ok(HashMap::from([parse("pipeline", PIPELINE_ASL)?, parse("step", STEP_ASL)?]))
}

fn supervisor(root: &Uri, options: &Options<'_>) -> Result<SupervisorConfig, Stop> {
    Ok(SupervisorConfig {
        root: root.clone(),
        queue: String::new(),
        callbacks: CALLBACKS.to_owned(),
        worker: "this machine".to_owned(),
        worker_digest: options.worker_digest.clone(),
        program: options.program.clone(),
        users: None,
        machine: options.machine,
        share: Share { vcpus_per_item: 1, memory_bytes_per_item: 1, max_slots: options.workers.unwrap_or(u32::MAX) },
        tmp: place::local()?.join("tmp"),
        times: Times::LOCAL,
        life: None,
    })
}
