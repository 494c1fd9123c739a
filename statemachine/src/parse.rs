//! From the text of a definition to a checked [`Machine`]. Every field must be one that `step` honours: an unknown one,
//! a feature outside the subset or a name left unsubstituted is refused with its state and field. It never guesses a
//! default that Step Functions does not document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::graph;
use crate::machine::{Catcher, Choice, Integration, Jitter, Machine, Retrier, Rule, State, Task, Wait};
use crate::names;
use crate::problem::{ParseError, Parsed};
use crate::query::Place;

/// What each `${Name}` of a definition stands for.
pub type Substitutions = BTreeMap<String, String>;

/// Step Functions' own limits.
const MOST_SECS: u64 = 99_999_999;
const MOST_DELAY_SECS: u64 = 31_622_400;

impl Machine {
    pub fn parse(definition: &str, substitutions: &Substitutions) -> Parsed<Self> {
        let mut json: Value = serde_json::from_str(definition)?;
        substitute(&mut json, substitutions, "")?;
        let mut top = Fields::of("the machine", "", json)?;
        top.take::<String>("Comment")?;
        if top.need::<String>("QueryLanguage")? != "JSONata" {
            return Err(top.error("QueryLanguage", "must be JSONata"));
        }
        let start_at = top.need("StartAt")?;
        let timeout_secs = top.take_within("TimeoutSeconds", 1, MOST_SECS)?;
        let states: Map<String, Value> = top.need("States")?;
        top.finish()?;
        let mut parsed = BTreeMap::new();
        for (name, json) in states {
            let state = state(Fields::of(&format!("state `{name}`"), "", json)?)?;
            parsed.insert(name, state);
        }
        let machine = Self { start_at, timeout_secs, states: parsed };
        graph::check(&machine)?;
        Ok(machine)
    }
}

fn substitute(json: &mut Value, substitutions: &Substitutions, field: &str) -> Parsed<()> {
    match json {
        Value::String(text) => {
            for (name, value) in substitutions {
                *text = text.replace(&format!("${{{name}}}"), value);
            }
            match text.contains("${") {
                true => Err(ParseError::Field {
                    place: "the definition".into(),
                    field: field.into(),
                    problem: format!("holds a name without substitution: `{text}`"),
                }),
                false => Ok(()),
            }
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| substitute(item, substitutions, field)),
        Value::Object(fields) => {
            let within = |name: &str| {
                if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
            };
            fields.iter_mut().try_for_each(|(name, json)| substitute(json, substitutions, &within(name)))
        }
        _ => Ok(()),
    }
}

fn state(mut fields: Fields) -> Parsed<State> {
    fields.take::<String>("Comment")?;
    let kind: String = fields.need("Type")?;
    let state = match kind.as_str() {
        "Task" => State::Task(task(&mut fields)?),
        "Choice" => State::Choice(choice(&mut fields)?),
        "Wait" => State::Wait(Wait {
            seconds: fields.need_template("Seconds", Place::Plain)?,
            output: fields.template("Output", Place::Plain)?,
            next: fields.need("Next")?,
        }),
        "Succeed" => State::Succeed { output: fields.template("Output", Place::Plain)? },
        "Fail" => State::Fail {
            error: fields.need_template("Error", Place::Plain)?,
            cause: fields.need_template("Cause", Place::Plain)?,
        },
        other => {
            return Err(fields.error("Type", &format!("names a type outside the subset: `{other}`")));
        }
    };
    fields.finish()?;
    Ok(state)
}

fn task(fields: &mut Fields) -> Parsed<Task> {
    let resource: String = fields.need("Resource")?;
    let (integration, target_field, payload_field, place) = match resource.as_str() {
        "arn:aws:states:::lambda:invoke" => (Integration::Lambda, "FunctionName", "Payload", Place::Plain),
        "arn:aws:states:::lambda:invoke.waitForTaskToken" => {
            (Integration::LambdaWithToken, "FunctionName", "Payload", Place::TokenArguments)
        }
        "arn:aws:states:::states:startExecution.sync:2" => {
            (Integration::Child, "StateMachineArn", "Input", Place::Plain)
        }
        other => return Err(fields.error("Resource", &format!("is outside the subset: `{other}`"))),
    };
    let mut arguments = fields.need_fields("Arguments")?;
    let target: String = arguments.need(target_field)?;
    if target.starts_with("{%") {
        return Err(arguments.error(target_field, "must be a literal"));
    }
    let payload = arguments.need_template(payload_field, place)?;
    arguments.finish()?;
    let timeout_secs = fields
        .take_within("TimeoutSeconds", 1, MOST_SECS)?
        .ok_or_else(|| fields.error("TimeoutSeconds", "is missing: a task without one waits for years"))?;
    let heartbeat_secs = fields.take_within("HeartbeatSeconds", 1, MOST_SECS)?;
    if heartbeat_secs.is_some() && integration != Integration::LambdaWithToken {
        return Err(fields.error("HeartbeatSeconds", "needs a task with a token"));
    }
    if heartbeat_secs.is_some_and(|secs| secs >= timeout_secs) {
        return Err(fields.error("HeartbeatSeconds", "must be less than TimeoutSeconds"));
    }
    let retry = fields.take_each("Retry")?.into_iter().map(retrier).collect::<Parsed<Vec<_>>>()?;
    let catch = fields.take_each("Catch")?.into_iter().map(catcher).collect::<Parsed<Vec<_>>>()?;
    all_comes_last(fields, "Retry", retry.iter().map(|retrier| &retrier.error_equals).collect())?;
    all_comes_last(fields, "Catch", catch.iter().map(|catcher| &catcher.error_equals).collect())?;
    let assign = fields.assign(Place::Result)?;
    let output = fields.template("Output", Place::Result)?;
    let next: Option<String> = fields.take("Next")?;
    let end: bool = fields.take("End")?.unwrap_or(false);
    if end == next.is_some() {
        return Err(fields.error("Next", "and `End`: true: a task has exactly one of them"));
    }
    Ok(Task { integration, target, payload, timeout_secs, heartbeat_secs, retry, catch, assign, output, next })
}

fn retrier(mut fields: Fields) -> Parsed<Retrier> {
    let retrier = Retrier {
        error_equals: fields.error_equals()?,
        interval_secs: fields.take_within("IntervalSeconds", 1, MOST_SECS)?.unwrap_or(1),
        max_attempts: fields.take_within("MaxAttempts", 0, MOST_SECS)?.unwrap_or(3),
        backoff_rate: fields.take("BackoffRate")?.unwrap_or(2.0),
        max_delay_secs: fields.take_within("MaxDelaySeconds", 1, MOST_DELAY_SECS)?,
        jitter: match fields.take::<String>("JitterStrategy")?.as_deref() {
            None | Some("NONE") => Jitter::None,
            Some("FULL") => Jitter::Full,
            Some(other) => {
                return Err(fields.error("JitterStrategy", &format!("must be FULL or NONE, not `{other}`")));
            }
        },
    };
    if retrier.backoff_rate < 1.0 {
        return Err(fields.error("BackoffRate", "must be at least 1"));
    }
    fields.finish()?;
    Ok(retrier)
}

fn catcher(mut fields: Fields) -> Parsed<Catcher> {
    let catcher = Catcher {
        error_equals: fields.error_equals()?,
        assign: fields.assign(Place::Caught)?,
        output: fields.template("Output", Place::Caught)?,
        next: fields.need("Next")?,
    };
    fields.finish()?;
    Ok(catcher)
}

fn choice(fields: &mut Fields) -> Parsed<Choice> {
    let rules = fields.take_each("Choices")?.into_iter().map(|mut fields| {
        let condition = fields.need_template("Condition", Place::Plain)?;
        let next = fields.need("Next")?;
        fields.finish()?;
        Ok(Rule { condition, next })
    });
    let rules = rules.collect::<Parsed<Vec<_>>>()?;
    if rules.is_empty() {
        return Err(fields.error("Choices", "must hold a rule"));
    }
    Ok(Choice { rules, default: fields.take("Default")? })
}

fn all_comes_last(fields: &Fields, field: &str, lists: Vec<&Vec<String>>) -> Parsed<()> {
    for (at, list) in lists.iter().enumerate() {
        let has_all = list.iter().any(|name| name == names::ALL);
        if has_all && (list.len() > 1 || at + 1 < lists.len()) {
            return Err(
                fields.error(&format!("{field}[{at}].ErrorEquals"), "must hold States.ALL alone, and come last")
            );
        }
    }
    Ok(())
}
