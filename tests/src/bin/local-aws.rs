//! An AWS to try by hand: the emulator and the local EC2 with the stack in them, the flights pipeline deployed and a day
//! of it started. It prints how to use it, and stays until Ctrl-C or SIGTERM; then all of it ends, and its files go.

use spotmill_tests::local_aws::{BUCKET, LAKE, LocalAws, STACK};
use spotmill_tests::{Project, programs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const DAY: &str = "2013-01-01";
const LOOK: Duration = Duration::from_millis(500);

fn main() {
    let stopped = stop_signal();
    eprintln!("the emulator starts and `spotmill deploy` makes the stack …");
    let (aws, project) = (LocalAws::start(), Project::flights().on_aws("flights"));
    aws.deploy_project(&project, "flights");
    let run = aws.start_run(&aws.input("flights", DAY));
    println!("# In another terminal, to look around:");
    for (name, value) in aws.env() {
        println!("export {name}={value}");
    }
    println!("export PATH={}:{}", programs().lambdas.display(), aws.emulator.path());
    println!("cd {}", project.path("").display());
    println!("spotmill status");
    println!("spotmill --target aws show flights/{DAY}");
    println!("spotmill start --date 2013-01-02 --wait");
    println!("aws stepfunctions describe-execution --execution-arn {run}");
    println!("aws s3 ls --recursive s3://{BUCKET}/runs/");
    println!("# Machines (stack {STACK}) and their consoles: {}/*/console.log", aws.ec2.root().display());
    println!("# Ctrl-C ends all of it.");
    let mut running = true;
    while !stopped.load(Ordering::Relaxed) {
        let seen = running.then(|| aws.execution(&run)).filter(|seen| seen.status != "RUNNING");
        if let Some(ended) = seen {
            running = false;
            println!("# {} {} {}", ended.status, ended.error, ended.cause);
            println!("# published: aws s3 ls --recursive s3://{LAKE}/output/");
        }
        sleep(LOOK);
    }
}

/// Set by the first SIGINT or SIGTERM. Until the end of `main` nothing is dropped, and what is dropped cleans up.
fn stop_signal() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        let hear = |kind| signal(kind).expect("a signal handler");
        (hear(SignalKind::interrupt()), hear(SignalKind::terminate()))
    };
    let set = stopped.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        set.store(true, Ordering::Relaxed);
    });
    stopped
}
