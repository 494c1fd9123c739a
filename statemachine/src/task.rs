//! One task of an execution: a try, its success, and its failure with retriers first and catchers after. It decides
//! from the definition only; whether an event may end the task was settled before, in `step`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::execution::{Happened, Waiting};
use crate::machine::{Integration, Task};
use crate::messages::{Command, TaskId};
use crate::names;
use crate::query::Template;
use crate::run::{Fault, Run, within_limit};

impl Run<'_> {
    /// Starts a try of the current task, under a new id and, where it waits for one, a new token.
    pub fn start_task(&mut self) {
        let machine = self.machine;
        let Some(task) = machine.task(&self.x.state) else {
            return;
        };
        self.x.tasks_started += 1;
        let id = TaskId(self.x.tasks_started);
        let after = |secs: u64| self.at.now_ms.saturating_add(secs.saturating_mul(1000));
        let waiting = Waiting::Task {
            task: id,
            integration: task.integration,
            deadline_ms: after(task.timeout_secs),
            heartbeat_deadline_ms: task.heartbeat_secs.map(after),
        };
        let payload = match self.evaluate(&task.payload, &[]).map_err(Fault::from).and_then(within_limit) {
            Ok(payload) => payload,
            Err(fault) => return self.task_failed(fault),
        };
        self.x.waiting = waiting;
        let target = task.target.clone();
        self.commands.push(match task.integration {
            Integration::Lambda => Command::Invoke { task: id, function: target, payload },
            Integration::LambdaWithToken => {
                Command::InvokeWithToken { task: id, function: target, payload, token: self.x.token(id) }
            }
            Integration::Child => Command::StartExecution { task: id, machine: target, input: payload },
        });
    }

    pub fn task_succeeded(&mut self, result: Value) {
        let machine = self.machine;
        let Some(Task { assign, output, next, .. }) = machine.task(&self.x.state) else {
            return;
        };
        let output = within_limit(result).and_then(|result| self.assign(assign, output.as_ref(), "result", &result));
        match (output, next) {
            (Ok(output), Some(next)) => {
                self.record(Happened::Exited);
                self.go_to(next, output);
            }
            (Ok(output), None) => {
                self.record(Happened::Exited);
                self.succeed(output);
            }
            (Err(fault), _) => self.task_failed(fault),
        }
    }

    /// The first retrier that matches decides by itself: when it is used up, catchers follow.
    pub fn task_failed(&mut self, fault: Fault) {
        let machine = self.machine;
        self.x.waiting = Waiting::Nothing;
        let Some(task) = machine.task(&self.x.state) else {
            return self.fail(fault);
        };
        let matching = task.retry.iter().position(|retrier| names::matches(&retrier.error_equals, &fault.error));
        if let Some(at) = matching {
            self.x.retries.resize(task.retry.len(), 0);
            let done = self.x.retries[at];
            if done < task.retry[at].max_attempts {
                if !self.history_has_room() {
                    return;
                }
                self.x.retries[at] += 1;
                let wait_ms = names::delay_ms(&task.retry[at], done, self.at.chance);
                self.x.waiting = Waiting::Retry { due_ms: self.at.now_ms.saturating_add(wait_ms) };
                return self.record(Happened::Retrying { error: fault.error, wait_ms });
            }
        }
        let Some(catcher) = task.catch.iter().find(|catcher| names::matches(&catcher.error_equals, &fault.error))
        else {
            return self.fail(fault);
        };
        let mut error_output = json!({"Error": fault.error});
        if let Some(cause) = &fault.cause {
            error_output["Cause"] = json!(cause);
        }
        match self.assign(&catcher.assign, catcher.output.as_ref(), "errorOutput", &error_output) {
            Ok(output) => {
                self.record(Happened::Caught { error: fault.error });
                self.record(Happened::Exited);
                self.go_to(&catcher.next, output);
            }
            Err(second) => self.fail(second),
        }
    }

    /// Stops a child, if there is one, that nobody waits for any more.
    pub fn stop_child(&mut self) {
        if let Waiting::Task { task, integration: Integration::Child, .. } = self.x.waiting {
            self.commands.push(Command::StopChild { task });
        }
    }

    fn assign(
        &mut self,
        assign: &BTreeMap<String, Template>,
        output: Option<&Template>,
        name: &str,
        value: &Value,
    ) -> Result<Value, Fault> {
        // Variables and output are computed side by side from what was there before.
        let more = [(name, value)];
        let mut assigned = Vec::new();
        for (variable, template) in assign {
            assigned.push((variable.clone(), self.evaluate(template, &more)?));
        }
        let output = match output {
            Some(template) => self.evaluate(template, &more)?,
            None => value.clone(),
        };
        let output = within_limit(output)?;
        self.x.variables.extend(assigned);
        Ok(output)
    }
}
