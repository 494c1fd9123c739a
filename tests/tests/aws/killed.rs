//! Functions die by SIGKILL at random moments of a run: whatever is left of it, nothing leaks, and it goes on.

use super::*;
use spotmill_tests::Seeded;
use spotmill_tests::local_aws::functions;

const KILLING: Duration = Duration::from_secs(60);

#[test]
fn functions_killed_at_random_leave_nothing_and_the_run_goes_on() {
    let notes = vec!["nap 2000".to_owned(); 8];
    let project = instructed("shot", &notes);
    let aws = aws();
    aws.deploy_project(&project, "shot");
    let input = aws.input("shot", DAY);
    let (runs, killed) = kill_at_random(&aws, &input);
    let kinds: BTreeSet<&String> = killed.iter().collect();
    println!("{} killed in {} runs: {kinds:?}", killed.len(), runs.len());
    assert!(killed.len() >= 10 && kinds.len() >= 4, "functions were killed: {killed:?}");
    // What still runs is stopped as from the console, which ends nothing but executions. It may end by itself just now.
    let stop = |arn: &String| drop(aws.try_aws(&["stepfunctions", "stop-execution", "--execution-arn", arn]));
    let last = runs.last().expect("a run");
    aws.children(last).iter().for_each(stop);
    stop(last);
    report_ends(&aws, &runs);
    tick(&aws);
    aws.leaves_nothing(REAPED);
    let kept = aws.receipts("shot");
    succeeds(&aws, &input);
    let after = aws.receipts("shot");
    assert_eq!(after.len(), 8);
    assert!(kept.iter().all(|receipt| after.contains(receipt)), "a committed item was done again");
    assert_eq!(published(&aws, &project, &format!("shot/{DAY}")), rows_of(&notes));
    aws.leaves_nothing(REAPED);
}

/// The events of ended step executions that EventBridge sends to Reap: the emulator sends only those of no parent.
fn report_ends(aws: &LocalAws, runs: &[String]) {
    for child in aws.children_of(runs) {
        let seen = aws.aws(&["stepfunctions", "describe-execution", "--execution-arn", &child]);
        if seen["status"] != "SUCCEEDED" {
            let detail = json!({"executionArn": child, "status": seen["status"], "input": seen["input"]});
            aws.invoke("reap", &json!({"detail-type": "Step Functions Execution Status Change", "detail": detail}));
        }
    }
}

/// Kills one function after the other, and starts the run again where it ended; the runs, and what was killed.
fn kill_at_random(aws: &LocalAws, input: &Value) -> (Vec<String>, Vec<String>) {
    let (mut random, mut killed, mut runs) = (Seeded::from_env(18), Vec::new(), vec![aws.start_run(input)]);
    let end = Instant::now() + KILLING;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(500 + random.below(2_000)));
        let there = functions::processes();
        if !there.is_empty() {
            let (name, _) = &there[random.below(there.len() as u64) as usize];
            if functions::kill(name) > 0 {
                killed.push(name.clone());
            }
        }
        if aws.execution(runs.last().expect("a run")).status != "RUNNING" {
            runs.push(aws.start_run(input));
        }
    }
    (runs, killed)
}
