//! A command after publishing: it hears of a publication until it succeeded once, and its failure undoes nothing.

use crate::drive::run_all;
use crate::ports::lock;
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use async_trait::async_trait;
use serde_json::Value;
use spotmill_core::calls::errors;
use spotmill_core::records::RunOutcome;
use spotmill_lambdas::report;
use spotmill_platform::ports::{HookCall, Hooks};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct TestHooks {
    /// What it was given, each time.
    heard: Mutex<Vec<Value>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl Hooks for TestHooks {
    async fn run(&self, call: HookCall<'_>) -> Result<(), String> {
        assert_eq!(call.command, ["tell", "it"]);
        lock(&self.heard).push(serde_json::from_slice(call.stdin).unwrap());
        if *lock(&self.fails) { Err("exit status: 3: no route".into()) } else { Ok(()) }
    }
}

async fn with_hook() -> (World, Arc<TestHooks>) {
    let mut world = World::new().await;
    let hooks = Arc::new(TestHooks::default());
    world.ctx.hooks = Some(hooks.clone());
    let line = "destination = \"{out}/b/date={date}\"";
    let with = format!("{line}\nafter_publish = {{ command = [\"tell\", \"it\"], timeout = \"5s\" }}");
    world.deploy(&PIPELINE.replace(line, &with)).await;
    (world, hooks)
}

#[tokio::test(start_paused = true)]
async fn it_hears_of_each_publication_once() {
    let (world, hooks) = with_hook().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(lock(&hooks.heard).len(), 1);
    let first = lock(&hooks.heard)[0].clone();
    assert_eq!(first["run"], "p/2013-01-01");
    assert_eq!(first["key"]["date"], "2013-01-01");
    assert!(first["dataset"].as_str().unwrap().ends_with("/out/b"), "{first}");
    assert_eq!(first["location"], first["destination"], "without a catalog the files lie there");
    assert_eq!(first["files"].as_array().unwrap().len(), 3, "{first}");
    world.input("4.csv", "q,1\n").await;
    world.begin("r3", |i| i.fresh = true).await.unwrap();
    for step in ["a", "b"] {
        crate::drive::run_step(&world, "r3", step, &|_, _| Work::Commit).await.unwrap();
    }
    let heard = lock(&hooks.heard).clone();
    assert_eq!(heard.len(), 2);
    assert_ne!(heard[1]["publication"], first["publication"]);
    assert_eq!(heard[1]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn its_failure_ends_the_run_and_only_it_is_done_again() {
    let (world, hooks) = with_hook().await;
    *lock(&hooks.fails) = true;
    let e = run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap_err();
    assert_eq!(e.error, errors::NOT_ANNOUNCED);
    assert!(
        e.cause.contains("`b` is published, but its `after_publish` failed: `tell it`: exit status: 3: no route"),
        "{e}"
    );
    assert_eq!(lock(&hooks.heard).len(), 3, "it may have been a moment's trouble");
    report::record_end(&world.ctx, &world.run(), &"r1".into(), errors::NOT_ANNOUNCED, &e.cause).await.unwrap();
    let summary = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!((summary.outcome, summary.state()), (RunOutcome::Failed, "failed"), "all its steps are done");
    *lock(&hooks.fails) = false;
    world.executions.end("r1");
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(lock(&hooks.heard).len(), 4);
    assert_eq!(world.lease().await.outcome, Some(RunOutcome::Succeeded));
    let heard = lock(&hooks.heard).clone();
    assert_eq!(heard[0]["publication"], heard[3]["publication"]);
    let summary = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!(summary.outcome, RunOutcome::Succeeded);
}
