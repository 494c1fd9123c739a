//! Steps whose items write one object each: everything is as with a file each, but for where the bytes lie.

use crate::drive::{run_all, run_step};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use spotmill_core::bundle;
use spotmill_core::calls::{Next, ReportRequest};
use spotmill_core::ids::Uri;
use spotmill_core::item::{Bundled, InputFile};
use spotmill_core::model::{Format, Read};
use spotmill_core::records::{Manifest, Plan, RunOutcome, WorkItem};
use spotmill_lambdas::{columns, gc, report};
use spotmill_platform::ports::Store;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

async fn bundling() -> World {
    let world = World::new().await;
    world.bundles.store(true, Ordering::SeqCst);
    world
}

/// What lies at `b`'s destination, or another, by its place and rows, whatever its attempts were called.
async fn published(world: &World, folder: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let base = world.base().join(folder);
    for object in world.store.list(&base.join("")).await.unwrap() {
        let name = object.uri.as_str()[base.as_str().len()..].to_owned();
        if name.ends_with(".parquet") {
            let body = String::from_utf8(world.store.get(&object.uri).await.unwrap().body).unwrap();
            let (place, file) = name.rsplit_once('/').unwrap();
            // The id of the publication is of the list of files, and so of their places.
            all.push((format!("{place}/{}", file.split_once('-').unwrap().1), body));
        }
    }
    all.sort();
    all
}

/// Objects of step `a`'s attempts.
async fn objects(world: &World) -> Vec<Uri> {
    let listed = world.store.list(&world.keys("a", 1).all_scratch().join("")).await.unwrap();
    listed.into_iter().map(|object| object.uri).collect()
}

/// Starts anew with the items of `steps` that ran, and reports.
async fn again(world: &World, root: &str, edit: impl FnOnce(&mut spotmill_core::calls::RunInput)) -> Vec<String> {
    let ran = Mutex::new(Vec::new());
    let begun = world.begin(root, edit).await.unwrap();
    for step in &begun.steps {
        let how = |item, _| {
            ran.lock().unwrap().push(format!("{step}{item}"));
            Work::Commit
        };
        assert_eq!(run_step(world, root, step.as_str(), &how).await.unwrap().next, Next::Done);
    }
    report::handle(&world.ctx, ReportRequest { run: world.run(), root: root.into() }).await.unwrap();
    let mut ran = ran.into_inner().unwrap();
    ran.sort();
    ran
}

#[tokio::test]
async fn a_run_over_bundles_publishes_what_a_run_over_files_does() {
    let (plain, world) = (World::new().await, bundling().await);
    for world in [&plain, &world] {
        run_all(world, "r1", &|_, _| Work::Commit).await.unwrap();
        assert_eq!(world.lease().await.outcome, Some(RunOutcome::Succeeded));
    }
    assert_eq!(published(&world, "out").await, published(&plain, "out").await);
    // Two items have two partitions each, the third has one: its file stays alone.
    let ends: Vec<String> =
        objects(&world).await.iter().map(|uri| uri.as_str().rsplit('/').next().unwrap().into()).collect();
    assert_eq!(ends, [bundle::NAME, bundle::NAME, "00000.parquet"]);
    assert_eq!(objects(&plain).await.len(), 5);
    // What the next step reads is named as ever, with the place of its bytes and the version of its object.
    let keys = world.keys("b", 1);
    let plan: Plan = world.read(&keys.plan()).await;
    let list = world.store.get(&keys.work(&plan.work_digest)).await.unwrap().body;
    let lines = std::str::from_utf8(&list).unwrap().lines();
    let items: Vec<WorkItem> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &items[0].inputs[0];
    assert!(first.uri.as_str().ends_with("/k=x/00000.parquet"), "{first:?}");
    assert_eq!(first.bundled, Some(Bundled { offset: 0, names: 2 }));
    assert_eq!(first.etag, world.store.head(&first.object()).await.unwrap().etag);
    let lists: BTreeMap<Uri, u64> = items.iter().flat_map(|i| &i.inputs).map(|f| (f.uri.clone(), f.bytes)).collect();
    assert_eq!(lists.len(), 5);
    let again = again(&world, "r2", |_| {}).await;
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_bundle_that_is_gone_or_has_another_size_is_done_again_whole_and_no_other() {
    for damage in [None, Some(false), Some(true)] {
        let world = bundling().await;
        run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
        let before = published(&world, "out").await;
        let bundle = objects(&world).await[1].clone();
        match damage {
            None => world.store.delete(&bundle).await.unwrap(),
            Some(more) => {
                let mut body = world.store.get(&bundle).await.unwrap().body;
                let bytes = body.len();
                body.resize(if more { bytes + 1 } else { bytes - 1 }, b'x');
                world.store.put(&bundle, &body).await.unwrap();
            }
        }
        // `b` is asked for again, and reads `a`.
        let ran = again(&world, "r2", |i| i.from_step = Some("b".into())).await;
        assert_eq!(ran, ["a1", "b0", "b1", "b2"], "{damage:?}");
        assert_eq!(published(&world, "out").await, before);
    }
}

#[tokio::test]
async fn what_reads_the_same_bytes_is_not_done_again_wherever_they_lie() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let before = published(&world, "out").await;
    for (root, bundled) in [("r2", true), ("r3", true), ("r4", false)] {
        world.bundles.store(bundled, Ordering::SeqCst);
        let ran = again(&world, root, |i| i.from_step = Some("a".into())).await;
        assert_eq!(ran, ["a0", "a1", "a2"], "{root}");
        assert_eq!(published(&world, "out").await, before);
    }
}

#[tokio::test]
async fn a_step_that_is_published_from_now_on_publishes_what_lies_in_bundles() {
    let published_too =
        PIPELINE.replace("partition_by = [\"k\"]\n", "partition_by = [\"k\"]\ndestination = \"{out}/a/date={date}\"\n");
    let plain = World::new().await;
    plain.deploy(&published_too).await;
    run_all(&plain, "r1", &|_, _| Work::Commit).await.unwrap();
    let expected = published(&plain, "out/a").await;
    assert_eq!(expected.len(), 5);
    let world = bundling().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    world.deploy(&published_too).await;
    let ran = again(&world, "r2", |_| {}).await;
    assert!(ran.is_empty(), "{ran:?}");
    assert_eq!(published(&world, "out/a").await, expected);
    let manifest: Manifest = world.read(&world.keys("a", 1).manifest()).await;
    assert_eq!((manifest.files.len(), manifest.rows), (5, 5));
    // And not from then on: nothing of it is done again either.
    world.deploy(PIPELINE).await;
    assert!(again(&world, "r3", |_| {}).await.is_empty());
}

#[tokio::test]
async fn other_bytes_in_a_bundle_are_never_published() {
    let world = bundling().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let bundle = objects(&world).await[0].clone();
    let body = world.store.get(&bundle).await.unwrap().body;
    world.store.put(&bundle, &vec![b'?'; body.len()]).await.unwrap();
    let destination = "partition_by = [\"k\"]\ndestination = \"{out}/a/date={date}\"\n";
    world.deploy(&PIPELINE.replace("partition_by = [\"k\"]\n", destination)).await;
    let begun = world.begin("r2", |_| {}).await.unwrap();
    let e = run_step(&world, "r2", begun.steps[0].as_str(), &|_, _| Work::Commit).await.unwrap_err();
    assert!(e.cause.contains("held other bytes than when it was committed"), "{}", e.cause);
    assert!(world.store.head(&bundle).await.is_err(), "the next start finds it gone");
    world.executions.end("r2");
    let ran = again(&world, "r3", |_| {}).await;
    assert!(ran.contains(&"a0".to_owned()) && !ran.contains(&"a1".to_owned()), "{ran:?}");
    assert!(published(&world, "out/a").await.iter().all(|(_, body)| !body.contains('?')));
}

#[tokio::test]
async fn bundles_of_attempts_that_nobody_needs_go_and_no_others() {
    let world = bundling().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let kept = objects(&world).await;
    let dead = world.keys("a", 1).scratch(0, &"died".into()).join(bundle::NAME);
    world.store.put(&dead, b"x").await.unwrap();
    let (found, _) = gc::collect(&world.ctx, true, |_, owned| !owned).await.unwrap();
    assert_eq!(found.iter().map(|waste| waste.files).collect::<Vec<_>>(), [1]);
    assert_eq!(objects(&world).await, kept);
    let ran = again(&world, "r2", |i| i.from_step = Some("b".into())).await;
    assert_eq!(ran, ["b0", "b1", "b2"], "of `a` everything is there");
}

#[tokio::test]
async fn the_columns_of_a_file_are_found_within_its_bundle() {
    let world = World::new().await;
    let (uri, bundled) = (world.base().join("up/k=a/0.csv"), Some(Bundled { offset: 8, names: 2 }));
    let object = bundle::object(&uri, bundled);
    world.store.put(&object, b"a,b\n1,2\nk,v\nx,7\nc,d\n3,4\n").await.unwrap();
    let etag = world.store.head(&object).await.unwrap().etag;
    let file = InputFile { uri, etag, bytes: 8, rows: None, bundled };
    let store: Arc<dyn Store> = world.store.clone();
    let read = columns::sampled(&store, Read::of(Format::Csv), &[file]).await.unwrap();
    let found: Vec<String> = read.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
    assert_eq!(found, ["k string", "v int64"]);
}
