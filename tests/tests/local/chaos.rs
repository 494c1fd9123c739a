//! SIGKILL at random moments, of the CLI (with the supervisor in it) or of a child; then the same command again. It
//! resumes, redoes no committed item, leaves no child behind and publishes the rows of an undisturbed run.

use spotmill_tests::{Project, Seeded, rows};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const DAY: &str = "2013-01-01";
const KILLS: usize = 20;

#[test]
fn killed_at_twenty_random_moments_it_publishes_the_same_rows() {
    let calm = Project::flights();
    let started = Instant::now();
    calm.spotmill(&["run", "--date", DAY]).code(0);
    let whole = started.elapsed();
    let expected = [rows(&calm, "out/by_route"), rows(&calm, "out/daily")];
    assert!(!expected[0].is_empty() && expected[1].len() == 1);

    let mut seeded = Seeded::from_env(20_130_101);
    let (mut of_cli, mut of_child, mut reused, mut runs) = (0, 0, 0, 0);
    while of_cli + of_child < KILLS || reused == 0 {
        runs += 1;
        assert!(runs <= 5 * KILLS, "the moments hit too little: {of_cli} {of_child} {reused}");
        let project = Project::flights();
        // Up to three kills of one run before it is left to finish.
        for _ in 0..=seeded.below(3) {
            let moment = Duration::from_millis(seeded.below(whole.as_millis() as u64));
            let cli = of_child >= KILLS / 2 || (of_cli < KILLS / 2 && seeded.below(2) == 0);
            match disturb(&project, moment, cli, &mut seeded) {
                Killed::Cli => of_cli += 1,
                Killed::Child => of_child += 1,
                Killed::Nothing => {}
            }
        }
        let committed = receipts(&project);
        reused += committed.len();
        let ran = project.spotmill(&["run", "--date", DAY, "--json"]);
        ran.code(0);
        let after = receipts(&project);
        for (receipt, bytes) in &committed {
            assert!(after.get(receipt) == Some(bytes), "{receipt} was committed twice");
        }
        let redone: Vec<_> = ran.events().into_iter().filter(|e| was_committed(e, committed.keys())).collect();
        assert!(redone.is_empty(), "committed items ran again: {redone:?}");
        assert_eq!(rows(&project, "out/by_route"), expected[0]);
        assert_eq!(rows(&project, "out/daily"), expected[1]);
    }
    println!("killed the CLI {of_cli} times and a child {of_child} times; {reused} committed items were reused");
    assert!(of_cli >= KILLS / 2 && of_child >= KILLS / 2);
}

#[derive(Debug)]
enum Killed {
    Cli,
    Child,
    Nothing,
}

/// Start a run, kill it after `moment`, or the first child seen from then on, and wait until nothing of it is left.
fn disturb(project: &Project, moment: Duration, cli: bool, seeded: &mut Seeded) -> Killed {
    let mut run = project.command(&["run", "--date", DAY]).spawn().expect("spotmill starts");
    std::thread::sleep(moment);
    if cli {
        let children = processes_of(run.id());
        let hit = run.try_wait().expect("wait").is_none();
        run.kill().expect("SIGKILL");
        run.wait().expect("reap");
        await_end_of(&children);
        return if hit { Killed::Cli } else { Killed::Nothing };
    }
    let mut children = processes_of(run.id());
    while children.is_empty() {
        if run.try_wait().expect("wait").is_some() {
            return Killed::Nothing;
        }
        std::thread::sleep(Duration::from_millis(2));
        children = processes_of(run.id());
    }
    let victim = children[seeded.below(children.len() as u64) as usize];
    let hit = Command::new("kill").args(["-9", &victim.to_string()]).output().expect("kill").status.success();
    let output = run.wait_with_output().expect("wait");
    assert!(output.status.success(), "a killed child ended the run: {}", String::from_utf8_lossy(&output.stderr));
    if hit { Killed::Child } else { Killed::Nothing }
}

/// The processes that do items, and those that they are forked from.
fn processes_of(pid: u32) -> Vec<u32> {
    let own = children(pid);
    let forked = own.iter().filter(|child| command(**child) == "fork-server").flat_map(|server| children(*server));
    own.iter().copied().filter(|child| matches!(&*command(*child), "item" | "fork-server")).chain(forked).collect()
}

/// The processes that do items.
pub fn items_of(pid: u32) -> Vec<u32> {
    let servers: Vec<u32> = children(pid).into_iter().filter(|child| command(*child) == "fork-server").collect();
    processes_of(pid).into_iter().filter(|process| !servers.contains(process)).collect()
}

/// What the worker was started for.
fn command(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).split('\0').nth(1).unwrap_or_default().to_owned()
}

/// A child belongs to the thread that started it.
fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let listed = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(listed.split_whitespace().filter_map(|p| p.parse::<u32>().ok()));
    }
    found
}

fn await_end_of(pids: &[u32]) {
    let patience = Instant::now() + Duration::from_secs(10);
    for pid in pids {
        while alive(*pid) {
            assert!(Instant::now() < patience, "child {pid} outlived the SIGKILL of its parent");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Still there and not a zombie waiting for init.
fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap_or_default();
    status.lines().any(|l| l.starts_with("State:") && !l.contains('Z') && !l.contains('X'))
}

fn receipts(project: &Project) -> BTreeMap<String, Vec<u8>> {
    let files = project.files(".spotmill/runs");
    files.into_iter().filter(|(path, _)| path.contains("/receipts/") && path.ends_with(".json")).collect()
}

/// Whether an event reports that an item with one of these receipts was started.
pub fn was_committed<'a>(event: &serde_json::Value, receipts: impl IntoIterator<Item = &'a String>) -> bool {
    let (Some(step), Some(item)) = (event["step"].as_str(), event["item"].as_u64()) else { return false };
    let (folder, file) = (format!("/{step}/"), format!("{item:07}.json"));
    event["event"] == "item_started" && receipts.into_iter().any(|key| key.contains(&folder) && key.ends_with(&file))
}
