//! What a deploy changes, and when.

use crate::ports::lock;
use crate::world::{PIPELINE, World};
use spotmill_core::calls::{RunInput, errors};
use spotmill_core::keys;
use spotmill_core::records::Plan;
use spotmill_lambdas::launch_fleet;
use spotmill_platform::ports::Store;

#[tokio::test]
async fn a_deploy_in_the_middle_of_a_run_counts_from_the_next_start() {
    let world = World::new().await;
    world.begin("r1", |_| {}).await.unwrap();
    let before = world.lease().await;
    world.deploy_with(&PIPELINE.replace("SUM(v) AS v", "MAX(v) AS v"), "2").await;
    // A retry of Begin, whose reply was lost.
    world.begin("r1", |_| {}).await.unwrap();
    assert_eq!(world.lease().await, before);
    let plan = world.plan("r1", "a").await.unwrap();
    let planned: Plan = world.read(&world.keys("a", 1).plan()).await;
    assert_eq!(planned.worker_version, "1");
    launch_fleet::handle(&world.ctx, world.round("r1", "a", &plan, 0, 0)).await.unwrap();
    assert_eq!(lock(&world.fleets.asked).values().next().unwrap().workers["x86_64"], "sha-of-1");

    world.executions.end("r1");
    world.begin("r2", |_| {}).await.unwrap();
    let lease = world.lease().await;
    assert_eq!((lease.worker.version.as_str(), lease.worker.programs["x86_64"].as_str()), ("2", "sha-of-2"));
    assert_eq!((lease.generations["a"].generation, lease.generations["b"].generation), (2, 2));
    assert_eq!(lease.generations["a"].because, "its worker version changed");
    assert_eq!(lease.generations["b"].because, "its SQL, the result of `a`, its worker version changed");
}

#[tokio::test]
async fn a_worker_of_another_digest_and_the_same_version_begins_no_generation() {
    let world = World::new().await;
    world.begin("r1", |_| {}).await.unwrap();
    world.executions.end("r1");
    world.deploy_programs("1", "sha-of-another-build").await;
    world.begin("r2", |_| {}).await.unwrap();
    let lease = world.lease().await;
    assert_eq!(lease.worker.programs["x86_64"], "sha-of-another-build");
    assert_eq!(lease.generations["a"].generation, 1);
}

#[tokio::test]
async fn a_deployed_pipeline_that_is_not_what_its_name_says_is_refused() {
    let world = World::new().await;
    let folder = keys::pipelines(&world.ctx.root).join("p/");
    let text = world.store.list(&folder).await.unwrap().remove(0).uri;
    world.store.put(&text, b"another").await.unwrap();
    let e = world.begin("r1", |_| {}).await.unwrap_err();
    assert_eq!(e.error, errors::CORRUPT_RECORD);
    assert!(e.cause.ends_with("does not hold what its name says: deploy `p` again"), "{}", e.cause);
    world.store.delete(&text).await.unwrap();
    let e = world.begin("r1", |_| {}).await.unwrap_err();
    assert!(e.cause.ends_with("is gone: deploy `p` again"), "{}", e.cause);
}

/// What EventBridge gives is a moment; the run is of an hour that has passed.
#[tokio::test]
async fn a_scheduled_moment_is_a_run_of_its_hour() {
    let world = World::new().await;
    let hourly = "key = [\"date\", \"hour\"]\nschedule = { cron = \"5 * * * *\", hour = \"previous\" }";
    let pipeline = PIPELINE
        .replace("key = [\"date\"]", hourly)
        .replace("date = { type = \"date\" }", "date = { type = \"date\" }\nhour = { type = \"int32\" }")
        .replace("{date}/*.csv", "{date}/{hour}/*.csv")
        .replace("date={date}\"", "date={date}/{hour}\"");
    world.deploy(&pipeline).await;
    for (moment, run) in
        [("2013-01-02T05:05:00Z", "p/date=2013-01-02,hour=4"), ("2013-01-02T00:05:07Z", "p/date=2013-01-01,hour=23")]
    {
        let begun = world.begin(moment, |input| input.date = Some(moment.into())).await.unwrap();
        assert_eq!(begun.run.as_str(), run, "{moment}");
    }
    // Somebody who asks for an hour gets it, whatever the clock says.
    let by_hand = |input: &mut RunInput| input.params = [("hour".to_owned(), 7.into())].into();
    let begun = world.begin("by hand", by_hand).await.unwrap();
    assert_eq!(begun.run.as_str(), "p/date=2013-01-01,hour=7");
}
