//! One step: what was due by now happens first, then the event. Every pair of event and state has an answer, and a
//! refused event changes nothing beyond what time itself would have. Time and chance come in as arguments; this module
//! sends nothing.

use serde_json::json;

use crate::PAYLOAD_BYTES;
use crate::execution::{Execution, Status, Waiting};
use crate::machine::{Integration, Machine};
use crate::messages::{Answer, ChildEnd, Command, Event, Moment, Refusal, TaskId};
use crate::names;
use crate::run::{Fault, Run};

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Stepped {
    pub execution: Execution,
    pub commands: Vec<Command>,
    pub answer: Answer,
}

/// Applies an event at a moment.
pub fn step(machine: &Machine, execution: Execution, event: Event, at: Moment) -> Stepped {
    let mut run = Run::new(machine, execution, at);
    run.expire();
    let answer = match run.take(event) {
        Ok(()) => Answer::Taken,
        Err(refusal) => Answer::Refused(refusal),
    };
    run.settle();
    Stepped { execution: run.x, commands: run.commands, answer }
}

/// When a step is due though nothing else happens: the nearest time-out, missed heartbeat or retry, or the end of a pause.
pub fn next_deadline(execution: &Execution) -> Option<u64> {
    if execution.status != Status::Running {
        return None;
    }
    let own = match &execution.waiting {
        Waiting::Nothing => None,
        Waiting::Retry { due_ms } | Waiting::Pause { due_ms } => Some(*due_ms),
        Waiting::Task { deadline_ms, heartbeat_deadline_ms, .. } => {
            Some(heartbeat_deadline_ms.map_or(*deadline_ms, |heartbeat| heartbeat.min(*deadline_ms)))
        }
    };
    own.into_iter().chain(execution.deadline_ms).min()
}

impl Run<'_> {
    /// Does what was due. Every round either ends the execution, uses up a retry or moves a deadline past now.
    fn expire(&mut self) {
        while next_deadline(&self.x).is_some_and(|due| due <= self.at.now_ms) {
            if self.x.deadline_ms.is_some_and(|due| due <= self.at.now_ms) {
                self.stop_child();
                self.end(Status::TimedOut, Command::TimedOut);
                return;
            }
            match self.x.waiting.clone() {
                Waiting::Retry { .. } => self.start_task(),
                Waiting::Pause { .. } => self.paused(),
                Waiting::Task { deadline_ms, heartbeat_deadline_ms, .. } => {
                    self.stop_child();
                    let missed = heartbeat_deadline_ms.is_some_and(|heartbeat| heartbeat < deadline_ms);
                    let error = if missed { names::HEARTBEAT_TIMEOUT } else { names::TIMEOUT };
                    self.task_failed(Fault::without_cause(error));
                }
                Waiting::Nothing => return,
            }
            self.settle();
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Refusal> {
        if self.x.status == Status::NotStarted {
            return match event {
                Event::Start { id, name, input } => self.start(id, name, input),
                Event::Tick => Ok(()),
                _ => Err(Refusal::NotStarted),
            };
        }
        match event {
            Event::Start { .. } => Err(Refusal::AlreadyStarted),
            Event::TokenSuccess { token, output } => {
                self.waits_for_token(&token)?;
                self.task_succeeded(output);
                Ok(())
            }
            Event::TokenFailure { token, error, cause } => {
                self.waits_for_token(&token)?;
                self.task_failed(Fault { error: error.unwrap_or_default(), cause });
                Ok(())
            }
            Event::TokenHeartbeat { token } => {
                self.waits_for_token(&token)?;
                self.beat();
                Ok(())
            }
            Event::Tick => Ok(()),
            _ if self.x.has_ended() => Err(Refusal::AlreadyEnded),
            Event::Abort { error, cause } => {
                self.stop_child();
                let status = Status::Aborted { error: error.clone(), cause: cause.clone() };
                self.end(status, Command::Aborted { error, cause });
                Ok(())
            }
            Event::TaskSucceeded { task, payload } => match self.waits_for(task)? {
                Integration::Lambda => {
                    self.task_succeeded(json!({
                        "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200,
                    }));
                    Ok(())
                }
                Integration::LambdaWithToken => Ok(()),
                Integration::Child => Err(Refusal::WrongKind),
            },
            Event::TaskFailed { task, error, cause } => {
                self.waits_for(task)?;
                self.task_failed(Fault::new(error, cause));
                Ok(())
            }
            Event::ChildSucceeded { task, execution, output } => {
                self.waits_for_child(task)?;
                self.task_succeeded(json!({
                    "ExecutionArn": execution, "Output": output, "Status": "SUCCEEDED",
                }));
                Ok(())
            }
            Event::ChildFailed { task, execution, end, error, cause } => {
                self.waits_for_child(task)?;
                self.task_failed(Fault::new(names::TASK_FAILED, description(execution, end, error, cause)));
                Ok(())
            }
        }
    }

    fn start(&mut self, id: String, name: String, input: serde_json::Value) -> Result<(), Refusal> {
        if input.to_string().len() > PAYLOAD_BYTES {
            return Err(Refusal::InvalidInput);
        }
        self.x.id = id;
        self.x.name = name;
        self.x.input = input.clone();
        self.x.status = Status::Running;
        self.x.deadline_ms =
            self.machine.timeout_secs.map(|secs| self.at.now_ms.saturating_add(secs.saturating_mul(1000)));
        let first = self.machine.start_at().to_owned();
        self.go_to(&first, input);
        Ok(())
    }

    fn waits_for(&self, wanted: TaskId) -> Result<Integration, Refusal> {
        match self.x.waiting {
            Waiting::Task { task, integration, .. } if task == wanted => Ok(integration),
            _ => Err(Refusal::StaleTask),
        }
    }

    fn waits_for_child(&self, wanted: TaskId) -> Result<(), Refusal> {
        match self.waits_for(wanted)? {
            Integration::Child => Ok(()),
            _ => Err(Refusal::WrongKind),
        }
    }

    fn waits_for_token(&self, token: &str) -> Result<(), Refusal> {
        let number = token.strip_prefix(self.x.id.as_str()).and_then(|rest| rest.strip_prefix('#'));
        let wanted = number.and_then(|number| number.parse().ok()).map(TaskId).ok_or(Refusal::InvalidToken)?;
        match self.x.waiting {
            Waiting::Task { task, integration: Integration::LambdaWithToken, .. } if task == wanted => Ok(()),
            _ if wanted.0 > self.x.tasks_started => Err(Refusal::TaskDoesNotExist),
            _ => Err(Refusal::TaskTimedOut),
        }
    }

    fn beat(&mut self) {
        let Some(secs) = self.machine.task(&self.x.state).and_then(|task| task.heartbeat_secs) else {
            return;
        };
        if let Waiting::Task { heartbeat_deadline_ms, .. } = &mut self.x.waiting {
            *heartbeat_deadline_ms = Some(self.at.now_ms.saturating_add(secs.saturating_mul(1000)));
        }
    }
}

/// What Step Functions gives as the cause: the description of the child, as JSON in a string.
fn description(execution: String, end: ChildEnd, error: Option<String>, cause: Option<String>) -> String {
    let mut child = serde_json::Map::new();
    child.extend(cause.map(|cause| ("Cause".to_owned(), json!(cause))));
    child.extend(error.map(|error| ("Error".to_owned(), json!(error))));
    child.insert("ExecutionArn".into(), json!(execution));
    let status = match end {
        ChildEnd::Failed => "FAILED",
        ChildEnd::TimedOut => "TIMED_OUT",
        ChildEnd::Aborted => "ABORTED",
    };
    child.insert("Status".into(), json!(status));
    serde_json::Value::Object(child).to_string()
}
