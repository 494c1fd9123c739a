//! Money: what spot does not bring in time comes on demand, and a budget that is spent stops a run that can be resumed.

use super::*;

#[test]
fn without_spot_capacity_the_machines_come_on_demand_when_the_pipeline_states_it() {
    let project = copying("bought", "copies", 3);
    project.edit("pipeline.toml", "max_vcpus = 4", "max_vcpus = 4\non_demand_after = \"20 s\"");
    let aws = aws();
    aws.deploy_project(&project, "bought");
    let none = Spare::only(&aws, Capacity::None);
    let old = machines(&aws);
    let run = aws.start_run(&aws.input("bought", DAY));
    let fleet = |s: &Snapshot| s.living_fleets().count() == 1;
    aws.ec2.wait_for("a fleet", PATIENCE, fleet);
    let on_demand = || aws.ec2.snapshot().instances.into_iter().any(|i| i.on_demand && !old.contains(&i.id));
    tick(&aws);
    assert!(!on_demand(), "not before its time");
    until("machines on demand", PATIENCE, || {
        tick(&aws);
        on_demand().then_some(())
    });
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    drop(none);
    assert_eq!(published(&aws, &project, &format!("bought/{DAY}")), copied(3));
    let shown = aws.spotmill(&project, &["--target", "aws", "show", &format!("bought/{DAY}")]);
    shown.code(0).says("on demand").says("fleet.on_demand_after");
    aws.leaves_nothing(REAPED);
}

#[test]
fn a_spent_budget_ends_the_run_and_a_start_may_pass_it() {
    let project = copying("spent", "naps", 4);
    project.edit("pipeline.toml", "max_vcpus = 4", "max_vcpus = 4\n[budget]\nusd_per_run = 0.000001");
    let aws = aws();
    aws.deploy_project(&project, "spent");
    let mut seen = machines(&aws);
    let input = aws.input("spent", DAY);
    let run = aws.start_run(&input);
    next_busy(&aws, &mut seen);
    tick(&aws);
    let ended = ends(&aws, &run, "FAILED", PATIENCE);
    assert_eq!(ended.error, "Spotmill.OverBudget", "{}", ended.cause);
    assert!(ended.cause.contains("budget.usd_per_run"), "{}", ended.cause);
    aws.leaves_nothing(REAPED);
    // As it is, it gets no machine; allowed to, it goes on with what it has.
    let before = machines(&aws);
    let replay = aws.start_run(&input);
    assert_eq!(ends(&aws, &replay, "FAILED", PATIENCE).error, "Spotmill.OverBudget");
    assert_eq!(machines(&aws), before);
    let mut allowed = input;
    allowed["over_budget"] = json!(true);
    succeeds(&aws, &allowed);
    assert_eq!(published(&aws, &project, &format!("spent/{DAY}")), copied(4));
    aws.leaves_nothing(REAPED);
}
