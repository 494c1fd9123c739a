//! The end of `smoke`: wherever it is killed or broken off, the next command removes what is left; nobody ends one that lives by
//! mistake, and machines that come after the stop end too.

use super::smoke::{HERE, deployed, leaves_no_trace, smoke, with_faults};
use super::*;
use spotmill_tests::Ran;
use std::process::{Child, Command};

/// One that is under way.
fn begun(aws: &LocalAws, project: &Project) -> Child {
    let mut command = project.command(&["smoke", "--yes", "--only", HERE]);
    command.envs(with_faults(aws)).spawn().expect("spotmill starts")
}

fn ctrl_c(running: &Child) {
    Command::new("kill").args(["-INT", &running.id().to_string()]).status().expect("kill");
}

fn ended(running: Child) -> Ran {
    running.wait_with_output().expect("its output").into()
}

#[test]
fn what_a_killed_smoke_test_made_is_removed_by_the_next() {
    let aws = aws();
    let project = deployed(&aws, "smoked_killed");
    let mut seen = machines(&aws);
    let mut killed = begun(&aws, &project);
    next_busy(&aws, &mut seen);
    killed.kill().expect("it is killed");
    killed.wait().expect("it ended");
    assert!(!aws.objects("smoke/").is_empty(), "it is on record");
    // Nobody knows yet that it is dead: it may be somebody else's, and live.
    for args in [&["--clean"][..], &["--only", HERE]] {
        let refused = smoke(&aws, &project, args);
        refused.code(6).says("lives: its last sign came").says("execution spotmill_smoke_").says("--clean --force");
    }
    smoke(&aws, &project, &["--clean", "--force"]).code(0).says("nothing of a smoke test is left");
    leaves_no_trace(&aws);
    // With nothing there it is the same.
    smoke(&aws, &project, &["--clean"]).code(0);
}

#[test]
fn a_second_ctrl_c_says_what_is_left_and_what_removes_it() {
    let aws = aws();
    let project = deployed(&aws, "smoked_broken_off");
    let mut seen = machines(&aws);
    let running = begun(&aws, &project);
    next_busy(&aws, &mut seen);
    ctrl_c(&running);
    std::thread::sleep(Duration::from_secs(2));
    ctrl_c(&running);
    let ran = ended(running);
    ran.code(130).says("Ctrl-C again: at once, and the rest stays");
    ran.says("something is left").says("left: its record in the bucket").says("Remove it: ").says("smoke --clean");
    assert!(!aws.objects("smoke/").is_empty(), "it is on record");
    // It has said that it ends: nobody waits for its signs of life.
    smoke(&aws, &project, &["--clean"]).code(0).says("nothing of a smoke test is left");
    leaves_no_trace(&aws);
}

#[test]
fn machines_that_come_after_the_stop_end_too() {
    let aws = aws();
    let project = deployed(&aws, "smoked_late");
    let before = aws.ec2.snapshot().fleets.len();
    aws.ec2.fault(Fault::late("CreateFleet", 1, 15_000));
    let running = begun(&aws, &project);
    // LaunchFleet makes the queue, then a version of the template, then the fleet.
    let is_launching = |seen: &Snapshot| seen.templates.iter().any(|t| t.versions.len() > 1);
    aws.ec2.wait_for("machines are launched", PATIENCE, is_launching);
    ctrl_c(&running);
    let ran = ended(running);
    ran.code(130).says("nothing is left");
    leaves_no_trace(&aws);
    assert_eq!(aws.ec2.snapshot().fleets.len(), before + 1, "it came, and it ended");
}
