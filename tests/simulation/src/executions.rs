//! Step Functions in memory: the real definitions, stepped by the real interpreter; calls of functions with their own
//! faults; states of executions that are shown late.

use crate::line::{Line, Turn};
use crate::lock::lock;
use crate::shared::Shared;
use crate::watch;
use async_trait::async_trait;
use serde_json::Value;
use spotmill_core::ids::ExecutionId;
use spotmill_platform::ports::{Clock, ExecutionError, ExecutionState, Executions, TokenReply};
use spotmill_statemachine::{
    Answer, ChildEnd, Command, Event, Execution, Machine, Moment, PIPELINE_ASL, STEP_ASL, Status, Substitutions,
    TaskId, next_deadline, step,
};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot, watch as signal};

type Posted = (Event, Option<oneshot::Sender<Answer>>);
type Post = mpsc::UnboundedSender<Posted>;

/// An execution as it is remembered.
#[derive(Clone, Debug)]
pub struct Known {
    pub input: Value,
    pub began_ms: u64,
    pub ended: Option<(u64, Status)>,
}

/// What the states call, and who hears of ends.
#[async_trait]
pub trait Functions: Send + Sync {
    async fn invoke(self: Arc<Self>, function: &str, payload: Value) -> Result<Value, (String, String)>;
    fn ended(self: Arc<Self>, id: &str);
}

pub struct Book {
    shared: Arc<Shared>,
    machines: BTreeMap<String, Arc<Machine>>,
    pub known: Mutex<BTreeMap<String, Known>>,
    tokens: Mutex<BTreeMap<String, Post>>,
    aborts: Mutex<BTreeMap<String, signal::Sender<bool>>>,
}

impl Book {
    pub fn new(shared: Arc<Shared>) -> Book {
        let mut names: Substitutions = spotmill_lambdas::FUNCTIONS
            .iter()
            .map(|function| (format!("{}Function", function.title), function.name.to_owned()))
            .collect();
        names.insert("StepStateMachine".into(), "step".into());
        let parse = |asl: &str| Arc::new(Machine::parse(asl, &names).expect("the product's own definition"));
        let machines = [("pipeline".to_owned(), parse(PIPELINE_ASL)), ("step".to_owned(), parse(STEP_ASL))].into();
        Book { shared, machines, known: Mutex::default(), tokens: Mutex::default(), aborts: Mutex::default() }
    }

    pub fn ended(&self, id: &str) -> Option<Status> {
        lock(&self.known).get(id).and_then(|known| known.ended.clone()).map(|(_, status)| status)
    }

    pub fn running(&self) -> Vec<String> {
        lock(&self.known).iter().filter(|(_, known)| known.ended.is_none()).map(|(id, _)| id.clone()).collect()
    }

    pub fn abort(&self, id: &str) {
        if let Some(abort) = lock(&self.aborts).get(id) {
            let _ = abort.send(true);
        }
    }

    async fn post(&self, token: &str, event: Event) -> TokenReply {
        let to = lock(&self.tokens).get(token).cloned();
        let (answer, answered) = oneshot::channel();
        match to {
            Some(to) if to.send((event, Some(answer))).is_ok() => match answered.await {
                Ok(Answer::Taken) => TokenReply::Accepted,
                _ => TokenReply::Closed,
            },
            _ => TokenReply::Closed,
        }
    }
}

/// Starts an execution; it runs by itself.
pub fn start(book: &Arc<Book>, functions: Arc<dyn Functions>, machine: &str, id: String, input: Value) {
    tokio::spawn(run(Arc::clone(book), functions, machine.to_owned(), id, input));
}

fn run(
    book: Arc<Book>,
    functions: Arc<dyn Functions>,
    machine: String,
    id: String,
    input: Value,
) -> Pin<Box<dyn Future<Output = Status> + Send>> {
    let (abort, aborted) = signal::channel(false);
    lock(&book.aborts).insert(id.clone(), abort);
    let began_ms = book.shared.elapsed_ms();
    let known = Known { input: input.clone(), began_ms, ended: None };
    lock(&book.known).insert(id.clone(), known);
    book.shared.tell("sfn", &format!("{id} begins {input}"));
    Box::pin(async move {
        let status = drive(&book, &functions, &machine, &id, input, aborted).await;
        book.shared.tell("sfn", &format!("{id} ends: {status:?}"));
        if let Some(known) = lock(&book.known).get_mut(&id) {
            known.ended = Some((book.shared.elapsed_ms(), status.clone()));
        }
        functions.ended(&id);
        status
    })
}

struct Running {
    id: String,
    post: Post,
    children: BTreeMap<TaskId, String>,
}

async fn drive(
    book: &Arc<Book>,
    functions: &Arc<dyn Functions>,
    name: &str,
    id: &str,
    input: Value,
    mut abort: signal::Receiver<bool>,
) -> Status {
    let machine = Arc::clone(&book.machines[name]);
    let (post, mut posted) = mpsc::unbounded_channel::<Posted>();
    let mut running = Running { id: id.to_owned(), post, children: BTreeMap::new() };
    let mut execution = Execution::default();
    let mut next: Posted = (Event::Start { id: id.to_owned(), name: id.to_owned(), input }, None);
    let mut aborting = false;
    let shared = &book.shared;
    loop {
        let chance = shared.draw(|c| c.below(1_000) as f64 / 1_000.0);
        let stepped = step(&machine, execution, next.0, Moment { now_ms: shared.now_ms(), chance });
        execution = stepped.execution;
        if let Some(asker) = next.1.take() {
            let _ = asker.send(stepped.answer);
        }
        for command in stepped.commands {
            obey(book, functions, command, &mut running);
        }
        if execution.has_ended() {
            watch::waited(shared, id, &execution);
            return execution.status().clone();
        }
        let due = next_deadline(&execution).map(|at| at.saturating_sub(shared.now_ms()));
        next = tokio::select! {
            biased;
            Some(posted) = posted.recv() => posted,
            _ = abort.wait_for(|stop| *stop), if !aborting => {
                aborting = true;
                (Event::Abort { error: "Stopped".into(), cause: "a user stopped it".into() }, None)
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(due.unwrap_or(0))), if due.is_some() => {
                (Event::Tick, None)
            }
        };
    }
}

fn obey(book: &Arc<Book>, functions: &Arc<dyn Functions>, command: Command, running: &mut Running) {
    match command {
        Command::Invoke { task, function, payload } => call(functions, task, function, payload, running),
        Command::InvokeWithToken { task, function, payload, token } => {
            lock(&book.tokens).insert(token, running.post.clone());
            call(functions, task, function, payload, running);
        }
        Command::StartExecution { task, machine, input } => {
            let id = format!("{}/{}", running.id, task.0);
            running.children.insert(task, id.clone());
            let (child, post) =
                (run(Arc::clone(book), Arc::clone(functions), machine, id.clone(), input), running.post.clone());
            tokio::spawn(async move {
                let _ = post.send((child_ended(task, id, child.await), None));
            });
        }
        Command::StopChild { task } => {
            if let Some(child) = running.children.get(&task) {
                book.abort(child);
            }
        }
        Command::Succeeded { .. } | Command::Failed { .. } | Command::TimedOut | Command::Aborted { .. } => {}
    }
}

fn call(functions: &Arc<dyn Functions>, task: TaskId, function: String, payload: Value, running: &Running) {
    let (functions, post) = (Arc::clone(functions), running.post.clone());
    tokio::spawn(async move {
        let event = match functions.invoke(&function, payload).await {
            Ok(payload) => Event::TaskSucceeded { task, payload },
            Err((error, cause)) => Event::TaskFailed { task, error, cause },
        };
        let _ = post.send((event, None));
    });
}

fn child_ended(task: TaskId, execution: String, status: Status) -> Event {
    let (end, error, cause) = match status {
        Status::Succeeded { output } => return Event::ChildSucceeded { task, execution, output },
        Status::Failed { error, cause } => (ChildEnd::Failed, error, cause),
        Status::TimedOut => (ChildEnd::TimedOut, "States.Timeout".into(), String::new()),
        Status::Aborted { error, cause } => (ChildEnd::Aborted, error, cause),
        Status::NotStarted | Status::Running => (ChildEnd::Aborted, "States.Runtime".into(), String::new()),
    };
    Event::ChildFailed { task, execution, end, error: Some(error), cause: Some(cause) }
}

/// The executions as an actor sees them over its line.
#[derive(Clone)]
pub struct SimulatedExecutions {
    pub line: Line,
    pub book: Arc<Book>,
}

fn unanswered() -> ExecutionError {
    ExecutionError { what: "no answer".to_owned(), source: "simulated".into() }
}

impl SimulatedExecutions {
    async fn send(&self, operation: &'static str, token: &str, event: Event) -> Result<TokenReply, ExecutionError> {
        let turn = self.line.turn(operation, token, true).await;
        let book = &self.book;
        match turn {
            Turn::Act => Ok(book.post(token, event).await),
            Turn::Refuse | Turn::Lose => Err(unanswered()),
            Turn::ActAndLose => {
                book.post(token, event).await;
                Err(unanswered())
            }
            Turn::ActAndDie => {
                book.post(token, event).await;
                self.line.die().await
            }
            Turn::ActLater(ms) => {
                let (book, token) = (Arc::clone(&self.book), token.to_owned());
                tokio::spawn(async move {
                    book.shared.pass(ms).await;
                    book.post(&token, event).await;
                });
                Err(unanswered())
            }
        }
    }

    /// As it is shown: a beginning and an end take a moment to be seen.
    fn seen(shared: &Shared, known: Option<Known>) -> ExecutionState {
        let lag_ms = shared.faults(|f, c| if f.are_on() { c.below(5_000) } else { 0 });
        let now_ms = shared.elapsed_ms();
        match known {
            None => ExecutionState::NotFound,
            Some(known) if known.began_ms + lag_ms / 5 > now_ms => ExecutionState::NotFound,
            Some(Known { ended: Some((at, _)), .. }) if at + lag_ms <= now_ms => ExecutionState::Ended,
            Some(_) => ExecutionState::Running,
        }
    }
}

#[async_trait]
impl Executions for SimulatedExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        match self.line.turn("executions.state", execution.as_str(), false).await {
            Turn::Act | Turn::ActAndDie => {
                let known = lock(&self.book.known).get(execution.as_str()).cloned();
                Ok(Self::seen(&self.line.shared, known))
            }
            _ => Err(unanswered()),
        }
    }

    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        let event = Event::TokenSuccess { token: token.to_owned(), output: serde_json::json!({}) };
        self.send("executions.success", token, event).await
    }

    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        let (error, cause) = (Some(error.to_owned()), Some(cause.to_owned()));
        let event = Event::TokenFailure { token: token.to_owned(), error, cause };
        self.send("executions.failure", token, event).await
    }

    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.send("executions.heartbeat", token, Event::TokenHeartbeat { token: token.to_owned() }).await
    }
}
