//! A day on which spot machines come and go all the time: the work is done all the same, and little of it twice.

use super::tries::{Try, tries};
use super::*;
use spotmill_core::tally::Tally;
use spotmill_tests::Seeded;

const ITEMS: usize = 200;
const EVERY: Duration = Duration::from_millis(3_500);
/// From a notice to the end: EC2 gives two minutes, a worker keeps the last ten seconds for itself.
const NOTICE: Duration = Duration::from_secs(12);

#[test]
fn two_hundred_items_under_an_interruption_every_few_seconds() {
    let notes = vec!["nap 600".to_owned(); ITEMS];
    let project = instructed("churned", &notes);
    project.edit("pipeline.toml", "max_vcpus = 4", "max_vcpus = 16");
    let aws = aws();
    aws.deploy_project(&project, "churned");
    let _small = Spare::small(&aws);
    let old = machines(&aws);
    let run = aws.start_run(&aws.input("churned", DAY));
    next_busy(&aws, &mut old.clone());
    let (with, without) = interrupt_until_it_ends(&aws, &run, &old);

    let ended = aws.execution(&run);
    assert_eq!(ended.status, "SUCCEEDED", "{}", aws.diagnosis(&run));
    assert!(with + without >= 8 && with.abs_diff(without) <= 1, "{with} with notice, {without} without");
    assert_eq!(aws.receipts("churned").len(), ITEMS, "each item is committed once");
    assert_eq!(published(&aws, &project, &format!("churned/{DAY}")), rows_of(&notes));
    no_failed_budget_was_touched(&aws, "churned");

    let tries = tries(&aws, &old);
    let work_ms: u64 = tries.iter().map(Try::ms).sum();
    let lost: Vec<&Try> = tries.iter().filter(|t| !t.is_done()).collect();
    let (lost_ms, lost) = (lost.iter().map(|t| t.ms()).sum::<u64>(), lost.len());
    println!("{lost} of {} tries lost, {lost_ms} of {work_ms} ms", tries.len());
    println!("{with} interruptions with notice, {without} without, {} machines", machines(&aws).len() - old.len());
    // What was killed may have committed, and had no time to report it.
    assert!(tries.len() - lost >= ITEMS - without, "tries are found on the consoles");
    // A tenth on an idle machine. On a busy one an item takes longer, and an interruption loses as much more.
    assert!(lost_ms * 5 < work_ms, "{lost_ms} of {work_ms} ms of work were lost");
    aws.leaves_nothing(REAPED);
}

/// Every few seconds one machine, by turns with notice and without, for the whole run; how many of each.
fn interrupt_until_it_ends(aws: &LocalAws, run: &str, old: &BTreeSet<String>) -> (usize, usize) {
    let (mut random, mut hit) = (Seeded::from_env(200), old.clone());
    let (mut with, mut without) = (0, 0);
    let end = Instant::now() + 3 * PATIENCE;
    while aws.execution(run).status == "RUNNING" {
        assert!(Instant::now() < end, "it does not get on: {}", aws.diagnosis(run));
        let next = Instant::now() + EVERY;
        let seen = aws.ec2.snapshot();
        let there = busy(&seen, &hit);
        if !there.is_empty() {
            let one = &there[random.below(there.len() as u64) as usize];
            // It may have ended since it was inspected, with the run.
            let done = if with <= without { aws.ec2.notice(one, NOTICE) } else { aws.ec2.kill(one) };
            match done {
                Ok(()) if with <= without => with += 1,
                Ok(()) => without += 1,
                Err(_) => {}
            }
            hit.insert(one.clone());
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    (with, without)
}

/// What is on record of items that did not get done is that they were handed back.
#[track_caller]
fn no_failed_budget_was_touched(aws: &LocalAws, pipeline: &str) {
    let records = aws.objects(&format!("runs/{pipeline}/"));
    for (key, _) in records.iter().filter(|(key, _)| key.contains("/failures/")) {
        let record = aws.record(key).expect("a record");
        assert_eq!(record["class"], "lost", "{record}");
    }
    let tally: Tally = serde_json::from_value(aws.tally(pipeline).expect("a tally")).expect("as it is written");
    assert_eq!((tally.failed.0.len(), tally.needs_memory.0.len(), tally.round), (0, 0, 0));
}
