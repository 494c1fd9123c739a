//! `smoke` on a deployed stack: each part says what was expected and what was seen, what the emulator lacks could not be tried, the
//! page names nobody, and nothing is left.

use super::front::{Front, ask};
use super::*;
use spotmill_tests::Ran;

/// A role that the local Fault Injection Service does not look at.
const ROLE: &str = "arn:aws:iam::000000000000:role/faults";

/// The part of this machine's architecture.
pub const HERE: &str = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };

/// The emulator, with the Fault Injection Service of our EC2.
pub fn with_faults(aws: &LocalAws) -> Vec<(String, String)> {
    let ec2: u16 = aws.ec2.endpoint().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let is_ours = |head: &str| head.split(' ').nth(1).is_some_and(|path| path.starts_with("/experiment"));
    Front::before(aws.emulator.port(), move |head, body| is_ours(head).then(|| ask(ec2, head, body))).env(aws.env())
}

pub fn deployed(aws: &LocalAws, name: &str) -> Project {
    let project = copying(name, "copies", 1);
    aws.deploy_project(&project, name);
    project
}

pub fn smoke(aws: &LocalAws, project: &Project, args: &[&str]) -> Ran {
    let args = [&["smoke", "--yes"], args].concat();
    project.spotmill_with(&args, &with_faults(aws))
}

/// The line of a part, without what differs from run to run.
#[track_caller]
pub fn says(ran: &Ran, part: &str, verdict: &str, seen: &str) {
    // After its sign.
    let of_part = |line: &&str| line.split_whitespace().nth(1) == Some(part) && line.contains(": expected ");
    let line = ran.stdout.lines().find(of_part);
    let line = line.unwrap_or_else(|| panic!("no line of {part} in\n{}\n{}", ran.stdout, ran.stderr));
    assert!(line.contains(&format!(" {verdict}: expected ")) && line.contains(seen), "`{verdict}`, `{seen}`: {line}");
}

/// Nothing of it runs, and nothing of it lies in the bucket.
#[track_caller]
pub fn leaves_no_trace(aws: &LocalAws) {
    aws.leaves_nothing(REAPED);
    let all = aws.objects("");
    let ours: Vec<_> =
        all.iter().filter(|(key, _)| key.starts_with("smoke/") || key.contains("spotmill_smoke")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    let ends = aws.text("reports/ends.json").unwrap_or_default();
    assert!(!ends.contains("spotmill_smoke"), "{ends}");
}

#[test]
fn items_a_restart_and_a_failure_are_seen_and_the_page_names_nobody() {
    let aws = aws();
    let project = deployed(&aws, "smoked");
    let ran = smoke(&aws, &project, &["--only", "x86_64,restart,redrive,mail"]);
    ran.code(5).says("smoke test of stack etl in us-east-1:").says("at most $");
    let (here, there) = (HERE, if HERE == "x86_64" { "aarch64" } else { "x86_64" });
    says(&ran, here, "ok", "SUCCEEDED");
    says(&ran, there, "could not be tried", &format!("no worker for {there} is deployed"));
    says(&ran, "restart", "ok", "receipts kept, 0 new, 0 machines more");
    // The emulator has no redrive; the run failed as it should all the same.
    says(&ran, "redrive", "could not be tried", "first FAILED: Spotmill.ItemsFailed");
    says(&ran, "mail", "could not be tried", "nobody gets mails");
    ran.says("could not be tried; at most $").says("nothing is left");
    leaves_no_trace(&aws);

    let page = std::fs::read_to_string(project.path("smoke.md")).expect("a page");
    assert!(page.contains("| restart | ok | a second execution"), "{page}");
    let data = std::fs::read_to_string(project.path("smoke.json")).expect("its data");
    for name in ["000000000000", "arn:", "etl-data", "etl "] {
        assert!(!page.contains(name) && !data.contains(name), "`{name}` is on the page:\n{page}\n{data}");
    }
    // Nobody was told, so there is nothing to have seen.
    smoke(&aws, &project, &["--mail-seen", "yes"]).code(5).says("Page");
}

/// Its item computes for minutes, as many as this machine's processors take.
#[test]
#[ignore = "takes ten minutes beside other tests: docs/smoke.md has the command"]
fn capacity_and_the_tail_are_seen() {
    let aws = aws();
    let project = deployed(&aws, "smoked_fleets");
    let _small = Spare::small(&aws);
    let ran = ticking(&aws, &project, "on-demand,shrink");
    says(&ran, "on-demand", "ok", "on demand");
    says(&ran, "shrink", "ok", "ended before the run");
    leaves_no_trace(&aws);
}

/// Five items of half a minute of a processor each, one after another, of which one is done twice.
#[test]
#[ignore = "takes ten minutes on two busy processors: docs/smoke.md has the command"]
fn an_interruption_is_seen() {
    let aws = aws();
    let project = deployed(&aws, "smoked_interrupted");
    let ran = ticking(&aws, &project, "interruption");
    says(&ran, "interruption", "ok", "1 noticed by the machine");
    leaves_no_trace(&aws);
    let left = ask_templates(&aws);
    assert!(left.contains("\"experimentTemplates\":[]"), "{left}");
}

/// These parts, with the watch rule more often than every five minutes.
fn ticking(aws: &LocalAws, project: &Project, parts: &str) -> Ran {
    let parts = ["smoke", "--yes", "--only", parts, "--fault-role", ROLE];
    let mut running = project.command(&parts).envs(with_faults(aws)).spawn().expect("spotmill starts");
    while running.try_wait().expect("its state").is_none() {
        tick(aws);
        std::thread::sleep(Duration::from_secs(4));
    }
    running.wait_with_output().expect("its output").into()
}

/// Templates of experiments that are there.
fn ask_templates(aws: &LocalAws) -> String {
    let ec2: u16 = aws.ec2.endpoint().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    ask(ec2, "GET /experimentTemplates HTTP/1.1\r\nHost: x\r\n\r\n", b"").1
}

#[test]
fn what_costs_more_than_the_limit_does_not_begin() {
    let aws = aws();
    let project = deployed(&aws, "smoked_dear");
    let before = machines(&aws);
    smoke(&aws, &project, &["--limit", "0.05"]).code(2).says("--limit is $0.05");
    let mut unasked = project.command(&["smoke", "--no-input", "--only", "x86_64"]);
    let unasked: Ran = unasked.envs(aws.env()).output().expect("spotmill starts").into();
    unasked.code(2).says("cost at most").says("say --yes to go on");
    assert_eq!(machines(&aws), before);
    leaves_no_trace(&aws);
}
