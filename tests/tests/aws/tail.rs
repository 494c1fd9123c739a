//! The tail: three long items are left of a hundred, and of eight machines only theirs stay.

use super::tries::tries;
use super::*;

const ITEMS: usize = 100;
const LONG: std::ops::Range<usize> = 97..100;
const MACHINES: usize = 8;

#[test]
fn with_three_long_items_left_of_a_hundred_five_of_eight_machines_are_gone_within_a_minute() {
    // Messages are sent in the order of items.
    let nap = |item| if LONG.contains(&item) { "nap 90000" } else { "nap 200" };
    let project = instructed("tailed", &(0..ITEMS).map(|item| nap(item).to_owned()).collect::<Vec<_>>());
    project.edit("pipeline.toml", "max_vcpus = 4", "max_vcpus = 32");
    let aws = aws();
    aws.deploy_project(&project, "tailed");
    let _small = Spare::small(&aws);
    let old = machines(&aws);
    let run = aws.start_run(&aws.input("tailed", DAY));
    let living = |seen: &Snapshot| seen.living().map(|i| i.id.clone()).collect::<BTreeSet<_>>();
    aws.ec2.wait_for("eight machines", PATIENCE, |s| living(s).len() == MACHINES);
    let done = || tries(&aws, &old).iter().filter(|t| t.is_done()).count();
    until("three are left", PATIENCE, || (done() == ITEMS - LONG.len()).then_some(()));
    let began = Instant::now();
    let after = aws.ec2.wait_for("five are gone", Duration::from_secs(60), |s| living(s).len() == LONG.len());
    println!("gone after {:.1} s", began.elapsed().as_secs_f64());
    let working: BTreeSet<String> =
        tries(&aws, &old).into_iter().filter(|t| t.end.is_none() && t.ended_ms.is_none()).map(|t| t.machine).collect();
    assert_eq!(living(&after), working, "those that work stay, and they still do");
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    assert_eq!(aws.receipts("tailed").len(), ITEMS);
    assert_eq!(machines(&aws).len() - old.len(), MACHINES, "none was replaced");
    aws.spotmill(&project, &["--target", "aws", "show", &format!("tailed/{DAY}")]).code(0).says("the tail");
    aws.leaves_nothing(REAPED);
}
