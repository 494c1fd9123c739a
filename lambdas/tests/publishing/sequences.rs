//! Random sequences, each replayed from its number. `SPOTMILL_SEQUENCES` sets how many, `SPOTMILL_SEQUENCE` which one.

use crate::bench::{Asked, Bench, Definition, Stalled};
use spotmill_core::destination::Existing;
use std::collections::BTreeMap;

const DATES: [&str; 2] = ["2024-03-10", "2024-03-11"];
const PIPELINES: [&str; 2] = ["p", "q"];
const STEPS: [&str; 2] = ["main", "other"];
const OPERATIONS: usize = 12;

struct Chance(u64);

impl Chance {
    /// Below `n`.
    fn of(&mut self, n: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.of(all.len() as u64) as usize]
    }
}

struct World {
    bench: Bench,
    chance: Chance,
    definition: Definition,
    /// Every definition there was.
    tags: Vec<u64>,
    /// Every state that a date's inputs had: file by content.
    inputs: BTreeMap<&'static str, Vec<BTreeMap<u64, u64>>>,
    contents: u64,
    base: &'static str,
    stack: &'static str,
    stalled: Vec<Stalled>,
    foreign: Vec<String>,
    /// Nobody keeps others out: files that land late may lie beside the published ones.
    open: bool,
    /// Somebody allowed publications of several steps to stand beside each other.
    beside: bool,
    log: Vec<String>,
}

impl World {
    fn new(number: u64) -> World {
        let mut chance = Chance(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            chance.of(2);
        }
        let (shared, open) = (chance.of(2) == 0, chance.of(3) == 0);
        let bench = Bench::new();
        bench.store.open.store(open, std::sync::atomic::Ordering::SeqCst);
        let definition = Definition { pipeline: "p", step: "main", tag: 1, shared, catalogued: false };
        let mut world = World {
            bench,
            chance,
            definition,
            tags: vec![1],
            inputs: DATES.iter().map(|d| (*d, vec![BTreeMap::new()])).collect(),
            contents: 0,
            base: "/w",
            stack: "one",
            stalled: Vec::new(),
            foreign: Vec::new(),
            open,
            beside: false,
            log: Vec::new(),
        };
        for date in DATES {
            world.edit_input(date);
            world.edit_input(date);
        }
        world
    }

    fn ctx(&self) -> spotmill_lambdas::Ctx {
        self.bench.ctx(self.base, &format!("{}/.spotmill-{}", self.base, self.stack))
    }

    fn destination(&self, date: &str) -> String {
        let name = if self.definition.shared { "latest" } else { date };
        format!("{}/out/{name}", self.base)
    }

    /// One of a date's files appears, changes or goes; one always stays.
    fn edit_input(&mut self, date: &'static str) {
        let mut now = self.inputs[date].last().unwrap().clone();
        let file = self.chance.of(3);
        let uri = format!("{}/in/{date}/{file}.csv", self.base);
        if now.len() > 1 && now.contains_key(&file) && self.chance.of(3) == 0 {
            now.remove(&file);
            self.bench.store.remove(&uri);
        } else {
            self.contents += 1;
            now.insert(file, self.contents);
            self.bench.store.own(&uri, format!("{}\n", self.contents).as_bytes());
        }
        self.inputs.get_mut(date).unwrap().push(now);
    }

    fn rows(tag: u64, inputs: &BTreeMap<u64, u64>) -> Vec<String> {
        let mut rows: Vec<String> = inputs.values().map(|content| format!("{tag}:{content}")).collect();
        rows.sort();
        rows
    }

    /// Returns whether it is what one definition makes of one state of some date's inputs.
    fn is_of_one_mind(&self, rows: &[String]) -> bool {
        let states = || self.inputs.values().flatten().filter(|state| !state.is_empty());
        self.tags.iter().any(|tag| states().any(|state| World::rows(*tag, state) == rows))
    }

    fn check(&self, what: &str) {
        let mut places: Vec<String> = DATES.iter().map(|d| format!("{}/out/{d}", self.base)).collect();
        places.push(format!("{}/out/latest", self.base));
        for place in &places {
            let marked = self.bench.read(place);
            for rows in &marked {
                assert!(self.is_of_one_mind(rows), "{what}: {place} has {rows:?}\n{}", self.log.join("\n"));
            }
            if let [rows] = marked.as_slice()
                && !self.beside
            {
                let mut all = self.bench.read_all(place);
                all.retain(|row| row != "somebody's");
                let late = self.open && all.len() > rows.len();
                assert!(late || all == *rows, "{what}: {place} has {all:?} beside {rows:?}\n{}", self.log.join("\n"));
            }
        }
        for file in &self.foreign {
            let kept = self.bench.store.text(file).is_some();
            assert!(kept, "{what}: {file} is gone, which nobody gave\n{}", self.log.join("\n"));
        }
    }

    async fn start(&mut self) {
        let date = self.chance.pick(&DATES);
        let existing = match self.chance.of(8) {
            0 => Existing::Adopt,
            1 => Existing::Leave,
            _ => Existing::Refuse,
        };
        let asked = Asked { existing, changed: self.chance.of(2) == 0 };
        let (place, definition, ctx) = (self.destination(date), self.definition.clone(), self.ctx());
        let before = self.bench.read(&place);
        self.beside |= existing == Existing::Leave;
        if existing == Existing::Adopt {
            self.foreign.retain(|file| !file.starts_with(&format!("{place}/")));
        }
        let how = self.chance.of(6);
        let kill = (how == 0).then(|| self.chance.of(60));
        let stall = (how == 1).then(|| self.chance.of(4));
        let late = (how == 2 && self.open).then(|| self.chance.of(3));
        self.log.push(format!(
            "start {date} {asked:?} kill {kill:?} stall {stall:?} late {late:?} {definition:?} {}",
            self.stack
        ));
        self.bench.store.dies_in(kill);
        self.bench.store.late_in(late);
        let ended = match stall {
            None => self.bench.start(&ctx, &definition, date, &asked).await,
            Some(calls) => self.stall(&ctx, date, &asked, calls).await,
        };
        self.bench.store.dies_in(None);
        self.bench.store.late_in(None);
        if kill.is_some() && self.chance.of(2) == 0 {
            self.log.push("power cut".into());
            self.bench.store.cut_power(self.chance.of(2) == 0);
        }
        let undisturbed = kill.is_none() && stall.is_none() && late.is_none();
        match &ended {
            Ok(()) if undisturbed => self.is_current(date, &place, &asked),
            Err(e) if undisturbed => {
                self.log.push(format!("  refused: {e}"));
                let reasons = ["--adopt", "later", "since", "is held by"];
                assert!(reasons.iter().any(|reason| e.cause.contains(reason)), "{e}\n{}", self.log.join("\n"));
                assert_eq!(self.bench.read(&place), before, "a refused start changed {place}\n{}", self.log.join("\n"));
            }
            other => self.log.push(format!("  ended: {other:?}").chars().take(300).collect()),
        }
    }

    /// A start that succeeded has published its own rows, or learnt that a later one stands.
    fn is_current(&self, date: &'static str, place: &str, asked: &Asked) {
        let found = self.bench.read(place);
        let context = || format!("{place} has {found:?} after a success\n{}", self.log.join("\n"));
        let now = World::rows(self.definition.tag, self.inputs[date].last().unwrap());
        let is_mine = |rows: &&Vec<String>| {
            self.inputs[date].iter().any(|state| World::rows(self.definition.tag, state) == **rows)
        };
        let mine = found.iter().any(|rows| is_mine(&rows));
        // Another date's, or another stack's, which this start left where it is, marked or not.
        let replaced = asked.existing != Existing::Adopt && !mine;
        if replaced {
            let run = format!("{}/{date}", self.definition.pipeline);
            let root = format!("{}/.spotmill-{}/runs/{run}/", self.base, self.stack);
            let manifests = self.bench.store.names(&root).into_iter().filter(|n| n.ends_with("/manifest.json"));
            let superseded = manifests.filter_map(|n| self.bench.store.text(&n)).any(|t| t.contains("\"superseded\""));
            assert!(superseded, "{}", context());
            return;
        }
        assert!(mine, "{}", context());
        assert!(!asked.changed || found.contains(&now), "not as of now, {now:?}: {}", context());
    }

    async fn stall(
        &mut self,
        ctx: &spotmill_lambdas::Ctx,
        date: &str,
        asked: &Asked,
        calls: u64,
    ) -> Result<(), spotmill_lambdas::HandlerError> {
        let mut sealed = self.bench.seal(ctx, &self.definition.clone(), date, asked).await?;
        for _ in 0..calls {
            if self.bench.publish_on(&mut sealed).await? {
                return Ok(());
            }
        }
        self.stalled.push(sealed);
        Ok(())
    }

    async fn operate(&mut self) {
        let action = self.chance.of(22);
        match action {
            0..=8 => self.start().await,
            9 | 10 => {
                let tag = self.tags.len() as u64 + 1;
                self.tags.push(tag);
                self.definition.tag = tag;
                self.log.push(format!("edit the query: {tag}"));
            }
            11..=13 => {
                let date = self.chance.pick(&DATES);
                self.edit_input(date);
                self.log.push(format!("edit an input of {date}: {:?}", self.inputs[date].last()));
            }
            14 => {
                self.definition.step = self.chance.pick(&STEPS);
                self.log.push(format!("the step is {}", self.definition.step));
            }
            15 => {
                self.definition.pipeline = self.chance.pick(&PIPELINES);
                self.log.push(format!("the pipeline is {}", self.definition.pipeline));
            }
            16 => {
                self.bench.store.remove_below(&format!("{}/.spotmill-{}/", self.base, self.stack));
                self.log.push("the state is lost".into());
            }
            17 if self.stalled.is_empty() => {
                let to = if self.base == "/w" { "/moved" } else { "/w" };
                self.bench.store.rename(&format!("{}/", self.base), &format!("{to}/"));
                self.foreign = self.foreign.iter().map(|f| f.replacen(self.base, to, 1)).collect();
                self.base = to;
                self.log.push(format!("the project moved to {to}"));
            }
            18 => {
                self.stack = if self.stack == "one" { "two" } else { "one" };
                self.log.push(format!("stack {}", self.stack));
            }
            19 => {
                let place = self.destination(DATES[0]);
                let file = format!("{place}/somebody.parquet");
                self.bench.store.own(&file, b"somebody's\n");
                self.foreign.push(file);
                self.log.push(format!("somebody writes into {place}"));
            }
            20 => {
                let files = self.bench.store.names(&format!("{}/out/", self.base));
                let data: Vec<&String> =
                    files.iter().filter(|n| n.ends_with(".parquet") && !n.contains("somebody")).collect();
                if !data.is_empty() {
                    let file = data[self.chance.of(data.len() as u64) as usize].clone();
                    let folder = file.rsplit_once('/').unwrap().0.to_owned();
                    // With its mark: whoever takes files away has no claim to one.
                    self.bench.store.remove(&file);
                    for name in self.bench.store.names(&format!("{folder}/_SUCCESS")) {
                        self.bench.store.remove(&name);
                    }
                    self.log.push(format!("somebody removes {file}"));
                }
            }
            _ => {
                self.bench.store.land();
                if let Some(mut stalled) = self.stalled.pop() {
                    let ended = self.bench.publish(&mut stalled).await;
                    self.log.push(format!("a stalled publisher goes on: {ended:?}").chars().take(300).collect());
                }
            }
        }
        let last = self.log.last().cloned().unwrap_or_default();
        self.check(&last);
    }
}

async fn sequence(number: u64) {
    let mut world = World::new(number);
    world.log.push(format!("SPOTMILL_SEQUENCE={number}"));
    for _ in 0..OPERATIONS {
        world.operate().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_what_stands_under_a_mark_is_of_one_definition_and_one_state_of_the_inputs() {
    if let Some(one) = std::env::var("SPOTMILL_SEQUENCE").ok().and_then(|n| n.parse().ok()) {
        return sequence(one).await;
    }
    let all: u64 = std::env::var("SPOTMILL_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let halves = (0..2u64).map(|half| {
        tokio::spawn(async move {
            for number in (0..all).filter(|n| n % 2 == half) {
                sequence(number).await;
            }
        })
    });
    for half in halves.collect::<Vec<_>>() {
        half.await.unwrap();
    }
}
