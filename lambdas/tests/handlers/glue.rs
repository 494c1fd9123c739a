//! A table of Glue over the life of a run: what it names is at every moment a whole publication, whatever dies.

use crate::drive::run_all;
use crate::ports::{Fault, lock};
use crate::workers::Work;
use crate::world::{PIPELINE, World, directory};
use async_trait::async_trait;
use serde_json::{Value, json};
use spotmill_core::bounds::OLD_FILES_SECS;
use spotmill_core::calls::{RunInput, errors};
use spotmill_core::destination::{Contents, manifest_uri};
use spotmill_core::ids::Uri;
use spotmill_core::listing::PathPattern;
use spotmill_lambdas::{gc, standing};
use spotmill_platform::ports::{CatalogError, Catalogs, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// As much of Glue as a table needs. A call may die before it is made, or after it.
pub struct TestGlue {
    /// What it says of whose the catalog is.
    account: Mutex<Option<&'static str>>,
    table: Mutex<Option<Value>>,
    partitions: Mutex<BTreeMap<String, Value>>,
    pub actions: Mutex<Vec<String>>,
    /// The call (1-based) that dies, and whether it is made.
    dies: Mutex<Option<(usize, bool)>>,
    /// So many readers of the table that come first may not read it.
    denied: Mutex<usize>,
}

impl Default for TestGlue {
    fn default() -> Self {
        let account = Mutex::new(Some("123456789012"));
        Self {
            account,
            table: Mutex::default(),
            partitions: Mutex::default(),
            actions: Mutex::default(),
            dies: Mutex::default(),
            denied: Mutex::default(),
        }
    }
}

impl TestGlue {
    fn partition(&self) -> Value {
        lock(&self.partitions).values().next().cloned().unwrap_or_default()
    }
    fn location(&self) -> Option<String> {
        self.partition()["StorageDescriptor"]["Location"].as_str().map(str::to_owned)
    }
    fn changes(&self) -> Vec<String> {
        lock(&self.actions).iter().filter(|a| !a.starts_with("Get")).cloned().collect()
    }

    fn answer(&self, action: &str, body: &Value) -> Result<Value, CatalogError> {
        let gone = || CatalogError::NotFound("Entity Not Found".into());
        let values = |list: &Value| list.to_string();
        if action == "GetTable" && *lock(&self.denied) > 0 {
            *lock(&self.denied) -= 1;
            return Err(CatalogError::Refused { what: "not allowed".into(), source: "test".into() });
        }
        match action {
            "GetTable" => lock(&self.table).clone().map(|table| json!({"Table": table})).ok_or_else(gone),
            "CreateTable" | "UpdateTable" => {
                let mut table = lock(&self.table);
                let version = table.as_ref().map_or(0, |t| t["VersionId"].as_str().unwrap().parse().unwrap());
                if (action == "CreateTable") == table.is_some() {
                    return Err(CatalogError::Changed("it exists, or not".into()));
                }
                if action == "UpdateTable" && body["VersionId"] != json!(format!("{version}")) {
                    return Err(CatalogError::Changed("another version".into()));
                }
                let mut next = body["TableInput"].clone();
                next["VersionId"] = json!(format!("{}", version + 1));
                next["CatalogId"] = json!(*lock(&self.account));
                *table = Some(next);
                Ok(json!({}))
            }
            "GetPartition" => {
                let found = lock(&self.partitions).get(&values(&body["PartitionValues"])).cloned();
                found.map(|partition| json!({"Partition": partition})).ok_or_else(gone)
            }
            "CreatePartition" => {
                let input = body["PartitionInput"].clone();
                match lock(&self.partitions).entry(values(&input["Values"])) {
                    std::collections::btree_map::Entry::Occupied(_) => Err(CatalogError::Changed("it exists".into())),
                    std::collections::btree_map::Entry::Vacant(free) => {
                        free.insert(input);
                        Ok(json!({}))
                    }
                }
            }
            "BatchUpdatePartition" => {
                let body = &body["Entries"][0];
                let key = values(&body["PartitionValueList"]);
                let there = lock(&self.partitions).contains_key(&key);
                lock(&self.partitions).insert(key, body["PartitionInput"].clone());
                if there { Ok(json!({})) } else { Err(gone()) }
            }
            other => panic!("{other}"),
        }
    }
}

#[async_trait]
impl Catalogs for TestGlue {
    fn names(&self, _location: &Uri) -> bool {
        true
    }
    async fn region(&self) -> Option<String> {
        Some("eu-west-1".into())
    }
    async fn call(&self, action: &str, body: &Value) -> Result<Value, CatalogError> {
        lock(&self.actions).push(action.to_owned());
        let dies = lock(&self.dies).filter(|(at, _)| *at == lock(&self.actions).len());
        let answer = match dies {
            Some((_, false)) => Ok(json!({})),
            _ => self.answer(action, body),
        };
        match dies {
            Some(_) => Err(CatalogError::Transient { what: "it died".into(), source: "test".into() }),
            None => answer,
        }
    }
}

const WITH_TABLE: &str =
    "destination = \"{out}/b/date={date}\"\ncatalog = { glue = \"lake.b\", partition = [\"date\"] }";

fn pipeline() -> String {
    PIPELINE.replace("destination = \"{out}/b/date={date}\"", WITH_TABLE)
}

async fn with_table(world: &mut World) -> Arc<TestGlue> {
    let glue = Arc::new(TestGlue::default());
    world.ctx.catalogs = Some(glue.clone());
    world.deploy(&pipeline()).await;
    glue
}

async fn go(world: &World, root: &str) {
    run_all(world, root, &|_, _| Work::Commit).await.unwrap();
}

/// Other data for the same date, asked for with `fresh`.
async fn other_data(world: &World) {
    for (name, text) in [("1.csv", "x,7\nw,9\n"), ("4.csv", "q,1\n")] {
        world.input(name, text).await;
    }
}

async fn try_fresh(world: &World, root: &str) -> bool {
    // Whoever goes on with what has begun does not ask for it again.
    let is_first = world.lease().await.generations["b"].generation == 1;
    let anew = |i: &mut RunInput| i.fresh = is_first;
    let Ok(begun) = world.begin(root, anew).await else { return false };
    for step in &begun.steps {
        match crate::drive::run_step(world, root, step.as_str(), &|_, _| Work::Commit).await {
            Ok(verdict) if verdict.next == spotmill_core::calls::Next::Done => {}
            _ => return false,
        }
    }
    true
}

/// What a query over the table reads: every file below the partition's location, past the store that may be dead.
fn read(glue: &TestGlue) -> Option<BTreeMap<String, Vec<u8>>> {
    fn walk(at: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(at).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, into);
            } else if !path.file_name().unwrap().to_str().unwrap().starts_with(['.', '_']) {
                into.insert(path.to_str().unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    let location = glue.location()?;
    let mut files = BTreeMap::new();
    walk(Path::new(&location), &mut files);
    Some(files)
}

async fn manifest(world: &World) -> Contents {
    world.read(&manifest_uri(&world.base().join("out/b/date=2013-01-01"))).await
}

#[tokio::test]
async fn a_published_date_is_a_partition_and_other_data_swap_it() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    assert_eq!(glue.changes(), ["CreateTable", "CreatePartition"]);
    let (first, location) = (read(&glue).unwrap(), glue.location().unwrap());
    assert!(!first.is_empty() && location.contains("/out/b/date=2013-01-01/g1-"), "{location}");
    let told = glue.partition()["Parameters"].clone();
    assert_eq!(told["spotmill.run"], "p/2013-01-01");
    assert_eq!(told["numFiles"], first.len().to_string());
    assert!(told["spotmill.signature"].as_str().is_some_and(|s| !s.is_empty()));
    go(&world, "r2").await;
    assert_eq!(glue.changes().len(), 2, "a finished run does nothing");
    other_data(&world).await;
    assert!(try_fresh(&world, "r2").await);
    assert_eq!(glue.changes()[2..], ["BatchUpdatePartition"]);
    assert!(glue.location().unwrap().contains("/g2-"));
    assert_ne!(read(&glue).unwrap(), first);
    assert!(first.keys().all(|file| Path::new(file).exists()), "a query that began before reads on");
    assert_eq!(manifest(&world).await.shown[0].ids.len(), 1);
}

/// The whole of what was or the whole of what is, at every write and every call of a republish that dies there.
#[tokio::test]
async fn a_reader_never_gets_half_a_date_wherever_publishing_dies() {
    let dir = directory();
    let place = dir.path().join("w");
    let (old, new, writes, calls) = undisturbed(&place).await;
    assert!(writes > 30 && calls >= 4 && !old.is_empty() && !new.is_empty() && old != new, "{writes} {calls}");
    let contents = |files: &BTreeMap<String, Vec<u8>>| files.values().cloned().collect::<Vec<_>>();
    let (old, new) = (contents(&old), contents(&new));
    let mut seen = BTreeSet::new();
    let stops = (1..=writes).map(|k| (Some(k), None));
    let calls = (1..=calls).flat_map(|k| [(None, Some((k, false))), (None, Some((k, true)))]);
    for (write, call) in stops.chain(calls) {
        let mut world = World::at(&place).await;
        let glue = with_table(&mut world).await;
        go(&world, "r1").await;
        other_data(&world).await;
        lock(&glue.actions).clear();
        *lock(&glue.dies) = call;
        if let Some(k) = write {
            world.store.fail_at(k, Fault::Die);
        }
        let ended = try_fresh(&world, "r2").await;
        let found = contents(&read(&glue).unwrap());
        assert!(found == old || found == new, "a mixture or a gap after {write:?} {call:?}");
        seen.insert((ended, found == new));
        world.store.revive();
        *lock(&glue.dies) = None;
        world.executions.end("r2");
        assert!(try_fresh(&world, "r3").await, "the next start goes on after {write:?} {call:?}");
        assert_eq!(contents(&read(&glue).unwrap()), new, "and ends with the new data after {write:?} {call:?}");
        assert_eq!(manifest(&world).await.shown[0].ids.len(), 1);
    }
    assert!(seen.contains(&(false, false)) && seen.contains(&(false, true)), "{seen:?}");
}

type Files = BTreeMap<String, Vec<u8>>;

/// Both publications, and the writes and calls that the second took.
async fn undisturbed(place: &Path) -> (Files, Files, u64, usize) {
    let mut world = World::at(place).await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    let old = read(&glue).unwrap();
    other_data(&world).await;
    lock(&glue.actions).clear();
    world.store.fail_at(u64::MAX, Fault::Die);
    assert!(try_fresh(&world, "r2").await);
    let calls = lock(&glue.actions).len();
    (old, read(&glue).unwrap(), world.store.writes(), calls)
}

/// The files that a pattern over the destination matches, by name.
async fn matched(world: &World) -> BTreeSet<String> {
    let pattern = world.base().join("out/b/date=2013-01-01/*/*.parquet");
    let pattern = PathPattern::new(pattern.as_str()).unwrap();
    let objects = standing::matching(&*world.store, &pattern).await.unwrap();
    objects.into_iter().map(|object| object.uri.0).collect()
}

/// Another publication takes the place of the one that is being listed, between the list and the manifest that says what of it
/// stands, or between the two lists.
#[tokio::test]
async fn a_list_of_files_holds_one_publication_whatever_is_published_meanwhile() {
    let mut world = World::new().await;
    let _glue = with_table(&mut world).await;
    go(&world, "r1").await;
    let old = matched(&world).await;
    let out = std::path::PathBuf::from(world.base().join("out/b/date=2013-01-01").as_str());
    let (before, after) = (out.with_extension("before"), out.with_extension("after"));
    copy(&out, &before);
    other_data(&world).await;
    assert!(try_fresh(&world, "r2").await);
    let new = matched(&world).await;
    copy(&out, &after);
    assert!(!old.is_empty() && !new.is_empty() && old.is_disjoint(&new), "{old:?} {new:?}");
    for list in 1..=3 {
        std::fs::remove_dir_all(&out).unwrap();
        copy(&before, &out);
        let (from, to) = (after.clone(), out.clone());
        world.store.after_list(list, move || {
            std::fs::remove_dir_all(&to).unwrap();
            copy(&from, &to);
        });
        let found = matched(&world).await;
        assert!(found == new || (list == 3 && found == old), "after list {list}: {found:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}

#[tokio::test]
async fn a_partition_that_somebody_dropped_or_moved_is_mended_by_the_next_start() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    let right = glue.location();
    lock(&glue.partitions).clear();
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(glue.location(), right);
    for partition in lock(&glue.partitions).values_mut() {
        partition["StorageDescriptor"]["Location"] = json!("s3://elsewhere/");
    }
    run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(glue.location(), right);
}

#[tokio::test]
async fn a_table_that_cannot_take_it_ends_the_run_and_undoes_nothing() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    let before = read(&glue).unwrap();
    lock(&glue.table).as_mut().unwrap()["Parameters"]["spotmill.step"] = json!("q/other");
    other_data(&world).await;
    // Neither Begin nor Publish can see the table: that it is another's is found out when it is told.
    *lock(&glue.denied) = 2;
    let begun = world.begin("r2", |i| i.fresh = true).await.unwrap();
    crate::drive::run_step(&world, "r2", begun.steps[0].as_str(), &|_, _| Work::Commit).await.unwrap();
    let ended = crate::drive::run_step(&world, "r2", begun.steps[1].as_str(), &|_, _| Work::Commit).await;
    let e = ended.unwrap_err();
    assert_eq!((e.error, *lock(&glue.denied)), (errors::NOT_ANNOUNCED, 0));
    assert!(e.cause.contains("`b` is published, but lake.b does not name it") && e.cause.contains("q/other"), "{e}");
    assert_eq!(read(&glue).unwrap(), before, "readers have what they had");
    lock(&glue.table).as_mut().unwrap()["Parameters"]["spotmill.step"] = json!("p/b");
    world.executions.end("r2");
    run_all(&world, "r3", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_ne!(read(&glue).unwrap(), before);
}

/// A table that somebody made, and that no step keeps.
fn of_somebody(columns: &[(&str, &str)]) -> Value {
    let columns: Value = columns.iter().map(|(name, ty)| json!({"Name": name, "Type": ty})).collect();
    json!({
        "Name": "b", "VersionId": "1", "TableType": "EXTERNAL_TABLE", "PartitionKeys": [{"Name": "date", "Type": "date"}],
        "StorageDescriptor": {
            "Columns": columns, "Location": "s3://theirs/",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    })
}

/// The columns of `b` are `k string, v int`: by `workers.rs`.
#[tokio::test]
async fn a_table_with_other_columns_is_refused_before_anything_is_published() {
    let allowed = pipeline().replace(WITH_TABLE, &format!("{WITH_TABLE}\nschema_change = \"allow\""));
    for (columns, part, may_be_allowed) in [
        (&[("k", "string"), ("v", "double")][..], "column `v` is double in the table and int in this run", false),
        (&[("k", "string"), ("total", "int")], "`total` int, which this run does not make", false),
        (&[("k", "string")], "this run makes `v` int, which it does not have", true),
        (&[("k", "string"), ("v", "int"), ("x", "date")], "it has `x` date, which this run does not make", true),
    ] {
        let mut world = World::new().await;
        let glue = with_table(&mut world).await;
        *lock(&glue.table) = Some(of_somebody(columns));
        let e = run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap_err();
        assert_eq!(e.error, errors::EXPECTATION_FAILED);
        assert!(e.cause.contains("is complete and not published: table lake.b: ") && e.cause.contains(part), "{e}");
        assert!(e.cause.to_lowercase().contains("alter the table"), "{e}");
        assert_eq!(e.cause.contains("schema_change = \"allow\""), may_be_allowed, "{e}");
        let there = world.store.list(&world.base().join("out/")).await.unwrap();
        assert!(there.is_empty() && glue.changes().is_empty(), "nothing was begun: {there:?}");
        // The table as it is to be, or what was said of it.
        match may_be_allowed {
            true => world.deploy(&allowed).await,
            false => *lock(&glue.table) = Some(of_somebody(&[("k", "string"), ("v", "int")])),
        }
        world.executions.end("r1");
        run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
        assert!(glue.location().is_some());
    }
}

/// What of it follows from the definition is refused before a machine is launched.
#[tokio::test]
async fn a_table_that_is_not_for_the_step_is_refused_when_its_run_begins() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    *lock(&glue.table) = Some(of_somebody(&[("k", "string"), ("v", "double")]));
    let between = "k string, v int32";
    world.deploy_foreseen(&pipeline(), crate::foreseen::foreseen([between, between, between])).await;
    let refused = |e: &spotmill_lambdas::HandlerError, part: &str| {
        assert_eq!(e.error, errors::DESTINATION_REFUSED);
        assert!(e.cause.contains("`b` cannot be published: table lake.b: ") && e.cause.contains(part), "{e}");
    };
    let e = world.begin("r1", |_| {}).await.unwrap_err();
    refused(&e, "column `v` is double in the table and int in this run");
    // Whose it is needs no columns.
    world.deploy(&pipeline()).await;
    let mut of_another = of_somebody(&[("k", "string"), ("v", "int")]);
    of_another["Parameters"] = json!({"spotmill.step": "q/other"});
    *lock(&glue.table) = Some(of_another);
    refused(&world.begin("r1", |_| {}).await.unwrap_err(), "it is kept by step q/other");
    *lock(&glue.table) = None;
    go(&world, "r1").await;
}

#[tokio::test]
async fn gc_removes_what_no_query_can_still_read_and_nothing_before() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    let first = read(&glue).unwrap();
    other_data(&world).await;
    assert!(try_fresh(&world, "r2").await);
    let second = read(&glue).unwrap();
    let late =
        |found: &[gc::Waste]| found.iter().filter(|w| w.what.starts_with("late files")).map(|w| w.files).sum::<u64>();
    assert_eq!(late(&gc::collect(&world.ctx, true, |_, _| true).await.unwrap().0), 0);
    assert!(first.keys().all(|file| Path::new(file).exists()));
    world.clock.pass_secs(OLD_FILES_SECS);
    let lists = || async {
        let listed = world.store.list(&world.base().join("out/b/date=2013-01-01/_spotmill/")).await.unwrap();
        listed.iter().filter(|object| object.uri.as_str().contains("/files-")).count()
    };
    assert_eq!(lists().await, 2);
    // Its files, and the list of them.
    let gone = first.len() as u64 + 1;
    assert_eq!(late(&gc::collect(&world.ctx, false, |_, _| true).await.unwrap().0), gone);
    assert!(first.keys().all(|file| Path::new(file).exists()), "it only reports");
    // Killed once its record said that it goes: the next one goes on.
    world.store.fail_at(2, Fault::Die);
    gc::collect(&world.ctx, true, |_, _| true).await.unwrap_err();
    world.store.revive();
    assert!(first.keys().any(|file| Path::new(file).exists()));
    let left = late(&gc::collect(&world.ctx, true, |_, _| true).await.unwrap().0);
    assert!((gone - 1..=gone).contains(&left), "{left}");
    assert!(!first.keys().any(|file| Path::new(file).exists()));
    assert_eq!((read(&glue).unwrap(), lists().await), (second, 1));
    assert_eq!(late(&gc::collect(&world.ctx, true, |_, _| true).await.unwrap().0), 0);
    world.executions.end("r2");
    go(&world, "r3").await;
}

/// A step by a path reads what stands, and no older publication that lies beside it.
#[tokio::test]
async fn whoever_reads_the_destination_by_its_path_gets_what_stands() {
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    go(&world, "r1").await;
    other_data(&world).await;
    assert!(try_fresh(&world, "r2").await);
    let reader =
        PIPELINE.replace("{src}/{date}/*.csv", "out/b/date={date}/**/*.parquet").replace("{out}/b/", "{out}/c/");
    world.deploy(&reader.replace("item_bytes", "format = \"csv\"\nheader = false\nitem_bytes")).await;
    world.executions.end("r2");
    world.begin("r9", |i| i.fresh = true).await.unwrap();
    let plan = world.plan("r9", "a").await.unwrap();
    let keys = world.keys("a", plan.generation);
    let work: spotmill_core::records::Plan = world.read(&keys.plan()).await;
    let lines = world.store.get(&keys.work(&work.work_digest)).await.unwrap().body;
    let items = String::from_utf8(lines).unwrap();
    let reads = |files: &Files| files.keys().filter(|file| items.contains(file.as_str())).count();
    assert_eq!(reads(&read(&glue).unwrap()), read(&glue).unwrap().len());
    assert!(!items.contains("/g1-"), "{items}");
    // A copy of the destination without its manifest: nothing says which of the two stands.
    world.store.delete(&manifest_uri(&world.base().join("out/b/date=2013-01-01"))).await.unwrap();
    world.executions.end("r9");
    let e = world.begin("r10", |i| i.fresh = true).await.unwrap_err();
    assert!(e.cause.contains("has files of two publications, and there is no manifest there"), "{e}");
}

#[tokio::test]
async fn a_date_that_was_published_without_a_table_gets_its_folder_and_its_partition() {
    let mut world = World::new().await;
    go(&world, "r1").await;
    let flat = world.base().join("out/b/date=2013-01-01/");
    let before = world.store.list(&flat).await.unwrap();
    let glue = with_table(&mut world).await;
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert!(glue.location().unwrap().contains("/g1-"));
    let data = |o: &&spotmill_platform::ports::ObjectMeta| !o.uri.as_str().contains("/_");
    for gone in before.iter().filter(data) {
        assert!(!Path::new(gone.uri.as_str()).exists(), "{} would be read twice by a path", gone.uri);
    }
}

/// What OpenLineage calls the table stands at whatever the step made, and at what another step reads of it.
#[tokio::test]
async fn lineage_events_know_files_by_the_table_that_names_them() {
    let reader = "[[step]]\nname = \"c\"\nsql = \"SELECT k, v FROM input\"\ninput = { step = \"b\", by = \"all\" }\n\
                  [step.output]\ndestination = \"{out}/c/date={date}\"\n[resources]";
    let three = |pipeline: String| pipeline.replace("[resources]", reader);
    let mut world = World::new().await;
    let glue = with_table(&mut world).await;
    world.deploy(&three(pipeline())).await;
    go(&world, "r1").await;
    let known = json!([{"namespace": "arn:aws:glue:eu-west-1:123456789012", "name": "table/lake/b", "type": "TABLE"}]);
    let (b, c) = (complete(&world, "p.b").await, complete(&world, "p.c").await);
    assert_eq!(b["outputs"][0]["facets"]["symlinks"]["identifiers"], known);
    assert_eq!(c["inputs"][0]["facets"]["symlinks"]["identifiers"], known);
    for apart in [&b["inputs"][0], &c["outputs"][0]] {
        assert_eq!(apart["facets"]["symlinks"], Value::Null, "no table names {}", apart["name"]);
    }
    // Another table names them by now, and Glue does not say whose: the old one does not stand for it.
    *lock(&glue.table) = None;
    lock(&glue.partitions).clear();
    *lock(&glue.account) = None;
    world.deploy(&three(pipeline().replace("lake.b", "lake.other"))).await;
    run_all(&world, "r2", &|_, _| panic!("no item is to run")).await.unwrap();
    assert_eq!(complete(&world, "p.b").await["outputs"][0]["facets"]["symlinks"], Value::Null);
}

async fn complete(world: &World, job: &str) -> Value {
    let at = spotmill_core::keys::RunKeys::new(&world.ctx.root, &world.run()).lineage_events();
    let text = String::from_utf8(world.store.get(&at).await.unwrap().body).unwrap();
    let mut events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.find(|e| e["eventType"] == "COMPLETE" && e["job"]["name"] == job).expect("an event")
}
