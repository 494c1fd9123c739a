//! The one door of the tests: a definition and a script, a line an event, `seconds event => what came of it`.
//! Events: `start {json}`, `tick`, `ok N {json}`, `fail N Error cause`, `child-ok N {json}`, `child-fail N Error
//! cause`, `token N {json}`, `token-fail N Error cause`, `beat N`, `forged`, `abort`. Outcomes: commands joined by `;
//! `, `-` for none, `!Name` for a refusal, then `@seconds` where a deadline is next.
#![allow(dead_code)]

use serde_json::Value;
use spotmill_statemachine::*;

pub const ID: &str = "x";

pub fn machine(definition: &str) -> Machine {
    let names = definition.match_indices("${").map(|(at, _)| {
        let rest = &definition[at + 2..];
        rest[..rest.find('}').unwrap()].to_owned()
    });
    // `${PlanWorkFunction}` stands for `PlanWork`, `${StepStateMachine}` for `Step`.
    let substitutions = names.map(|name| (name.clone(), name.replace("Function", "").replace("StateMachine", "")));
    Machine::parse(definition, &substitutions.collect()).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Runs the script with the given draw for jitter and compares each outcome; gives back where it ended.
pub fn check_with(chance: f64, definition: &str, script: &str) -> Execution {
    let machine = machine(definition);
    let mut execution = Execution::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, wanted) = line.split_once(" => ").unwrap_or_else(|| panic!("no outcome in `{line}`"));
        let (secs, event) = asked.split_once(' ').unwrap();
        let now_ms = (secs.parse::<f64>().unwrap() * 1000.0) as u64;
        let stepped = step(&machine, execution, event_of(event), Moment { now_ms, chance });
        execution = stepped.execution.clone();
        assert_eq!(outcome(&stepped), wanted.trim(), "\nafter `{asked}`");
    }
    execution
}

pub fn check(definition: &str, script: &str) -> Execution {
    check_with(1.0, definition, script)
}

pub fn event_of(text: &str) -> Event {
    let mut parts = text.splitn(3, ' ');
    let kind = parts.next().unwrap();
    let (second, third) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let json = |text: &str| {
        if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap() }
    };
    let task = || TaskId(second.parse().unwrap());
    let token = format!("{ID}#{second}");
    let (error, cause) = third.split_once(' ').unwrap_or((third, "because"));
    let (error, cause) = (error.to_owned(), cause.to_owned());
    match kind {
        "start" => Event::Start { id: ID.into(), name: "n".into(), input: json(text.strip_prefix("start ").unwrap()) },
        "tick" => Event::Tick,
        "ok" => Event::TaskSucceeded { task: task(), payload: json(third) },
        "fail" => Event::TaskFailed { task: task(), error, cause },
        "child-ok" => Event::ChildSucceeded { task: task(), execution: "c".into(), output: json(third) },
        "child-fail" => Event::ChildFailed {
            task: task(),
            execution: "c".into(),
            end: ChildEnd::Failed,
            error: Some(error),
            cause: Some(cause),
        },
        "token" => Event::TokenSuccess { token, output: json(third) },
        "token-fail" => Event::TokenFailure { token, error: Some(error), cause: Some(cause) },
        "beat" => Event::TokenHeartbeat { token },
        "forged" => Event::TokenHeartbeat { token: "y#1".into() },
        "abort" => Event::Abort { error: "Stop".into(), cause: "asked".into() },
        other => panic!("no event `{other}`"),
    }
}

fn outcome(stepped: &Stepped) -> String {
    let commands = stepped.commands.iter().map(command);
    let refused = match &stepped.answer {
        Answer::Taken => None,
        Answer::Refused(refusal) => Some(format!("!{refusal:?}")),
    };
    let mut text = commands.chain(refused).collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        text.push('-');
    }
    match next_deadline(&stepped.execution) {
        Some(due) => format!("{text} @{}", due as f64 / 1000.0),
        None => text,
    }
}

fn command(command: &Command) -> String {
    match command {
        Command::Invoke { task, function, payload } => format!("invoke {} {function} {payload}", task.0),
        Command::InvokeWithToken { task, function, payload, token } => {
            assert_eq!(payload["token"], **token, "the payload carries the token");
            format!("invoke-with-token {} {function}", task.0)
        }
        Command::StartExecution { task, machine, input } => format!("start {} {machine} {input}", task.0),
        Command::StopChild { task } => format!("stop-child {}", task.0),
        Command::Succeeded { output } => format!("succeeded {output}"),
        Command::Failed { error, cause } => format!("failed {error}: {cause}").trim_end().to_owned(),
        Command::TimedOut => "timed-out".into(),
        Command::Aborted { error, .. } => format!("aborted {error}"),
    }
}

/// A machine of one task `A` with the given extra fields, then `Done`.
pub fn one_task(resource: &str, extra: &str) -> String {
    let arguments = match resource {
        "lambda:invoke" => r#"{"FunctionName": "F", "Payload": 1}"#,
        "lambda:invoke.waitForTaskToken" => {
            r#"{"FunctionName": "F", "Payload": {"token": "{% $states.context.Task.Token %}"}}"#
        }
        _ => r#"{"StateMachineArn": "M", "Input": 1}"#,
    };
    format!(
        r#"{{"QueryLanguage": "JSONata", "StartAt": "A", "States": {{
            "A": {{"Type": "Task", "Resource": "arn:aws:states:::{resource}", "Arguments": {arguments},
                   "Output": "{{% $states.result %}}", "Next": "Done" {extra}}},
            "Done": {{"Type": "Succeed"}}}}}}"#
    )
}
