//! DispatchWork dies halfway: another try goes on where it stopped, and the tally answers it. Here both tries bear one
//! token, because the emulator keeps it over a Retry; Step Functions gives each its own, which the tests of the handlers
//! do as well.

use super::*;
use serde_json::json;
use spotmill_core::bounds::DISPATCH_PAGE;
use spotmill_core::records::{Callback, CallbackKind, RECORD_VERSION};
use spotmill_local_ec2::Capacity;
use std::process::Command;

const ITEMS: u32 = 30_000;

#[test]
fn a_dispatch_that_dies_halfway_goes_on_where_it_stopped() {
    let project = copying("sent", "copies", 1);
    let values = format!("values = {{ column = \"id\", from = 0, to = {} }}", ITEMS - 1);
    project.edit("pipeline.toml", "item_bytes = \"1 B\"", &values);
    let aws = aws();
    aws.deploy_project(&project, "sent");
    let _nobody_works = NoCapacity::of(&aws);
    let run = aws.start_run(&aws.input("sent", DAY));
    let cursor = |t: &Value| u32::try_from(t["cursor"].as_u64().unwrap_or(0)).expect("a cursor");

    until("a part is sent", PATIENCE, || aws.tally("sent").filter(|t| cursor(t) > 0));
    kill_function("etl-dispatch-work");
    let died = aws.tally("sent").expect("a tally");
    let sent = cursor(&died);
    assert!((DISPATCH_PAGE..ITEMS).contains(&sent), "it was killed after item {sent}, not halfway");
    // Step Functions hears of it from Lambda; the emulator does not tell it.
    let token = died["tokens"][0].as_str().expect("a token").to_owned();
    let dead = ["stepfunctions", "send-task-failure", "--task-token", &token, "--error", "Sandbox.Timedout"];
    aws.aws(&[&dead[..], &["--cause", "killed by a test"]].concat());

    let all = |t: &Value| cursor(t) == ITEMS;
    let whole = until("another try sends the rest", PATIENCE, || aws.tally("sent").filter(all));
    let depth = aws.depth(&aws.round_queue());
    assert!((ITEMS..=ITEMS + DISPATCH_PAGE).contains(&depth), "{depth} messages of {ITEMS} items: sent twice");

    // It is answered when the round is complete.
    let epoch = whole["epoch"].as_u64().expect("an epoch");
    let done = |from: u32| (from..from + 5_000).map(|item| done(item, epoch)).collect::<Vec<_>>();
    for from in (0..ITEMS).step_by(5_000) {
        aws.invoke("tally", &json!({"Records": done(from)}));
    }
    until("the round ends", PATIENCE, || {
        let states = aws.all_states(&run).concat();
        states.iter().any(|s| s == "KillFleet").then_some(())
    });
    aws.spotmill(&project, &["stop", &format!("sent/{DAY}")]).code(0);
    aws.leaves_nothing(REAPED);
}

fn done(item: u32, epoch: u64) -> Value {
    let callback = Callback {
        v: RECORD_VERSION,
        run: "sent/2013-01-01".into(),
        step: "copy".into(),
        generation: 1,
        epoch,
        round: 0,
        item,
        attempt: "0123456789abcdef".into(),
        kind: CallbackKind::Done,
        worker: "nobody".to_owned(),
    };
    json!({"messageId": item.to_string(), "body": serde_json::to_string(&callback).expect("JSON")})
}

/// SIGKILL for the process of a function, found by what Lambda tells it.
fn kill_function(name: &str) {
    let mark = format!("AWS_LAMBDA_FUNCTION_NAME={name}");
    let mut killed = 0;
    for process in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(environment) = std::fs::read(process.path().join("environ")) else { continue };
        if environment.split(|b| *b == 0).any(|v| v == mark.as_bytes()) {
            let pid = process.file_name();
            killed += usize::from(Command::new("kill").arg("-KILL").arg(pid).status().is_ok_and(|s| s.success()));
        }
    }
    assert!(killed > 0, "no process of {name} was there to kill");
}

/// No machine is to be had while it lives.
struct NoCapacity<'a>(&'a LocalAws);

impl<'a> NoCapacity<'a> {
    fn of(aws: &'a LocalAws) -> Self {
        aws.ec2.set_capacity(Capacity::None);
        Self(aws)
    }
}

impl Drop for NoCapacity<'_> {
    fn drop(&mut self) {
        self.0.ec2.set_capacity(Capacity::Plenty);
    }
}
