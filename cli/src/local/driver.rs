//! Obeys the state machines: calls functions, starts child executions, sleeps until the next deadline, and reports
//! every outcome back as an event. It decides nothing; `spotmill_statemachine::step` does.

use super::executions::{LocalExecutions, Posted};
use async_trait::async_trait;
use serde_json::Value;
use spotmill_core::reap::STOPPED;
use spotmill_platform::ports::Clock;
use spotmill_statemachine::{
    ChildEnd, Command, Event, Execution, Machine, Moment, Status, TaskId, next_deadline, step,
};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The functions by the names the machines call them.
#[async_trait]
pub trait Functions: Send + Sync {
    /// The payload, or an error name and its cause.
    async fn call(&self, function: &str, payload: Value) -> Result<Value, (String, String)>;
}

pub struct Driver {
    pub machines: HashMap<String, Arc<Machine>>,
    pub functions: Arc<dyn Functions>,
    pub executions: Arc<LocalExecutions>,
    pub clock: Arc<dyn Clock>,
}

/// Sends `true` once to abort.
pub type AbortSignal = watch::Receiver<bool>;

struct Running {
    id: String,
    post: mpsc::UnboundedSender<Posted>,
    children: HashMap<TaskId, watch::Sender<bool>>,
}

impl Driver {
    /// Runs one execution to its end.
    pub fn run(
        self: &Arc<Self>,
        machine: &str,
        id: String,
        input: Value,
        abort: AbortSignal,
    ) -> Pin<Box<dyn Future<Output = Status> + Send>> {
        let driver = Arc::clone(self);
        let machine = self.machines.get(machine).cloned();
        Box::pin(async move {
            let Some(machine) = machine else {
                return failed("States.Runtime", "there is no such state machine");
            };
            driver.executions.started(&id);
            let status = driver.drive(&machine, id.clone(), input, abort).await;
            driver.executions.ended(&id);
            status
        })
    }

    async fn drive(self: &Arc<Self>, machine: &Machine, id: String, input: Value, mut abort: AbortSignal) -> Status {
        let (post, mut posted) = mpsc::unbounded_channel::<Posted>();
        let mut running = Running { id: id.clone(), post, children: HashMap::new() };
        let mut execution = Execution::default();
        let mut next: Posted = (Event::Start { name: id.clone(), id, input }, None);
        let mut aborting = false;
        loop {
            let moment = Moment { now_ms: self.clock.now_ms(), chance: 0.5 };
            let stepped = step(machine, execution, next.0, moment);
            execution = stepped.execution;
            if let Some(asker) = next.1.take() {
                let _ = asker.send(stepped.answer);
            }
            for command in stepped.commands {
                self.obey(command, &mut running);
            }
            if execution.has_ended() {
                tracing::debug!(states = ?execution.states_visited(), "ended");
                return execution.status().clone();
            }
            next = tokio::select! {
                Some(posted) = posted.recv() => posted,
                () = self.sleep_until(next_deadline(&execution)) => (Event::Tick, None),
                () = aborted(&mut abort), if !aborting => {
                    aborting = true;
                    (Event::Abort { error: STOPPED.into(), cause: "stopped by the user".into() }, None)
                }
            };
        }
    }

    fn obey(self: &Arc<Self>, command: Command, running: &mut Running) {
        match command {
            Command::Invoke { task, function, payload } => self.call(task, function, payload, running),
            Command::InvokeWithToken { task, function, payload, token } => {
                self.executions.register(&token, running.post.clone());
                self.call(task, function, payload, running);
            }
            Command::StartExecution { task, machine, input } => self.start_child(task, machine, input, running),
            Command::StopChild { task } => {
                if let Some(child) = running.children.remove(&task) {
                    let _ = child.send(true);
                }
            }
            Command::Succeeded { .. } | Command::Failed { .. } | Command::TimedOut | Command::Aborted { .. } => {}
        }
    }

    fn call(self: &Arc<Self>, task: TaskId, function: String, payload: Value, running: &Running) {
        let (functions, post) = (Arc::clone(&self.functions), running.post.clone());
        tokio::spawn(async move {
            let event = match functions.call(&function, payload).await {
                Ok(payload) => Event::TaskSucceeded { task, payload },
                Err((error, cause)) => Event::TaskFailed { task, error, cause },
            };
            let _ = post.send((event, None));
        });
    }

    fn start_child(self: &Arc<Self>, task: TaskId, machine: String, input: Value, running: &mut Running) {
        let (stop, stopped) = watch::channel(false);
        running.children.insert(task, stop);
        let id = format!("{}/{}", running.id, task.0);
        let (child, post) = (self.run(&machine, id.clone(), input, stopped), running.post.clone());
        tokio::spawn(async move {
            let _ = post.send((child_ended(task, id, child.await), None));
        });
    }

    async fn sleep_until(&self, deadline_ms: Option<u64>) {
        match deadline_ms {
            Some(at) => tokio::time::sleep(Duration::from_millis(at.saturating_sub(self.clock.now_ms()))).await,
            None => std::future::pending().await,
        }
    }
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

fn failed(error: &str, cause: &str) -> Status {
    Status::Failed { error: error.into(), cause: cause.into() }
}

async fn aborted(abort: &mut AbortSignal) {
    if abort.wait_for(|&stop| stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
