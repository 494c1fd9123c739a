//! The program: prints its address, and takes its instances with it however it ends.

use crate::harness::{ARM64, WITHIN, X86_64, client, fleet, lives, template};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = "#!/bin/bash\nsleep 1000 &\necho $! > pids\nsetsid sleep 1001 &\necho $! >> pids\necho $$ >> pids\n\
                      echo $GREETING >> pids\nwait\n";

struct Program {
    child: Child,
    endpoint: String,
    root: tempfile::TempDir,
}

fn start() -> Program {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-ec2"));
    command.args(["--instance-env", "GREETING=hello", "--root"]).arg(root.path());
    let mut child = command.env("AWS_REGION", "us-east-1").stdout(Stdio::piped()).spawn().unwrap();
    let mut endpoint = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
    Program { child, endpoint: endpoint.trim().to_owned(), root }
}

/// The processes of the one instance, one of them in a session of its own.
async fn processes(program: &Program) -> Vec<u32> {
    let ec2 = client(&program.endpoint).await;
    let x86 = template(&ec2, "x86", X86_64, SCRIPT).await;
    let arm = template(&ec2, "arm", ARM64, SCRIPT).await;
    fleet(&ec2, &[&x86, &arm], 2).send().await.unwrap();
    let until = Instant::now() + WITHIN;
    loop {
        if let Some(text) = written(program.root.path()) {
            assert!(text.ends_with("hello\n"), "{text}");
            return text.lines().filter_map(|line| line.parse().ok()).collect();
        }
        assert!(Instant::now() < until, "no instance ran its user data");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn written(root: &Path) -> Option<String> {
    let instance = std::fs::read_dir(root).ok()?.next()?.ok()?;
    let text = std::fs::read_to_string(instance.path().join("pids")).ok()?;
    (text.lines().count() == 4).then_some(text)
}

async fn ends(signal: &str) {
    let mut program = start();
    let pids = processes(&program).await;
    assert!(pids.len() == 3 && pids.iter().all(|pid| lives(*pid)), "{pids:?}");
    let killed = Command::new("bash").args(["-c", &format!("kill -{signal} {}", program.child.id())]).status().unwrap();
    assert!(killed.success());
    program.child.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < until, "left after {signal}: {pids:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_kills_its_instances() {
    ends("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_its_watchdog_kills_its_instances() {
    ends("KILL").await;
}
