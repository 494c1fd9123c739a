//! Columns that would not be published in the end are refused as soon as they are determined: with the definition when a
//! run begins, with the files that were found when a step is planned. `plan` and a start answer alike.

use crate::drive::run_all;
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use spotmill_core::calls::{RunInput, errors};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{Foreseen, ForeseenStep, Lease};
use spotmill_core::types::Column;
use spotmill_lambdas::HandlerError;
use spotmill_lambdas::preview::preview;
use spotmill_platform::ports::Store;
use spotmill_platform::records;

/// The contract of the first date, by `workers.rs`.
const PUBLISHED: &str = "k string, v int32";

fn columns(text: &str) -> Vec<Column> {
    let column = |text: &str| {
        let (name, ty) = text.split_once(' ').unwrap();
        Column { name: name.into(), ty: ty.parse().unwrap(), parse: None }
    };
    text.split(", ").map(column).collect()
}

/// What a check found: `a` makes `between` of `read`, and `b` makes `made` of it.
pub fn foreseen([read, between, made]: [&str; 3]) -> Foreseen {
    let step = |input, output| ForeseenStep {
        params: Default::default(),
        input: columns(input),
        tables: Default::default(),
        output: columns(output),
        lineage: None,
    };
    let steps = [("a".into(), step(read, between)), ("b".into(), step(between, made))];
    Foreseen { steps: steps.into(), ..Foreseen::default() }
}

/// The next date of a world whose first is published, under a new definition; the first world holds the directory.
async fn world(toml: &str, foreseen: Foreseen) -> (World, World) {
    let first = World::new().await;
    run_all(&first, "r1", &|_, _| Work::Commit).await.unwrap();
    first.deploy_foreseen(toml, foreseen).await;
    let next = first.of_date("2013-02-02");
    next.input("1.csv", "k,v\nx,1\n").await;
    (first, next)
}

async fn previewed(world: &World) -> Result<(), HandlerError> {
    let date = world.run().as_str()[2..].to_owned();
    let input = RunInput { pipeline: "p".into(), date: Some(date), ..RunInput::default() };
    let deployed = spotmill_lambdas::deploy::find(&world.ctx, "p").await.unwrap();
    let worker = &deployed.record.worker;
    preview(&world.ctx, &deployed.text, worker, &input, &deployed.foreseen).await.map(drop)
}

#[track_caller]
fn refused(e: &HandlerError) {
    assert_eq!(e.error, errors::DESTINATION_REFUSED);
    for part in ["`b` cannot be published", "`v` was int32 and is int64", "p/2013-01-01", "CAST", "schema_change"] {
        assert!(e.cause.contains(part), "{part}: {}", e.cause);
    }
}

async fn lease(world: &World) -> Option<Lease> {
    let uri = RunKeys::new(&world.ctx.root, &world.run()).lease();
    records::load::<Lease>(&*world.store, &uri).await.unwrap().map(|(lease, _)| lease)
}

#[tokio::test]
async fn columns_that_follow_from_the_definition_are_refused_before_the_run_begins() {
    let of_b = [PUBLISHED, PUBLISHED, "k string, v int64"];
    let (_first, world) = world(PIPELINE, foreseen(of_b)).await;
    let e = world.begin("r2", |_| {}).await.unwrap_err();
    refused(&e);
    assert_eq!(previewed(&world).await.unwrap_err().cause, e.cause, "plan and start agree");
    assert_eq!(lease(&world).await, None, "nothing was begun");
    // A step that is left out is not to be published.
    world.begin("r3", |input| input.only_steps = Some(vec!["a".into()])).await.unwrap();
    world.executions.end("r3");
    let destination = "destination = \"{out}/b/date={date}\"";
    let allowed = PIPELINE.replace(destination, &format!("{destination}\nschema_change = \"allow\""));
    world.deploy_foreseen(&allowed, foreseen(of_b)).await;
    previewed(&world).await.unwrap();
    world.begin("r4", |_| {}).await.unwrap();
}

#[tokio::test]
async fn columns_that_follow_from_the_files_are_refused_when_the_first_step_is_planned() {
    let undeclared = PIPELINE.replace("columns = [\"k string\", \"v int32\"]\n", "");
    let found = "k string, v int64";
    let (_first, world) = world(&undeclared, foreseen([found, found, found])).await;
    world.begin("r2", |_| {}).await.unwrap();
    let e = world.plan("r2", "a").await.unwrap_err();
    refused(&e);
    assert_eq!(previewed(&world).await.unwrap_err().cause, e.cause, "plan and start agree");
    let planned = world.store.head(&world.keys("a", 1).plan()).await;
    assert!(planned.is_err(), "no plan is frozen: the next start plans anew");
    world.executions.end("r2");
    world.begin("r3", |_| {}).await.unwrap();
    refused(&world.plan("r3", "a").await.unwrap_err());
}

#[tokio::test]
async fn what_is_read_otherwise_than_it_was_checked_is_left_to_the_end() {
    let undeclared = PIPELINE.replace("columns = [\"k string\", \"v int32\"]\n", "");
    let checked = ["k string, v float64", "k string, v float64", "k string, v float64"];
    let (_first, world) = world(&undeclared, foreseen(checked)).await;
    previewed(&world).await.unwrap();
    world.begin("r2", |_| {}).await.unwrap();
    world.plan("r2", "a").await.unwrap();
}

#[tokio::test]
async fn a_run_keeps_what_was_foreseen_when_it_began() {
    let undeclared = PIPELINE.replace("columns = [\"k string\", \"v int32\"]\n", "");
    let found = "k string, v int64";
    let (_first, world) = world(&undeclared, foreseen([found, found, found])).await;
    world.begin("r2", |_| {}).await.unwrap();
    world.deploy(PIPELINE).await;
    refused(&world.plan("r2", "a").await.unwrap_err());
}

#[tokio::test]
async fn a_record_that_nobody_can_read_stops_nothing() {
    let (_first, world) = world(PIPELINE, foreseen([PUBLISHED, PUBLISHED, "k string, v int64"])).await;
    let mut broken = 0;
    for object in world.store.list(&world.ctx.root.join("pipelines/")).await.unwrap() {
        if object.uri.as_str().ends_with(".columns.json") {
            world.store.put(&object.uri, b"{").await.unwrap();
            broken += 1;
        }
    }
    assert_eq!(broken, 1, "one of the definition");
    world.begin("r2", |_| {}).await.unwrap();
    world.plan("r2", "a").await.unwrap();
}
