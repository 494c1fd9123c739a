//! What users do, as the seed has it: starts, also of what runs; stops; edits; inputs that come, change and go; weeks
//! in which nothing happens; gc. Users have good lines.

use crate::line::{Actor, Line};
use crate::lock::lock;
use crate::model::{Definition, LAKE, PIPELINE, STATE, input};
use crate::shared::Shared;
use crate::store::SimulatedStore;
use crate::world::World;
use serde_json::json;
use spotmill_core::ids::Uri;
use spotmill_core::records::{DeployedWorker, Foreseen};
use spotmill_lambdas::{deploy, gc};
use spotmill_platform::ports::{Clock, Store};
use spotmill_spec as spec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Days after which the lifecycle of the bucket removes scratch files.
pub const SCRATCH_SECS: u64 = 15 * 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Start,
    StartFresh,
    StartChanged,
    Stop,
    /// Stopped, and started again as soon as that is seen.
    Restart,
    Edit,
    Overwrite,
    Add,
    Remove,
    Collect,
    Expire,
    /// A file between two steps is gone, and what reads it has to be done again.
    Damage,
}

pub struct User {
    pub world: Arc<World>,
    pub definition: Definition,
    pub dates: Vec<String>,
    started: BTreeMap<String, Vec<String>>,
    line: Line,
    edits: u32,
}

impl User {
    pub async fn begin(world: &Arc<World>, definition: Definition, dates: Vec<String>) -> User {
        let line = Line { shared: Arc::clone(&world.shared), actor: Actor::user(&world.shared) };
        let mut user = User { world: Arc::clone(world), definition, dates, started: BTreeMap::new(), line, edits: 0 };
        for date in user.dates.clone() {
            for n in 0..user.shared().draw(|c| c.between(1, 4)) {
                let is_bad = user.shared().draw(|c| c.permille(150));
                user.write_input(&date, &format!("{n}.csv"), is_bad).await;
            }
            lock(&user.shared().watch).inputs_changed.clear();
            for place in ["out", "in"] {
                user.stranger(&format!("{LAKE}/{place}-of-others/date={date}/theirs.csv")).await;
            }
        }
        user.deploy().await;
        user
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.world.shared
    }

    fn store(&self) -> SimulatedStore {
        SimulatedStore(self.line.clone())
    }

    async fn stranger(&self, uri: &str) {
        self.store().put(&Uri::new(uri), b"of somebody else").await.expect("a good line");
        lock(&self.shared().watch).strangers.insert(uri.to_owned(), "of somebody else".to_owned());
    }

    pub async fn write_input(&self, date: &str, name: &str, is_bad: bool) {
        let text = {
            let mut watch = lock(&self.shared().watch);
            let versions = watch.inputs.entry(date.to_owned()).or_default().entry(name.to_owned()).or_default();
            let version = versions.len() as u64;
            let text = self.shared().draw(|c| input(name, version, is_bad, c));
            versions.push(text.clone());
            watch.inputs_changed.insert(date.to_owned());
            text
        };
        let uri = Uri::new(format!("{LAKE}/in/{date}/{name}"));
        self.store().put(&uri, text.as_bytes()).await.expect("a good line");
    }

    async fn remove_input(&self, date: &str, name: &str) {
        {
            let mut watch = lock(&self.shared().watch);
            watch.inputs.entry(date.to_owned()).or_default().entry(name.to_owned()).or_default().push(String::new());
            watch.inputs_changed.insert(date.to_owned());
        }
        let uri = Uri::new(format!("{LAKE}/in/{date}/{name}"));
        self.store().delete(&uri).await.expect("a good line");
    }

    pub async fn deploy(&mut self) {
        let toml = self.definition.toml();
        let sources = spec::Sources { path: "pipeline.toml".into(), toml, sql_files: BTreeMap::new() };
        let parsed = match spec::parse(&sources) {
            Ok(parsed) => parsed.pipeline,
            Err(all) => panic!("{}", all.iter().map(|p| spec::render(p, &sources, false)).collect::<String>()),
        };
        {
            let mut watch = lock(&self.shared().watch);
            if watch.definitions.last() != Some(&self.definition) {
                watch.definitions.push(self.definition.clone());
            }
        }
        let worker = DeployedWorker { version: "1".into(), programs: [("x86_64".to_owned(), "sha".to_owned())].into() };
        let (root, store, now_ms) = (Uri::new(STATE), self.store(), self.shared().now_ms());
        let frozen = spec::freeze(&parsed);
        let foreseen = Foreseen::default();
        deploy::deploy(&store, &root, PIPELINE, (&frozen, &foreseen), worker, now_ms).await.expect("a good line");
    }

    /// The newest execution of a date.
    pub fn newest(&self, date: &str) -> Option<&String> {
        self.started.get(date).and_then(|all| all.last())
    }

    pub fn start(&mut self, date: &str, how: Act) -> String {
        let number = self.started.values().map(Vec::len).sum::<usize>() + 1;
        let id = format!("run-{number}-of-{date}");
        let mut asked = json!({"pipeline": PIPELINE, "date": date});
        if how == Act::StartFresh {
            asked["fresh"] = true.into();
        }
        if how == Act::StartChanged {
            asked["changed"] = true.into();
        }
        self.shared().tell("user", &format!("starts {id}: {how:?}"));
        self.started.entry(date.to_owned()).or_default().push(id.clone());
        self.world.start(&id, asked);
        id
    }

    pub async fn does(&mut self, act: Act) {
        let date = self.shared().draw(|c| c.pick(&self.dates).clone());
        self.shared().tell("user", &format!("{act:?} {date}"));
        let files: Vec<String> = lock(&self.shared().watch).present(&date).into_keys().collect();
        match act {
            Act::Start | Act::StartFresh | Act::StartChanged => drop(self.start(&date, act)),
            Act::Stop => {
                if let Some(id) = self.newest(&date) {
                    self.world.book.abort(id);
                }
            }
            Act::Restart => {
                if let Some(id) = self.newest(&date) {
                    self.world.book.abort(id);
                }
                self.shared().pass(self.shared().draw(|c| c.between(100, 15_000))).await;
                self.start(&date, Act::Start);
            }
            Act::Edit => {
                self.definition = self.shared().draw(|c| self.definition.edited(c));
                self.edits += 1;
                self.deploy().await;
            }
            Act::Overwrite => {
                let (name, is_bad) = self.shared().draw(|c| (c.pick(&files).clone(), c.permille(150)));
                self.write_input(&date, &name, is_bad).await;
            }
            Act::Add => {
                let number = lock(&self.shared().watch).inputs.get(&date).map_or(0, BTreeMap::len);
                self.write_input(&date, &format!("{number}.csv"), false).await;
            }
            Act::Remove if files.len() > 1 => {
                let name = self.shared().draw(|c| c.pick(&files).clone());
                self.remove_input(&date, &name).await;
            }
            Act::Remove => {}
            Act::Collect => self.collect().await,
            Act::Expire => self.expire().await,
            Act::Damage => self.damage().await,
        }
    }

    async fn collect(&self) {
        let ctx = self.world.ctx(&self.line.actor, 900_000);
        if let Err(e) = gc::collect(&ctx, true, |_, is_owned| !is_owned).await {
            self.shared().tell("user", &format!("gc fails: {} {}", e.error, e.cause));
        }
    }

    async fn damage(&mut self) {
        let scratch = format!("{STATE}/scratch/");
        let all: Vec<String> = lock(&self.shared().objects).below(&scratch).map(|(uri, _)| uri.clone()).collect();
        if all.is_empty() {
            return;
        }
        let gone = self.shared().draw(|c| c.pick(&all).clone());
        lock(&self.shared().watch).has_expired = true;
        self.shared().tell("somebody", &format!("removes {gone}"));
        lock(&self.shared().objects).remove(&gone);
        if let Some(last) = self.definition.steps.last_mut() {
            last.factor += 1;
        }
        self.deploy().await;
    }

    /// Sixteen days later; the bucket's lifecycle has removed what was old.
    async fn expire(&self) {
        self.shared().pass(16 * 86_400_000).await;
        let old_ms = self.shared().now_ms().saturating_sub(SCRATCH_SECS * 1_000);
        let old: Vec<String> = {
            let objects = lock(&self.shared().objects);
            let scratch = format!("{STATE}/scratch/");
            objects
                .below(&scratch)
                .filter(|(_, found)| found.modified_ms < old_ms)
                .map(|(uri, _)| uri.clone())
                .collect()
        };
        lock(&self.shared().watch).has_expired |= !old.is_empty();
        self.shared().tell("lifecycle", &format!("{} scratch files expire", old.len()));
        old.iter().for_each(|uri| lock(&self.shared().objects).remove(uri));
    }
}
