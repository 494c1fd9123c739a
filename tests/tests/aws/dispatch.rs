//! DispatchWork dies halfway: another try goes on where it stopped, and the tally answers it. Here both tries bear one
//! token, because the emulator keeps it over a Retry; Step Functions gives each its own, which the tests of the handlers
//! do as well.

use super::*;
use serde_json::json;
use spotmill_core::bounds::DISPATCH_PAGE;
use spotmill_core::records::{Callback, CallbackKind, RECORD_VERSION};
use spotmill_tests::local_aws::functions;

const ITEMS: u32 = 30_000;

#[test]
fn a_dispatch_that_dies_halfway_goes_on_where_it_stopped() {
    let project = copying("sent", "copies", 1);
    let values = format!("values = {{ column = \"id\", from = 0, to = {} }}", ITEMS - 1);
    project.edit("pipeline.toml", "item_bytes = \"1 B\"", &values);
    let aws = aws();
    aws.deploy_project(&project, "sent");
    let _nobody_works = Spare::only(&aws, Capacity::None);
    let run = aws.start_run(&aws.input("sent", DAY));
    let cursor = |t: &Value| u32::try_from(t["cursor"].as_u64().unwrap_or(0)).expect("a cursor");

    until("a part is sent", PATIENCE, || aws.tally("sent").filter(|t| cursor(t) > 0));
    assert!(functions::kill("etl-dispatch-work") > 0, "no process of it was there to kill");
    let died = aws.tally("sent").expect("a tally");
    let sent = cursor(&died);
    assert!((DISPATCH_PAGE..ITEMS).contains(&sent), "it was killed after item {sent}, not halfway");
    // Step Functions hears of it from Lambda; the emulator does not notify it.
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
