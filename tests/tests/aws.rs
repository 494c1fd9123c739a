//! The whole of it on AWS's own services, as far as an emulator has them: the deployed stack, the real functions, real
//! workers on machines of a local EC2, over the wire. One stack serves all tests, each with a pipeline of its own.

use serde_json::{Value, json};
use spotmill_tests::local_aws::LocalAws;
use spotmill_tests::{Project, programs, rows};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const DAY: &str = "2013-01-01";
const PATIENCE: Duration = Duration::from_secs(240);
const REAPED: Duration = Duration::from_secs(60);

/// The stack, for one test at a time: the machines are this machine's two processors.
fn aws() -> MutexGuard<'static, LocalAws> {
    static AWS: OnceLock<Mutex<LocalAws>> = OnceLock::new();
    AWS.get_or_init(|| Mutex::new(LocalAws::start())).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipeline `name` with `items` files a day, an item each, copied by `transform`.
fn copying(name: &str, transform: &str, items: usize) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "{name}"
[params]
date = {{ type = "date" }}
src = {{ type = "path", default = "data" }}
out = {{ type = "path", default = "out" }}
[[step]]
name = "copy"
transform = "{transform}"
[step.input]
path = "{{src}}/{{date}}/*"
format = "csv"
header = false
item_bytes = "1 B"
columns = ["id int32", "note string"]
[step.output]
destination = "{{out}}/{{date}}"
[resources]
vcpus = 2
memory = "256 MiB"
max_memory = "256 MiB"
max_attempts = 1
[fleet]
max_vcpus = 4
"#
    ))
    .with_worker(programs().misbehaving_worker.clone());
    for item in 0..items {
        project.write(&format!("data/{DAY}/{item}.csv"), format!("{item},n{item}\n"));
    }
    project
}

/// What `path` of the bucket's output holds, as rows.
fn published(aws: &LocalAws, project: &Project, path: &str) -> Vec<String> {
    let there = project.path("aws-out").join(path);
    let _ = std::fs::remove_dir_all(&there);
    aws.copy(&format!("s3://{}/output/{path}/", aws.bucket()), &there.to_string_lossy(), true);
    rows(project, &format!("aws-out/{path}"))
}

#[track_caller]
fn succeeds(aws: &LocalAws, input: &Value) -> String {
    let run = aws.start_run(input);
    let ended = aws.wait(&run, PATIENCE);
    assert_eq!(ended.status, "SUCCEEDED", "{}", aws.story(&run));
    run
}

#[test]
fn a_day_of_flights_as_on_one_machine() {
    let project = Project::flights();
    let local = project.spotmill(&["-vv", "run", "--date", DAY]);
    local.code(0);
    let aws = aws();
    aws.deploy_project(&project, "flights");
    let run = succeeds(&aws, &aws.input("flights", DAY));
    aws.leaves_nothing(REAPED);
    for step in ["by_route", "daily"] {
        let here = rows(&project, &format!("out/{step}"));
        assert_eq!(published(&aws, &project, &format!("flights/{step}")), here, "{step}");
    }
    assert_eq!(aws.all_states(&run), states_of_local(&local.stderr), "the same machines went another way");
    // Again: everything is committed, so no machine is asked for.
    let machines = aws.ec2.snapshot().instances.len();
    let again = succeeds(&aws, &aws.input("flights", DAY));
    assert!(!aws.all_states(&again).concat().contains(&"LaunchFleet".to_owned()), "{:?}", aws.all_states(&again));
    assert_eq!(aws.ec2.snapshot().instances.len(), machines);
}

/// Of every execution of a local run, as it ended: `… ended states=["Begin", …]`.
fn states_of_local(log: &str) -> Vec<Vec<String>> {
    let lists = log.lines().filter_map(|line| Some(format!("[{}", line.split_once("ended states=[")?.1)));
    lists.map(|list| serde_json::from_str(&list).expect("a list of states")).collect()
}

#[test]
fn an_item_that_always_fails_is_named_and_the_others_are_kept() {
    let project = copying("failing", "copies", 3);
    project.write(format!("data/{DAY}/1.csv").as_str(), "one,not a number\n");
    project.spotmill(&["run", "--date", DAY]).code(1);
    let aws = aws();
    aws.deploy_project(&project, "failing");
    let input = aws.input("failing", DAY);
    let run = aws.start_run(&input);
    let ended = aws.wait(&run, PATIENCE);
    assert_eq!(ended.status, "FAILED", "{}", aws.story(&run));
    for word in ["failing/2013-01-01", "`copy`", "Item 1", "1.csv", "spotmill start", DAY] {
        assert!(ended.cause.contains(word), "`{word}` is not in {}", ended.cause);
    }
    aws.leaves_nothing(REAPED);
    // The cause is removed: only that item runs.
    project.write(&format!("data/{DAY}/1.csv"), "1,n1\n");
    let mended = project.path(&format!("data/{DAY}/1.csv"));
    let there = format!("s3://{}/input/failing/{DAY}/1.csv", aws.bucket());
    aws.copy(&mended.to_string_lossy(), &there, false);
    let before = aws.receipts("failing");
    assert_eq!(before.len(), 2);
    succeeds(&aws, &input);
    let after = aws.receipts("failing");
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|receipt| after.contains(receipt)), "a committed item was done again");
    assert_eq!(published(&aws, &project, &format!("failing/{DAY}")).len(), 3);
    aws.leaves_nothing(REAPED);
}

#[test]
fn machines_are_taken_away_and_nothing_is_done_twice() {
    let project = copying("taken", "naps", 6);
    project.spotmill(&["run", "--date", DAY]).code(0);
    let aws = aws();
    aws.deploy_project(&project, "taken");
    let mut seen: BTreeSet<String> = aws.ec2.snapshot().instances.into_iter().map(|i| i.id).collect();
    let run = aws.start_run(&aws.input("taken", DAY));
    let mut next = |what: &str| {
        let found = busy(&aws.ec2.wait_for(what, PATIENCE, |s| !busy(s, &seen).is_empty()), &seen).remove(0);
        seen.insert(found.clone());
        found
    };
    aws.ec2.notice(&next("a machine works"), Duration::from_secs(14)).expect("a notice");
    aws.ec2.kill(&next("another works")).expect("no notice");
    let ended = aws.wait(&run, PATIENCE + PATIENCE);
    assert_eq!(ended.status, "SUCCEEDED", "{}", aws.story(&run));
    assert_eq!(published(&aws, &project, &format!("taken/{DAY}")), rows(&project, "out"));
    assert_eq!(aws.receipts("taken").len(), 6);
    aws.leaves_nothing(REAPED);
}

/// New machines whose worker has begun an item.
fn busy(seen: &spotmill_local_ec2::Snapshot, old: &BTreeSet<String>) -> Vec<String> {
    let living = seen.instances.iter().filter(|i| i.ended_ms.is_none() && !old.contains(&i.id));
    let works = |dir: &std::path::Path| {
        std::fs::read_to_string(dir.join("console.log")).is_ok_and(|log| log.contains("\"message\":\"started\""))
    };
    living.filter(|i| works(&i.dir)).map(|i| i.id.clone()).collect()
}

#[test]
fn one_key_is_held_by_one_and_a_stopped_run_leaves_nothing_and_goes_on() {
    let project = copying("held", "naps", 4);
    project.spotmill(&["run", "--date", DAY]).code(0);
    let aws = aws();
    aws.deploy_project(&project, "held");
    let seen: BTreeSet<String> = aws.ec2.snapshot().instances.into_iter().map(|i| i.id).collect();
    let input = aws.input("held", DAY);
    let first = aws.start_run(&input);
    aws.ec2.wait_for("a machine works", PATIENCE, |s| !busy(s, &seen).is_empty());
    let second = aws.start_run(&input);
    let refused = aws.wait(&second, PATIENCE);
    assert_eq!((refused.status.as_str(), refused.error.as_str()), ("FAILED", "Spotmill.HeldByAnother"));
    assert!(refused.cause.contains(&first), "{}", refused.cause);
    // Stopped in the middle, as from the console: the child execution too, as Step Functions does.
    let stop = |arn: &str| aws.aws(&["stepfunctions", "stop-execution", "--execution-arn", arn]);
    aws.children(&first).iter().for_each(|child| drop(stop(child)));
    stop(&first);
    aws.leaves_nothing(REAPED);
    succeeds(&aws, &input);
    assert_eq!(published(&aws, &project, &format!("held/{DAY}")), rows(&project, "out"));
    aws.leaves_nothing(REAPED);
}

#[test]
fn what_cannot_run_is_refused_before_any_machine() {
    let aws = aws();
    let machines = aws.ec2.snapshot().instances.len();
    let project = copying("refusing", "copies", 1);
    project.spotmill(&["run", "--date", DAY]).code(0);
    aws.deploy_project(&project, "refusing");
    let cases = [
        (json!({"pipeline": "nobodys", "date": DAY}), "no pipeline `nobodys` is deployed"),
        (json!({"pipeline": "refusing", "date": "2013-02-30"}), "`2013-02-30` is no date"),
        (json!({"pipeline": "refusing", "date": DAY, "from_step": "cpoy"}), "there is no step `cpoy`"),
        (json!({"pipeline": "refusing", "date": DAY, "parms": {}}), "parms"),
    ];
    for (input, word) in cases {
        let run = aws.start_run(&input);
        let ended = aws.wait(&run, PATIENCE);
        assert_eq!(ended.status, "FAILED", "{input}");
        assert!(ended.cause.contains(word), "{input}: `{word}` is not in {}", ended.cause);
    }
    assert_eq!(aws.ec2.snapshot().instances.len(), machines, "a machine was launched for nothing");
}
