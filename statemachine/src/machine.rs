//! A parsed machine: states by name, everything resolved and checked, so that stepping needs no further validation.
//! It never holds an optional field whose absence would have to be interpreted later, except where absence is the
//! meaning.

use std::collections::BTreeMap;

use crate::query::Template;

/// A state machine whose every transition leads somewhere and whose every expression parses.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    pub(crate) start_at: String,
    pub(crate) timeout_secs: Option<u64>,
    pub(crate) states: BTreeMap<String, State>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Task(Task),
    Choice(Choice),
    Wait(Wait),
    Succeed { output: Option<Template> },
    Fail { error: Template, cause: Template },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub integration: Integration,
    /// The function's or child machine's name, as substituted.
    pub target: String,
    /// The lambda's payload, or the child's input.
    pub payload: Template,
    pub timeout_secs: u64,
    pub heartbeat_secs: Option<u64>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    pub assign: BTreeMap<String, Template>,
    pub output: Option<Template>,
    /// `None` ends the execution.
    pub next: Option<String>,
}

/// How a task's end is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Integration {
    /// `lambda:invoke`: by the function's return.
    Lambda,
    /// `lambda:invoke.waitForTaskToken`: by whoever presents the token; the function's return is ignored, its error is
    /// not.
    LambdaWithToken,
    /// `states:startExecution.sync:2`: by the child's end.
    Child,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    pub error_equals: Vec<String>,
    pub interval_secs: u64,
    pub max_attempts: u64,
    pub backoff_rate: f64,
    pub max_delay_secs: Option<u64>,
    pub jitter: Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    None,
    Full,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    pub error_equals: Vec<String>,
    pub assign: BTreeMap<String, Template>,
    pub output: Option<Template>,
    pub next: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub rules: Vec<Rule>,
    pub default: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub seconds: Template,
    pub output: Option<Template>,
    pub next: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub condition: Template,
    pub next: String,
}

impl Machine {
    pub fn start_at(&self) -> &str {
        &self.start_at
    }

    pub fn states(&self) -> impl Iterator<Item = (&str, &State)> {
        self.states.iter().map(|(name, state)| (name.as_str(), state))
    }

    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }

    pub fn task(&self, name: &str) -> Option<&Task> {
        match self.states.get(name) {
            Some(State::Task(task)) => Some(task),
            _ => None,
        }
    }

    /// The states that may follow this one, with the field that names each.
    pub fn successors(&self, name: &str) -> Vec<(String, &str)> {
        match self.states.get(name) {
            Some(State::Task(task)) => {
                let next = task.next.iter().map(|next| ("Next".to_owned(), next.as_str()));
                let caught = task.catch.iter().enumerate();
                next.chain(caught.map(|(at, catcher)| (format!("Catch[{at}].Next"), catcher.next.as_str()))).collect()
            }
            Some(State::Choice(choice)) => {
                let rules = choice.rules.iter().enumerate();
                let default = choice.default.iter().map(|next| ("Default".to_owned(), next.as_str()));
                rules.map(|(at, rule)| (format!("Choices[{at}].Next"), rule.next.as_str())).chain(default).collect()
            }
            Some(State::Wait(wait)) => vec![("Next".to_owned(), wait.next.as_str())],
            _ => Vec::new(),
        }
    }
}
