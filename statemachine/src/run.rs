//! The inner machinery of a step: entering states, evaluating in them and ending.
//! It does not handle events; `step` translates them. Transitions queue up in `ahead`, so no cycle of states deepens
//! the stack.

use serde_json::{Value, json};

use crate::execution::{Execution, Happened, Record, Status, Waiting};
use crate::machine::{Choice, Machine, State};
use crate::messages::{Command, Moment, TaskId};
use crate::query::{QueryError, Template};
use crate::{HISTORY_RECORDS, PAYLOAD_BYTES, names};

/// Step Functions' own limit.
const MOST_PAUSE_SECS: u64 = 99_999_999;

pub(crate) struct Run<'m> {
    pub machine: &'m Machine,
    pub x: Execution,
    pub at: Moment,
    pub commands: Vec<Command>,
    ahead: Option<(String, Value)>,
}

/// An error with its name, and its cause where there is one.
pub(crate) struct Fault {
    pub error: String,
    pub cause: Option<String>,
}

impl Fault {
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: Some(cause.into()) }
    }

    pub fn without_cause(error: &str) -> Self {
        Self { error: error.into(), cause: None }
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Self::new(names::QUERY, error.to_string())
    }
}

impl<'m> Run<'m> {
    pub fn new(machine: &'m Machine, x: Execution, at: Moment) -> Self {
        Self { machine, x, at, commands: Vec::new(), ahead: None }
    }

    /// Enters what lies ahead until the execution waits or has ended.
    pub fn settle(&mut self) {
        while let Some((name, input)) = self.ahead.take() {
            if self.history_has_room() {
                self.enter(name, input);
            }
        }
    }

    pub fn history_has_room(&mut self) -> bool {
        let room = self.x.history.len() < HISTORY_RECORDS;
        if !room {
            let cause = format!("The execution reached the maximum number of history events ({HISTORY_RECORDS}).");
            self.fail(Fault::new(names::RUNTIME, cause));
        }
        room
    }

    pub fn go_to(&mut self, state: &str, input: Value) {
        self.x.waiting = Waiting::Nothing;
        self.ahead = Some((state.to_owned(), input));
    }

    pub fn record(&mut self, what: Happened) {
        self.x.history.push(Record { at_ms: self.at.now_ms, state: self.x.state.clone(), what });
    }

    fn enter(&mut self, name: String, input: Value) {
        let machine = self.machine;
        self.x.state = name;
        self.x.state_input = input;
        self.x.retries.clear();
        self.record(Happened::Entered);
        match machine.state(&self.x.state) {
            Some(State::Task(_)) => self.start_task(),
            Some(State::Choice(choice)) => match self.choose(choice) {
                Ok(next) => {
                    self.record(Happened::Exited);
                    self.go_to(next, self.x.state_input.clone());
                }
                Err(fault) => self.fail(fault),
            },
            Some(State::Wait(wait)) => match self.seconds(&wait.seconds) {
                Ok(secs) => {
                    let due_ms = self.at.now_ms.saturating_add(secs.saturating_mul(1000));
                    self.x.waiting = Waiting::Pause { due_ms };
                }
                Err(fault) => self.fail(fault),
            },
            Some(State::Succeed { output }) => match self.output_or_input(output.as_ref()) {
                Ok(output) => {
                    self.record(Happened::Exited);
                    self.succeed(output);
                }
                Err(fault) => self.fail(fault),
            },
            Some(State::Fail { error, cause }) => match (self.text(error), self.text(cause)) {
                (Ok(error), Ok(cause)) => self.fail(Fault::new(error, cause)),
                (Err(fault), _) | (_, Err(fault)) => self.fail(fault),
            },
            // Only an execution of another machine can stand in a state that this one lacks.
            None => self.fail(Fault::new(names::RUNTIME, format!("no state `{}` in this machine", self.x.state))),
        }
    }

    /// Goes on after a pause.
    pub fn paused(&mut self) {
        let machine = self.machine;
        let Some(State::Wait(wait)) = machine.state(&self.x.state) else {
            return self.fail(Fault::new(names::RUNTIME, format!("`{}` is no state that waits", self.x.state)));
        };
        match self.output_or_input(wait.output.as_ref()) {
            Ok(output) => {
                self.record(Happened::Exited);
                self.go_to(&wait.next, output);
            }
            Err(fault) => self.fail(fault),
        }
    }

    /// A whole number within what Step Functions takes.
    fn seconds(&self, template: &Template) -> Result<u64, Fault> {
        let got = self.evaluate(template, &[])?;
        match got.as_u64().filter(|secs| *secs <= MOST_PAUSE_SECS) {
            Some(secs) => Ok(secs),
            None => Err(QueryError::WrongType { wanted: "a whole number of seconds", got }.into()),
        }
    }

    fn choose(&self, choice: &'m Choice) -> Result<&'m str, Fault> {
        for rule in &choice.rules {
            match self.evaluate(&rule.condition, &[])? {
                Value::Bool(true) => return Ok(&rule.next),
                Value::Bool(false) => {}
                got => {
                    return Err(QueryError::WrongType { wanted: "true or false", got }.into());
                }
            }
        }
        choice.default.as_deref().ok_or_else(|| Fault::new(names::NO_CHOICE, "no rule holds, and there is no Default"))
    }

    fn text(&self, template: &Template) -> Result<String, Fault> {
        match self.evaluate(template, &[])? {
            Value::String(text) => Ok(text),
            got => Err(QueryError::WrongType { wanted: "a string", got }.into()),
        }
    }

    fn output_or_input(&self, output: Option<&Template>) -> Result<Value, Fault> {
        match output {
            Some(template) => within_limit(self.evaluate(template, &[])?),
            None => Ok(self.x.state_input.clone()),
        }
    }

    /// Evaluates with `$states` as this state sees it; `more` adds `result` or `errorOutput`.
    pub fn evaluate(&self, template: &Template, more: &[(&str, &Value)]) -> Result<Value, QueryError> {
        let retry_count: u64 = self.x.retries.iter().sum();
        let mut states = json!({
            "input": self.x.state_input,
            "context": {
                "Execution": {"Id": self.x.id, "Name": self.x.name, "Input": self.x.input},
                "State": {"Name": self.x.state, "RetryCount": retry_count},
                "Task": {"Token": self.x.token(TaskId(self.x.tasks_started))},
            },
        });
        for (name, value) in more {
            states[*name] = (*value).clone();
        }
        template.evaluate(&states, &self.x.variables)
    }

    pub fn succeed(&mut self, output: Value) {
        self.end(Status::Succeeded { output: output.clone() }, Command::Succeeded { output });
    }

    pub fn fail(&mut self, Fault { error, cause }: Fault) {
        let cause = cause.unwrap_or_default();
        self.end(Status::Failed { error: error.clone(), cause: cause.clone() }, Command::Failed { error, cause });
    }

    pub fn end(&mut self, status: Status, command: Command) {
        self.ahead = None;
        self.x.waiting = Waiting::Nothing;
        self.x.status = status;
        self.record(Happened::Ended);
        self.commands.push(command);
    }
}

pub(crate) fn within_limit(value: Value) -> Result<Value, Fault> {
    match value.to_string().len() <= PAYLOAD_BYTES {
        true => Ok(value),
        false => Err(Fault::new(names::DATA_LIMIT, format!("more than {PAYLOAD_BYTES} bytes"))),
    }
}
