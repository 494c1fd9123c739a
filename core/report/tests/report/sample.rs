//! Runs that never were, of any size: a good one, one with interruptions, one that failed.

use spotmill_core::ids::{AttemptId, StepName};
use spotmill_core::item::{FailureClass, RowCounts, Usage};
use spotmill_core::life::InstanceRecord;
use spotmill_core::model::{OnLate, Pipeline};
use spotmill_core::records::{
    AfterCheck, DeployedWorker, FailureRecord, InputState, InputWait, RECORD_VERSION, RunEnd, RunOutcome, RunReport,
    StepReport, StepState, StepWait,
};
use spotmill_core::types::Value;
use spotmill_ledger::{Attempt, Class, Life, Market, Rates, Work, elsewhere, of_machine};
use spotmill_report::{Commands, End, Good, GoodStep, ItemReads, Ledger, Loaded, LoadedStep, Machine, StepFile, Tried};
use spotmill_spec as spec;
use std::collections::BTreeMap;

/// 20 November 2026, 05:00 UTC.
pub const BEGIN: u64 = 1_795_150_800_000;
const MIB: u64 = 1 << 20;

/// What a sample is made of.
#[derive(Clone)]
pub struct Shape {
    pub items: u32,
    pub machines: u32,
    pub slots: u32,
    /// The last items, out of memory.
    pub failed: u32,
    /// The first machines.
    pub interrupted: u32,
    /// What the name of each input begins with.
    pub prefix: String,
    pub log_tail: String,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            items: 40,
            machines: 4,
            slots: 4,
            failed: 0,
            interrupted: 0,
            prefix: "s3://acme-raw/clicks/2026-11-20/part".to_owned(),
            log_tail: String::new(),
        }
    }
}

/// Two steps, of which the second publishes.
pub fn pipeline(sql: &str) -> Pipeline {
    let toml = format!(
        r#"format = 1
[pipeline]
name = "clicks"
[params]
date = {{ type = "date" }}
late_after = {{ type = "int16", default = 15 }}
[[step]]
name = "normalize"
sql = "SELECT site, visits FROM input"
[step.input]
path = "s3://acme-raw/clicks/{{date}}/*.csv"
columns = ["site string", "visits int32"]
[step.output]
partition_by = ["site"]
[step.resources]
vcpus = 2
memory = "4 GiB"
max_memory = "16 GiB"
[[step]]
name = "by_site"
sql = """{sql}"""
[step.input]
step = "normalize"
by = "partition"
[step.output]
destination = "s3://acme-lake/by_site/{{date}}"
[budget]
usd_per_run = 2.0
"#
    );
    let sources = spec::Sources { path: "pipeline.toml".into(), toml, sql_files: Default::default() };
    match spec::parse(&sources) {
        Ok(parsed) => parsed.pipeline,
        Err(all) => panic!("{}", all.iter().map(|p| spec::render(p, &sources, false)).collect::<String>()),
    }
}

pub const SQL: &str = "SELECT site,\n       SUM(visits) AS visits\nFROM input\nGROUP BY site\n";

/// A run of this shape, `normalize` at work on `shape.items` files; what failed kept `by_site` from beginning.
pub fn run(shape: &Shape) -> Loaded {
    let has_failed = shape.failed > 0;
    let machines: Vec<Machine> = (0..shape.machines).map(|n| machine(shape, n)).collect();
    let now_ms = machines.iter().map(|m| m.life.ended_ms).max().unwrap_or(BEGIN) + 5_000;
    let tried = machines.iter().flat_map(|machine| tried(shape, machine)).collect();
    let steps = vec![report(shape, has_failed), second(has_failed)];
    let rates = Rates::default();
    let charge = |m: &Machine| of_machine(&m.step, 1, &m.life, &m.attempts, &rates).0;
    let charges: Vec<_> = machines.iter().flat_map(charge).collect();
    let lives: Vec<Life> = machines.iter().map(|m| m.life.clone()).collect();
    let end = has_failed.then(|| RunEnd {
        v: RECORD_VERSION,
        root: "arn:root".into(),
        error: "Spotmill.ItemsFailed".to_owned(),
        cause: "it failed. Look: `spotmill show`".to_owned(),
        ended_ms: now_ms,
    });
    Loaded {
        pipeline: pipeline(SQL),
        worker: worker("1.0"),
        report: RunReport {
            v: RECORD_VERSION,
            run: "clicks/2026-11-20".into(),
            root: "arn:root".into(),
            outcome: if has_failed { RunOutcome::Failed } else { RunOutcome::Succeeded },
            params: params(15),
            pipeline_digest: "d".to_owned(),
            end,
            input: None,
            steps,
            took_ms: now_ms - BEGIN,
            nothing_to_do: false,
            reported_ms: now_ms,
        },
        state: if has_failed { "failed" } else { "succeeded" }.to_owned(),
        cause: None,
        is_local: false,
        started_ms: BEGIN,
        claimed_ms: BEGIN,
        ended_ms: Some(now_ms),
        now_ms: now_ms + 60_000,
        steps: vec![
            first_loaded(shape, tried),
            LoadedStep {
                destination: Some("s3://acme-lake/by_site/2026-11-20".to_owned()),
                published_ms: (!has_failed).then_some(now_ms - 2_000),
                ..LoadedStep::default()
            },
        ],
        ledger: Some(Ledger {
            elsewhere: elsewhere(&Work::of(&lives, &charges), &rates),
            charges,
            machines,
            bytes_in: u64::from(shape.items) * 150 * MIB,
        }),
        commands: Commands {
            resume: "spotmill start --pipeline clicks --date 2026-11-20".to_owned(),
            show: "spotmill --target aws show clicks/2026-11-20".to_owned(),
            item: None,
            cost: "spotmill --target aws cost clicks/2026-11-20".to_owned(),
        },
        past: (1..20).map(past).collect(),
        good: Some(good()),
        notes: Vec::new(),
    }
}

pub fn params(late_after: i64) -> BTreeMap<String, Value> {
    let late = Value::Int { value: late_after, ty: spotmill_core::types::ColumnType::Int16 };
    BTreeMap::from([("date".to_owned(), Value::Date("2026-11-20".into())), ("late_after".to_owned(), late)])
}

pub fn worker(version: &str) -> DeployedWorker {
    DeployedWorker { version: version.to_owned(), programs: BTreeMap::new() }
}

fn past(day: u64) -> End {
    End {
        run: format!("clicks/2026-11-{day:02}").as_str().into(),
        state: if day == 9 { "failed" } else { "succeeded" }.to_owned(),
        ended_ms: BEGIN - (20 - day) * 86_400_000,
        took_ms: 2_000_000 + day * 10_000,
        items: 40,
        committed: 40,
        usd_nanos: Some(900_000_000 + day * 20_000_000),
        rows: BTreeMap::from([("by_site".to_owned(), 40)]),
    }
}

/// With other SQL and another param.
pub fn good() -> Good {
    let before = GoodStep { items: 38, input_bytes: 38 * 150 * MIB, rows: None };
    Good {
        run: "clicks/2026-11-19".into(),
        ended_ms: BEGIN - 86_400_000,
        pipeline: pipeline("SELECT site,\n       COUNT(*) AS visits\nFROM input\nGROUP BY site\n"),
        params: params(10),
        worker: worker("0.9"),
        steps: BTreeMap::from([("normalize".to_owned(), before)]),
    }
}

fn item_ms(item: u32) -> u64 {
    20_000 + u64::from(item.wrapping_mul(2_654_435_761) % 40_000)
}

/// Items go to machines in turn; each slot takes the next when it is free.
fn machine(shape: &Shape, n: u32) -> Machine {
    let boot_ms = 38_000 + u64::from(n % 7) * 1_500;
    let launched_ms = BEGIN + 4_000 + u64::from(n % 5) * 900;
    let mut free = vec![launched_ms + boot_ms; shape.slots as usize];
    let mut attempts = Vec::new();
    for item in (n..shape.items).step_by(shape.machines as usize) {
        let slot = (0..free.len()).min_by_key(|slot| free[*slot]).unwrap_or(0);
        let slot_ms = item_ms(item);
        free[slot] += slot_ms + 700;
        let is_failed = item >= shape.items - shape.failed;
        let class = if is_failed { Class::Failed } else { Class::Useful };
        attempts.push(Attempt { item, class, ended_ms: free[slot] - 700, slot_ms });
    }
    let is_taken = n < shape.interrupted;
    let ended_ms = free.iter().copied().max().unwrap_or(launched_ms) + 20_000;
    let id = format!("i-{:017x}", u64::from(n + 1) * 0x9e37_79b9_7f4a);
    let kinds = ["r7g.2xlarge", "r7a.2xlarge", "m7g.2xlarge"];
    let zone = ["us-east-1a", "us-east-1b", "us-east-1d"][n as usize % 3];
    Machine {
        step: StepName::new("normalize"),
        generation: 1,
        life: Life {
            id: id.clone(),
            kind: kinds[n as usize % 3].to_owned(),
            zone: zone.to_owned(),
            market: Market::Spot,
            vcpus: 8,
            memory_bytes: Some(64 << 30),
            slots: shape.slots,
            launched_ms,
            ready_ms: Some(launched_ms + boot_ms),
            ended_ms,
            vanished: is_taken && n % 2 == 1,
            noticed: is_taken && n.is_multiple_of(2),
            usd_per_hour: Some(0.16),
        },
        own: Some(InstanceRecord {
            id,
            noticed_ms: (is_taken && n.is_multiple_of(2)).then_some(ended_ms - 120_000),
            why: (!is_taken).then(|| "asked to stop".to_owned()),
            ..InstanceRecord::default()
        }),
        interrupted_ms: None,
        attempts,
    }
}

fn tried(shape: &Shape, machine: &Machine) -> Vec<Tried> {
    let worker = format!("{} {} {}", machine.life.id, machine.life.kind, machine.life.zone);
    let of = |attempt: &Attempt| {
        let item = attempt.item;
        let is_failed = attempt.class == Class::Failed;
        let raw = 100_000 + u64::from(item.wrapping_mul(40_503) % 900_000);
        let rejected = u64::from(item.is_multiple_of(11));
        Tried {
            item,
            attempt: AttemptId::new(format!("a{item:07}")),
            worker: worker.clone(),
            failure: is_failed.then(|| Box::new(failure(shape, item, &worker, attempt))),
            carried: false,
            rung: if is_failed { 2 } else { 0 },
            run_ms: attempt.slot_ms,
            cpu_ms: attempt.slot_ms * 2,
            peak_bytes: if is_failed { 16_384 * MIB } else { (900 + u64::from(item % 2_900)) * MIB },
            ended_ms: attempt.ended_ms,
            rows: if is_failed {
                RowCounts::default()
            } else {
                RowCounts { raw, read: raw - rejected, rejected, written: raw - rejected - u64::from(item % 5) }
            },
            files: 3,
            bytes: raw * 40,
        }
    };
    machine.attempts.iter().map(of).collect()
}

fn failure(shape: &Shape, item: u32, worker: &str, attempt: &Attempt) -> FailureRecord {
    FailureRecord {
        v: RECORD_VERSION,
        item,
        attempt: AttemptId::new(format!("a{item:07}")),
        epoch: 1,
        round: 2,
        rung: 2,
        class: FailureClass::Memory,
        message: "the child passed 16 GiB".to_owned(),
        remedy: Some("raise max_memory, or partition by one more column".to_owned()),
        file: Some(format!("{}-{item:05}.csv.gz", shape.prefix)),
        log_tail: shape.log_tail.clone(),
        ended: "memory 16.4 GiB over 16 GiB".to_owned(),
        worker: worker.to_owned(),
        usage: Usage { wall_ms: attempt.slot_ms, cpu_ms: attempt.slot_ms, peak_bytes: 16_384 * MIB },
        failed_ms: attempt.ended_ms,
    }
}

fn first_loaded(shape: &Shape, tried: Vec<Tried>) -> LoadedStep {
    let reads = |item: u32| ItemReads { label: format!("part-{item:05}.csv.gz"), files: 1, bytes: 150 * MIB };
    let file = |item: u32| StepFile {
        uri: format!("{}-{item:05}.csv.gz", shape.prefix),
        etag: format!("\"{:032x}\"", u128::from(item) * 0x9e37_79b9_7f4a_7c15),
        bytes: 150 * MIB,
    };
    LoadedStep {
        input_bytes: u64::from(shape.items) * 150 * MIB,
        tried,
        items: (0..shape.items).map(|item| (item, reads(item))).collect(),
        files: shape.items.into(),
        bytes: u64::from(shape.items) * 150 * MIB,
        named: (0..shape.items).map(file).collect(),
        ..LoadedStep::default()
    }
}

fn report(shape: &Shape, has_failed: bool) -> StepReport {
    let done = shape.items - shape.failed;
    let rows = u64::from(done) * 500_000;
    let failures = (done..shape.items).take(50).map(|item| {
        let attempt = Attempt { item, class: Class::Failed, ended_ms: BEGIN + 600_000, slot_ms: item_ms(item) };
        failure(shape, item, "i-0a1 r7g.2xlarge us-east-1a", &attempt)
    });
    StepReport {
        step: "normalize".into(),
        generation: 1,
        because: "the first".to_owned(),
        state: if has_failed { StepState::Failed } else { StepState::Done },
        items: shape.items,
        committed: done,
        rows: RowCounts { raw: rows, read: rows.saturating_sub(9), rejected: 9, written: rows.saturating_sub(1_000) },
        files: u64::from(done) * 3,
        bytes: rows * 40,
        peak_bytes: 3_700 * MIB,
        cpu_ms: 0,
        took_ms: 600_000,
        missing: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        failures: failures.collect(),
        published: None,
        cost: None,
    }
}

fn second(has_failed: bool) -> StepReport {
    let done = u32::from(!has_failed);
    let rows = u64::from(done) * 41;
    StepReport {
        step: "by_site".into(),
        generation: done,
        because: String::new(),
        state: if has_failed { StepState::NotStarted } else { StepState::Done },
        items: done,
        committed: done,
        rows: RowCounts { raw: rows, read: rows, rejected: 0, written: rows },
        files: u64::from(done),
        bytes: 9_000 * u64::from(done),
        peak_bytes: 0,
        cpu_ms: 0,
        took_ms: 4_000 * u64::from(done),
        missing: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        failures: Vec::new(),
        published: None,
        cost: None,
    }
}

/// An input of which three files did not come in two hours.
pub fn waited(next: AfterCheck) -> InputWait {
    let step = StepWait {
        step: "clean".into(),
        state: InputState::Late,
        text: "21 of 24 files, last 04:51 UTC".to_owned(),
        up_to_secs: 7_200,
        due_ms: 7_200_000,
        on_late: OnLate::Fail,
    };
    InputWait {
        v: RECORD_VERSION,
        root: "arn:root".into(),
        first_ms: 0,
        checked_ms: 7_200_000,
        next,
        steps: vec![step],
    }
}

/// A run that began, and whose input was late.
pub fn late() -> Loaded {
    let mut loaded = run(&Shape { items: 0, machines: 0, ..Shape::default() });
    (loaded.report.input, loaded.state) = (Some(waited(AfterCheck::Late)), "late".to_owned());
    loaded.report.outcome = RunOutcome::Failed;
    loaded.report.steps = vec![second(true)];
    loaded.steps.remove(0);
    loaded.steps[0].published_ms = None;
    loaded
}

/// A run of more items than are read for a page.
pub fn huge() -> Loaded {
    let mut loaded = run(&Shape { items: 100_000, machines: 0, ..Shape::default() });
    loaded.ledger = None;
    loaded
}
