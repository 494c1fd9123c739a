//! Whatever happens in whatever order: no panic, no change by a refused event, the same result from the same arguments.

mod door;

use door::{event_of, machine};
use proptest::prelude::*;
use spotmill_statemachine::*;

const REPLIES: [&str; 6] = [
    "{}",
    "null",
    "[[]]",
    r#"{"run":"r","steps":["a"],"count":1,"awaits":true,"next":"wait","pause_secs":7}"#,
    r#"{"generation":1,"epoch":1,"todo":4,"round":0,"rung":0,"next":"round","error":"E","cause":"C","more":true,"after":false,"cursor":1}"#,
    r#"{"generation":1,"epoch":1,"todo":0,"round":1,"rung":0,"next":"publish","more":false,"after":true,"cursor":null}"#,
];
const ERRORS: [&str; 6] = [
    "States.HeartbeatTimeout",
    "States.Runtime",
    "States.DataLimitExceeded",
    "Lambda.ServiceException",
    "StepFunctions.ThrottlingException",
    "Spotmill.Fenced",
];

/// An event aimed near the task that is waited for, so that most sequences get somewhere.
fn aimed() -> impl Strategy<Value = (usize, i64, usize, u64, f64)> {
    (0..40usize, -1..3i64, 0..6usize, prop_oneof![0..9u64, 0..4000u64, 0..200_000u64], 0.0..1.0f64)
}

fn event(kind: usize, task: u64, variant: usize) -> Event {
    let (reply, error) = (REPLIES[variant], ERRORS[variant]);
    event_of(&match kind {
        0 => "start {}".into(),
        1 => "abort".into(),
        2 => "forged".into(),
        3..=12 => format!("ok {task} {reply}"),
        13..=16 => format!("fail {task} {error}"),
        17..=22 => format!("child-ok {task} {reply}"),
        23 => format!("child-fail {task} {error}"),
        24..=31 => format!("token {task} {reply}"),
        32 => format!("token-fail {task} {error}"),
        33..=35 => format!("beat {task}"),
        _ => "tick".into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_is_answered(is_step: bool, events in prop::collection::vec(aimed(), 1..60)) {
        let machine = machine(if is_step { STEP_ASL } else { PIPELINE_ASL });
        let input = r#"start {"run":"r","step":"s","root":"x"}"#;
        let mut now_ms = 0;
        let first = step(&machine, Execution::default(), event_of(input), Moment { now_ms, chance: 0.5 });
        let (mut execution, mut newest) = (first.execution, 1);
        for (kind, offset, variant, passes, chance) in events {
            now_ms += passes * 100;
            let at = Moment { now_ms, chance };
            let event = event(kind, newest + 1 - offset.unsigned_abs().min(newest), variant);
            let due = next_deadline(&execution).is_some_and(|due| due <= now_ms);
            let stepped = step(&machine, execution.clone(), event.clone(), at);
            prop_assert_eq!(&stepped, &step(&machine, execution.clone(), event, at));
            if matches!(stepped.answer, Answer::Refused(_)) && !due {
                prop_assert_eq!(&stepped.execution, &execution);
                prop_assert!(stepped.commands.is_empty());
            }
            if execution.has_ended() {
                prop_assert_eq!(&stepped.execution, &execution);
            }
            let ends = stepped.commands.iter().filter(|command| {
                matches!(command, Command::Succeeded { .. } | Command::Failed { .. } | Command::TimedOut | Command::Aborted { .. })
            });
            prop_assert_eq!(ends.count() == 1, stepped.execution.has_ended() && !execution.has_ended());
            // Running means waiting, and waiting ends of itself.
            prop_assert_eq!(next_deadline(&stepped.execution).is_some(), !stepped.execution.has_ended());
            if let Some(due) = next_deadline(&stepped.execution) {
                prop_assert!(due > now_ms || chance < 0.01, "nothing that is due is left undone");
            }
            for command in &stepped.commands {
                if let Command::Invoke { task, .. } | Command::InvokeWithToken { task, .. } | Command::StartExecution { task, .. } = command {
                    newest = task.0;
                }
            }
            execution = stepped.execution;
            let kept: Execution = serde_json::from_str(&serde_json::to_string(&execution).unwrap()).unwrap();
            prop_assert_eq!(&kept, &execution);
        }
    }

    /// Every fleet that may have been launched is followed by a kill, unless the whole execution was cut short.
    #[test]
    fn no_step_ends_by_itself_between_launch_and_kill(events in prop::collection::vec(aimed(), 1..60)) {
        let machine = machine(STEP_ASL);
        let mut execution = Execution::default();
        let (mut now_ms, mut newest) = (0, 0);
        let start = event_of(r#"start {"run":"r","step":"s","root":"x"}"#);
        for (at, (kind, _, variant, passes, chance)) in events.into_iter().enumerate() {
            now_ms += passes * 100;
            let event = if at == 0 { start.clone() } else { event(kind.max(3), newest, variant) };
            let uncatchable = matches!(&event, Event::TaskFailed { error, .. } | Event::TokenFailure { error: Some(error), .. }
                if error == "States.Runtime" || error == "States.DataLimitExceeded");
            if uncatchable {
                continue;
            }
            let stepped = step(&machine, execution, event, Moment { now_ms, chance });
            execution = stepped.execution;
            for command in &stepped.commands {
                if let Command::Invoke { task, .. } | Command::InvokeWithToken { task, .. } = command {
                    newest = task.0;
                }
            }
        }
        if let Status::Succeeded { .. } | Status::Failed { .. } = execution.status() {
            let visited = execution.states_visited();
            let launched = visited.iter().rposition(|state| *state == "LaunchFleet");
            let killed = visited.iter().rposition(|state| *state == "KillFleet");
            prop_assert!(launched <= killed, "{:?}", visited);
        }
    }
}
