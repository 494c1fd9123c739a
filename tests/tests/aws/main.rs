//! The whole system on an emulator of AWS, over the wire: the stack that `spotmill deploy` makes, the real functions, and
//! real workers on the machines of a local EC2. Tests share two stacks; one test at a time has one, and deploys a pipeline of
//! its own.

mod callbacks;
mod catalog;
mod day;
mod destroyed;
mod dispatch;
mod doctor;
mod failing;
mod front;
mod interrupted;
mod killed;
mod machines;
mod neighbours;
mod on_demand;
mod refused;
mod rungs;
mod smoke;
mod smoke_ends;
mod smoke_faults;
mod tail;
mod together;
mod tries;
mod waits;

use serde_json::{Value, json};
use spotmill_local_ec2::{Capacity, Fault, Snapshot};
use spotmill_tests::local_aws::{Ended, LAKE, LocalAws};
use spotmill_tests::{Project, programs, rows};
use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const DAY: &str = "2013-01-01";
const PATIENCE: Duration = Duration::from_secs(240);
const REAPED: Duration = Duration::from_secs(60);

/// Stacks that stand at once. A test mostly waits, and two share this machine's processors without waiting for each other.
const STACKS: usize = 2;

/// The stacks that no test has, and how many there are in all.
struct Pool {
    idle: Vec<LocalAws>,
    all: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), all: 0 });
static GIVEN_BACK: Condvar = Condvar::new();

/// A stack, while one test has it; none while it starts.
struct Turn {
    aws: Option<LocalAws>,
    began: Instant,
}

/// A stack for this test alone: one that another test has left, else a new one, else the next that is given back.
fn aws() -> Turn {
    let full = |pool: &mut Pool| pool.idle.is_empty() && pool.all == STACKS;
    let mut pool = GIVEN_BACK.wait_while(pool(), full).unwrap_or_else(PoisonError::into_inner);
    let idle = pool.idle.pop();
    pool.all += usize::from(idle.is_none());
    drop(pool);
    let mut turn = Turn { aws: idle, began: Instant::now() };
    turn.aws.get_or_insert_with(LocalAws::start).spent.take();
    turn.began = Instant::now();
    turn
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deref for Turn {
    type Target = LocalAws;

    fn deref(&self) -> &LocalAws {
        self.aws.as_ref().expect("it has started")
    }
}

/// Prints what the test took, past the capture of output. A stack whose test failed ends: the next test gets another.
impl Drop for Turn {
    fn drop(&mut self) {
        let (secs, test) = (self.began.elapsed().as_secs_f64(), std::thread::current());
        let spent = self.aws.as_ref().map(|aws| aws.spent.take()).unwrap_or_default();
        let line = format!("{secs:6.1} s  {}: {spent}\n", test.name().unwrap_or("?"));
        let _ = std::io::stderr().write_all(line.as_bytes());
        let kept = self.aws.take().filter(|_| !std::thread::panicking());
        let mut pool = pool();
        pool.all -= usize::from(kept.is_none());
        pool.idle.extend(kept);
        GIVEN_BACK.notify_one();
    }
}

/// A pipeline `name` with `items` files a day, an item each, copied by `transform`.
fn copying(name: &str, transform: &str, items: usize) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "{name}"
[params]
date = {{ type = "date" }}
src = {{ type = "path", default = "data" }}
out = {{ type = "path", default = "out" }}
[target.aws.params]
src = "s3://{LAKE}/input/{name}"
out = "s3://{LAKE}/output/{name}"
[[step]]
name = "copy"
transform = "{transform}"
[step.input]
path = "{{src}}/{{date}}/*"
format = "csv"
header = false
item_bytes = "1 B"
columns = ["id int32", "note string"]
[step.output]
destination = "{{out}}/{{date}}"
[resources]
vcpus = 2
memory = "256 MiB"
max_memory = "256 MiB"
max_attempts = 1
[fleet]
max_vcpus = 4
"#
    ))
    .with_worker(programs().misbehaving_worker.clone());
    for item in 0..items {
        project.write(&format!("data/{DAY}/{item}.csv"), row(item));
    }
    project
}

/// What the file of an item holds.
fn row(item: usize) -> String {
    format!("{item},n{item}\n")
}

/// What a `copying` pipeline publishes.
fn copied(items: usize) -> Vec<String> {
    rows_of(&(0..items).map(|item| format!("n{item}")).collect::<Vec<_>>())
}

/// A `copying` pipeline whose items follow their notes, in this order: `nap 600`, `eat 280`.
fn instructed(name: &str, notes: &[String]) -> Project {
    let project = copying(name, "follows_notes", 0);
    for (item, note) in notes.iter().enumerate() {
        // Files are items in the order of their names.
        project.write(&format!("data/{DAY}/{item:03}.csv"), format!("{item},{note}\n"));
    }
    project
}

/// What such a pipeline publishes: each item with its note.
fn rows_of(notes: &[String]) -> Vec<String> {
    let mut rows: Vec<String> =
        notes.iter().enumerate().map(|(item, note)| format!("[\"{item}\",\"{note}\"]")).collect();
    rows.sort();
    rows
}

/// What `path` of the bucket's output holds, as rows.
fn published(aws: &LocalAws, project: &Project, path: &str) -> Vec<String> {
    let there = project.path("aws-out").join(path);
    let _ = std::fs::remove_dir_all(&there);
    aws.copy(&format!("s3://{LAKE}/output/{path}/"), &there.to_string_lossy(), true);
    rows(project, &format!("aws-out/{path}"))
}

#[track_caller]
fn ends(aws: &LocalAws, run: &str, status: &str, within: Duration) -> Ended {
    let ended = aws.wait(run, within);
    assert_eq!(ended.status, status, "{}", aws.diagnosis(run));
    ended
}

#[track_caller]
fn succeeds(aws: &LocalAws, input: &Value) -> String {
    let run = aws.start_run(input);
    ends(aws, &run, "SUCCEEDED", PATIENCE);
    run
}

/// The machines there ever were.
fn machines(aws: &LocalAws) -> BTreeSet<String> {
    aws.ec2.snapshot().instances.into_iter().map(|i| i.id).collect()
}

/// Machines, not among the `old`, whose worker has begun an item.
fn busy(seen: &Snapshot, old: &BTreeSet<String>) -> Vec<String> {
    let living = seen.instances.iter().filter(|i| i.ended_ms.is_none() && !old.contains(&i.id));
    let works = |dir: &std::path::Path| {
        std::fs::read_to_string(dir.join("console.log")).is_ok_and(|log| log.contains("\"message\":\"started\""))
    };
    living.filter(|i| works(&i.dir)).map(|i| i.id.clone()).collect()
}

/// Waits for a machine that works and is not among the `seen`, and puts it there.
#[track_caller]
fn next_busy(aws: &LocalAws, seen: &mut BTreeSet<String>) -> String {
    let found = aws.ec2.wait_for("a machine works", PATIENCE, |s| !busy(s, seen).is_empty());
    let one = busy(&found, seen).remove(0);
    seen.insert(one.clone());
    one
}

/// Repeats `probe` until it finds something.
#[track_caller]
fn until<T>(what: &str, within: Duration, probe: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the watch rule sends to Reap every five minutes.
#[track_caller]
fn tick(aws: &LocalAws) {
    let reply = aws.invoke("reap", &json!({"detail-type": "Scheduled Event"}));
    assert!(reply["living"].is_number(), "{reply}");
}

/// Only so many machines are to be had on spot while it lives.
struct Spare<'a>(&'a LocalAws);

impl<'a> Spare<'a> {
    fn only(aws: &'a LocalAws, capacity: Capacity) -> Self {
        aws.ec2.set_capacity(capacity);
        Self(aws)
    }

    /// A machine then has four vCPUs there, two here, and so one slot of two.
    fn small(aws: &'a LocalAws) -> Self {
        Self::only(aws, Capacity::UpTo(4))
    }
}

impl Drop for Spare<'_> {
    fn drop(&mut self) {
        self.0.ec2.set_capacity(Capacity::Plenty);
    }
}
