//! Everything put together: the functions over simulated ports, the queue that feeds the tally, the reaper's schedule,
//! and Lambda, which ends a call after its time and forgets it.

use crate::executions::{Book, Functions, SimulatedExecutions, start};
use crate::faults::Fault;
use crate::fleets::{Park, SimulatedFleets};
use crate::line::{Actor, Line};
use crate::lock::lock;
use crate::model::STATE;
use crate::queue::SimulatedQueue;
use crate::queues::DEAD;
use crate::shared::Shared;
use crate::store::SimulatedStore;
use crate::watch;
use async_trait::async_trait;
use serde_json::{Value, json};
use spotmill_core::ids::Uri;
use spotmill_lambdas::{Ctx, HandlerError, Settings, functions, invoke};
use spotmill_platform::ports::{Clock, Queue};
use spotmill_statemachine::Status;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const CALLBACKS: &str = "callbacks";
/// Lambda's own limit for functions that states call, and for those that queues feed.
const LIMIT_MS: u64 = 900_000;
const QUEUE_LIMIT_MS: u64 = 60_000;
/// Of the callbacks in the tally's hands: six times its limit, as SQS advises.
const VISIBILITY: Duration = Duration::from_secs(360);
const TICK_MS: u64 = 300_000;

pub struct World {
    pub shared: Arc<Shared>,
    pub book: Arc<Book>,
    pub park: Arc<Park>,
    pub settings: Settings,
    called: Mutex<u64>,
}

impl World {
    pub fn new(shared: Arc<Shared>, settings: Settings, tmp: PathBuf) -> Arc<World> {
        let park = Arc::new(Park::new(Arc::clone(&shared), Uri::new(STATE), tmp));
        for queue in [CALLBACKS, DEAD] {
            shared.queues.create(queue);
        }
        let world = Arc::new(World {
            book: Arc::new(Book::new(Arc::clone(&shared))),
            shared,
            park,
            settings,
            called: Mutex::default(),
        });
        for (queue, function) in [(CALLBACKS, "tally"), (CALLBACKS, "tally"), (DEAD, "dead_letters")] {
            tokio::spawn(feed(Arc::clone(&world), queue, function));
        }
        tokio::spawn(schedule(Arc::clone(&world)));
        world
    }

    /// A function's context, on a line of its own.
    pub fn ctx(self: &Arc<Self>, actor: &Arc<Actor>, limit_ms: u64) -> Ctx {
        let line = Line { shared: Arc::clone(&self.shared), actor: Arc::clone(actor) };
        Ctx {
            root: Uri::new(STATE),
            store: Arc::new(SimulatedStore(line.clone())),
            queues: Arc::new(SimulatedQueue(line.clone())),
            fleets: Arc::new(SimulatedFleets { line: line.clone(), park: Arc::clone(&self.park) }),
            executions: Arc::new(SimulatedExecutions { line, book: Arc::clone(&self.book) }),
            clock: Arc::<Shared>::clone(&self.shared),
            catalogs: None,
            hooks: None,
            settings: Settings { deadline_ms: Some(self.shared.now_ms() + limit_ms), ..self.settings.clone() },
        }
    }

    fn actor(&self, function: &str, root: Option<String>) -> Arc<Actor> {
        let number = {
            let mut called = lock(&self.called);
            *called += 1;
            *called
        };
        Actor::new(&self.shared, function, format!("{function}#{number}"), root)
    }

    async fn call(self: Arc<Self>, function: String, payload: Value) -> Result<Value, (String, String)> {
        let root = payload["root"].as_str().map(str::to_owned);
        let actor = self.actor(&function, root);
        let ctx = self.ctx(&actor, LIMIT_MS);
        let name = function.clone();
        self.shared.tell(&actor.name, &format!("is called with {payload}"));
        let work = async move { invoke(&ctx, &name, payload).await };
        let done = self.alone(&actor, LIMIT_MS, work).await?;
        let told = match &done {
            Ok(reply) => format!("answers {reply}"),
            Err(e) => format!("fails: {} {}", e.error, e.cause),
        };
        self.shared.tell(&actor.name, &told);
        done.map_err(|e| {
            watch::failed(&self.shared, &actor, e.error, &e.cause);
            (e.error.to_owned(), e.cause)
        })
    }

    /// Runs to its end, its death or Lambda's limit.
    async fn alone<T: Send + 'static>(
        &self,
        actor: &Arc<Actor>,
        limit_ms: u64,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, (String, String)> {
        let mut task = tokio::spawn(work);
        let ended = tokio::select! {
            biased;
            done = &mut task => match done {
                Ok(done) => return Ok(done),
                Err(panic) => {
                    self.shared.broken("no-panic", format!("{} panicked: {panic}", actor.name));
                    ("Runtime.ExitError", "it panicked")
                }
            },
            () = actor.death() => ("Runtime.ExitError", "it died"),
            () = tokio::time::sleep(Duration::from_millis(limit_ms)) => ("Sandbox.Timedout", "its time is over"),
        };
        task.abort();
        actor.die();
        self.shared.tell(&actor.name, ended.1);
        Err((ended.0.to_owned(), ended.1.to_owned()))
    }

    /// Bodies to deliver again; all of them, if it died.
    async fn take(self: &Arc<Self>, function: &'static str, bodies: Vec<String>) -> Vec<usize> {
        let actor = self.actor(function, None);
        let (ctx, all) = (self.ctx(&actor, QUEUE_LIMIT_MS), (0..bodies.len()).collect());
        let work = async move { functions::take(&ctx, function, &bodies).await };
        match self.alone(&actor, QUEUE_LIMIT_MS, work).await {
            Ok(Ok(again)) => again,
            Ok(Err(HandlerError { .. })) | Err(_) => all,
        }
    }

    pub async fn reap(self: &Arc<Self>, event: Value) {
        let actor = self.actor("reap", None);
        let ctx = self.ctx(&actor, LIMIT_MS);
        let work = async move { invoke(&ctx, "reap", event).await };
        if let Ok(Err(e)) = self.alone(&actor, LIMIT_MS, work).await {
            self.shared.tell(&actor.name, &format!("fails: {} {}", e.error, e.cause));
        }
    }

    pub fn start(self: &Arc<Self>, id: &str, input: Value) {
        let functions: Arc<dyn Functions> = Arc::<World>::clone(self);
        start(&self.book, functions, "pipeline", id.to_owned(), input);
    }
}

#[async_trait]
impl Functions for World {
    /// A call by a state, as Step Functions makes it.
    async fn invoke(self: Arc<Self>, function: &str, payload: Value) -> Result<Value, (String, String)> {
        let shared = &self.shared;
        let kind = match shared.faults(|f, c| f.strikes(Fault::Invocation, c)) {
            true => 1 + shared.draw(|c| c.below(3)),
            false => 0,
        };
        let refused = |error: &str| Err((error.to_owned(), "simulated".to_owned()));
        shared.pass(shared.draw(|c| c.between(5, 50))).await;
        match kind {
            1 => return refused("Lambda.TooManyRequestsException"),
            2 => return refused("Lambda.SdkClientException"),
            _ => {}
        }
        let called = tokio::spawn(Arc::clone(&self).call(function.to_owned(), payload));
        if kind == 3 {
            // The answer is lost; the function goes on.
            shared.tell("sfn", &format!("FAULT the answer of {function} is lost"));
            shared.pass(shared.draw(|c| c.between(10, 60_000))).await;
            return refused("Lambda.SdkClientException");
        }
        called.await.unwrap_or_else(|_| refused("Lambda.Unknown"))
    }

    /// An execution has ended: the reaper hears of it, if the event is not lost.
    fn ended(self: Arc<Self>, id: &str) {
        watch::execution_ended(&self, id);
        if self.shared.faults(|f, c| f.strikes(Fault::EventLost, c)) {
            return self.shared.tell("events", &format!("FAULT the end of {id} is told to nobody"));
        }
        let Some(known) = lock(&self.book.known).get(id).cloned() else { return };
        let (status, error, cause) = match known.ended.map(|(_, status)| status) {
            Some(Status::Succeeded { .. }) => ("SUCCEEDED", String::new(), String::new()),
            Some(Status::Failed { error, cause }) => ("FAILED", error, cause),
            Some(Status::TimedOut) => ("TIMED_OUT", String::new(), String::new()),
            Some(Status::Aborted { error, cause }) => ("ABORTED", error, cause),
            _ => return,
        };
        let detail = json!({
            "status": status, "executionArn": id, "input": known.input.to_string(), "error": error, "cause": cause,
        });
        let (world, event) =
            (Arc::clone(&self), json!({"detail-type": "Step Functions Execution Status Change", "detail": detail}));
        tokio::spawn(async move {
            world.shared.pass(world.shared.draw(|c| c.between(200, 5_000))).await;
            world.reap(event).await;
        });
    }
}

/// The event-source mapping of a queue.
async fn feed(world: Arc<World>, queue: &'static str, function: &'static str) {
    let actor = Actor::user(&world.shared);
    let queues = SimulatedQueue(Line { shared: Arc::clone(&world.shared), actor });
    loop {
        let received = queues.receive(queue, 10, Duration::from_secs(20), VISIBILITY).await;
        let messages = received.unwrap_or_default();
        if messages.is_empty() {
            // A receive that waits for nothing costs time for nothing.
            world.shared.queues.changed.notified().await;
            continue;
        }
        let bodies = messages.iter().map(|m| m.body.clone()).collect();
        let again = world.take(function, bodies).await;
        for (_, message) in messages.iter().enumerate().filter(|(index, _)| !again.contains(index)) {
            let _ = queues.delete(queue, &message.receipt).await;
        }
    }
}

/// The reaper's rule, as long as there is anything to look at.
async fn schedule(world: Arc<World>) {
    loop {
        tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
        if !world.book.running().is_empty() || !world.park.living().is_empty() {
            world.reap(json!({"detail-type": "Scheduled Event"})).await;
        }
    }
}
