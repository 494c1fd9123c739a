//! The parts of a smoke test, one after another: each makes what it needs, lets it run and returns what it saw. Whatever stands
//! in the way of one is its fact; the next is tried all the same.

use super::Smoke;
use super::interrupt::{Interruption, RIGHTS};
use super::judge::{Facts, RunSeen};
use super::pipelines::{self, AT, BAD, ROWS, STEP};
use super::plan::{self, Part};
use super::watch::{Began, Left, PAUSE};
use crate::answers::of_store;
use crate::aws::names;
use crate::exit::{Code, Stop};
use crate::local::world::settings;
use spotmill_core::calls::RunInput;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::Foreseen;
use spotmill_lambdas::{Program, deploy};
use spotmill_platform::aws::stacks::AwsError;
use spotmill_spec::{self as spec, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Seconds that the long item of `shrink` takes, and each item of `interruption`.
const LONG_SECS: u64 = 150;
const ITEM_SECS: u64 = 30;
/// Starts whose answer is lost, one after another.
const STARTS: u32 = 5;
/// What a row takes where it was not measured: on a machine of today.
pub const ROW_MS: f64 = 35.0;

fn blocked(why: impl Into<String>, remedy: impl Into<String>) -> Facts {
    Facts::Blocked { why: why.into(), remedy: remedy.into() }
}

impl Smoke<'_> {
    /// An error of one part is its fact.
    pub async fn try_part(&mut self, part: Part) -> Facts {
        if let Some(why) = plan::over(part, self.spent_before, self.args.limit) {
            return blocked(why, "raise it: --limit");
        }
        self.part_began = Instant::now();
        self.part(part).await.unwrap_or_else(|stop| {
            let remedy = stop.remedy.unwrap_or_else(|| format!("try this part again: --only {}", part.name()));
            blocked(stop.message, remedy)
        })
    }

    async fn part(&mut self, part: Part) -> Result<Facts, Stop> {
        match part {
            Part::X86 | Part::Arm => self.item(part).await,
            Part::Restart => self.restart().await,
            Part::Redrive => self.redrive().await,
            Part::OnDemand => self.plain(part, &[("a", ROWS)]).await,
            Part::Shrink => {
                let long = plan::rows(LONG_SECS, self.row_ms);
                self.plain(part, &[("a", long), ("b", ROWS), ("c", ROWS), ("d", ROWS), ("e", ROWS), ("f", ROWS)]).await
            }
            Part::Interruption => self.interruption().await,
            Part::Mail => self.mail().await,
        }
    }

    async fn item(&mut self, part: Part) -> Result<Facts, Stop> {
        if !self.worker.programs.contains_key(part.name()) {
            let why = format!("no worker for {} is deployed", part.name());
            return Ok(blocked(why, "deploy with a worker for it: `worker build` makes one, and a release has one"));
        }
        self.put(part, &[("a", ROWS)]).await?;
        let began = self.begin(part).await?;
        let left = self.ended(part, &began, 0, None).await?;
        if left.cpu_ms > 0 {
            self.row_ms = left.cpu_ms as f64 / ROWS as f64;
        }
        if left.seen.status == "SUCCEEDED" {
            self.first = Some((began, left.seen.clone()));
        }
        Ok(Facts::Run { run: left.seen })
    }

    async fn plain(&mut self, part: Part, files: &[(&str, usize)]) -> Result<Facts, Stop> {
        self.put(part, files).await?;
        let began = self.begin(part).await?;
        Ok(Facts::Run { run: self.ended(part, &began, 0, None).await?.seen })
    }

    async fn restart(&mut self) -> Result<Facts, Stop> {
        let Some((began, first)) = self.first.clone() else {
            return Ok(blocked("no item succeeded that could be started again", "see `x86_64` and `aarch64`"));
        };
        let before = self.receipts(&began.run).await?;
        // As the console does it: the same input, under any name.
        let id = self.start(&began.run, &began.input).await?;
        let second = self.ended(Part::Restart, &Began { id, ..began.clone() }, 0, None).await?.seen;
        self.twice(&began.run, &before, first, second).await
    }

    async fn redrive(&mut self) -> Result<Facts, Stop> {
        self.put(Part::Redrive, &[("a", ROWS)]).await?;
        self.write(Part::Redrive, "b", BAD).await?;
        let began = self.begin(Part::Redrive).await?;
        let Left { seen: first, redrives, .. } = self.ended(Part::Redrive, &began, 0, None).await?;
        self.failed |= first.status == "FAILED";
        let before = self.receipts(&began.run).await?;
        self.put(Part::Redrive, &[("b", 1)]).await?;
        if let Err(e) = self.world.runs.redrive(&began.id).await {
            let why = format!("first {}: {}; {e}", first.status, first.error);
            return Ok(blocked(why, "states:RedriveExecution is in infra/people/run.json; an emulator may lack it"));
        }
        let second = self.ended(Part::Redrive, &began, redrives + 1, None).await?.seen;
        self.twice(&began.run, &before, first, second).await
    }

    async fn twice(
        &self,
        run: &RunId,
        before: &BTreeMap<String, String>,
        first: RunSeen,
        second: RunSeen,
    ) -> Result<Facts, Stop> {
        let after = self.receipts(run).await?;
        let kept = before.iter().all(|(key, etag)| after.get(key) == Some(etag));
        let new = after.keys().filter(|key| !before.contains_key(*key)).collect::<BTreeSet<_>>().len();
        Ok(Facts::Twice { first, second, kept, new_receipts: new as u32 })
    }

    async fn interruption(&mut self) -> Result<Facts, Stop> {
        if self.args.fault_role.is_none() {
            let remedy = format!("make the role, and give it: --fault-role ARN; {RIGHTS}");
            return Ok(blocked("no role for Fault Injection Service was given", remedy));
        }
        let rows = plan::rows(ITEM_SECS, self.row_ms);
        self.put(Part::Interruption, &["a", "b", "c", "d", "e"].map(|name| (name, rows))).await?;
        let began = self.begin(Part::Interruption).await?;
        let mut interruption = Interruption::default();
        let left = self.ended(Part::Interruption, &began, 0, Some(&mut interruption)).await?;
        Ok(match interruption.obstacle(left.seen.noticed) {
            Some((why, remedy)) => blocked(why, remedy),
            None => Facts::Run { run: left.seen },
        })
    }

    async fn mail(&mut self) -> Result<Facts, Stop> {
        let topic = self.world.now.outputs.get("NotifyTopic").cloned().unwrap_or_default();
        let found = self.world.aws.topics().subscriptions(&topic).await?;
        let by_mail: Vec<_> = found.into_iter().filter(|s| s.protocol.starts_with("email")).collect();
        let confirmed = by_mail.iter().filter(|s| s.confirmed).count() as u32;
        Ok(Facts::Mail { failed: self.failed, email: by_mail.len() as u32, confirmed, seen: None })
    }

    /// Deploys the part's pipeline and starts a run of it.
    async fn begin(&self, part: Part) -> Result<Began, Stop> {
        let (root, store) = (self.world.root(), &*self.world.ctx.store);
        let toml = pipelines::toml(root, part).unwrap_or_default();
        let sources = Sources { path: "pipeline.toml".to_owned(), toml, ..Sources::default() };
        let parsed = spec::parse_own(&sources).map_err(|problems| {
            let all: Vec<String> = problems.iter().map(|problem| problem.title.clone()).collect();
            Stop::new(Code::Invalid, format!("the pipeline of {} is invalid: {}", part.name(), all.join("; ")))
        })?;
        let (name, frozen) = (&parsed.pipeline.name, spec::freeze(&parsed.pipeline));
        let now = self.world.ctx.clock.now_ms();
        deploy::deploy(store, root, name, (&frozen, &Foreseen::default()), self.worker.clone(), now).await?;
        let input = RunInput {
            pipeline: name.clone(),
            params: BTreeMap::from([(AT.to_owned(), self.at.clone().into())]),
            target: Some(self.global.target().to_owned()),
            ..RunInput::default()
        };
        let program = Program::new(frozen.as_bytes(), &input, &settings(self.global)?).map_err(Stop::from)?;
        let (run, input) = (program.run_id(), serde_json::to_string(&input).unwrap_or_default());
        let id = self.start(&run, &input).await?;
        Ok(Began { run, id, input })
    }

    /// A start whose answer is lost is repeated under the same name, which is the same execution.
    async fn start(&self, run: &RunId, input: &str) -> Result<ExecutionId, Stop> {
        let name = names::execution(run, self.world.ctx.clock.now_ms());
        for _ in 1..STARTS {
            match self.world.runs.start(&self.world.start, &name, input).await {
                Err(AwsError::Transient { .. }) => tokio::time::sleep(PAUSE).await,
                answer => return Ok(answer?),
            }
        }
        Ok(self.world.runs.start(&self.world.start, &name, input).await?)
    }

    /// Waits for its end; what its machines cost counts from now on. A cost that cannot be read counts as the most there may be.
    async fn ended(
        &mut self,
        part: Part,
        began: &Began,
        redrives: u32,
        interruption: Option<&mut Interruption>,
    ) -> Result<Left, Stop> {
        // A second execution's run has cost something before, which must not count twice.
        let before = self.counted.remove(&began.run).unwrap_or(0.0);
        self.spent_before -= before;
        let left = self.follow(part, began, redrives, interruption).await;
        let cost = self.spent(&began.run).await.unwrap_or(before + part.most_usd());
        self.counted.insert(began.run.clone(), cost);
        self.spent_before += cost;
        left
    }

    async fn put(&self, part: Part, files: &[(&str, usize)]) -> Result<(), Stop> {
        for (name, rows) in files {
            self.write(part, name, &pipelines::rows(*rows)).await?;
        }
        Ok(())
    }

    async fn write(&self, part: Part, name: &str, text: &str) -> Result<(), Stop> {
        let uri = pipelines::input(self.world.root(), &self.at, part).join(&format!("{name}.csv"));
        self.world.ctx.store.put(&uri, text.as_bytes()).await.map_err(of_store)
    }

    /// Keys and ETags.
    async fn receipts(&self, run: &RunId) -> Result<BTreeMap<String, String>, Stop> {
        let base = RunKeys::new(self.world.root(), run).base().join(STEP);
        let found = self.world.ctx.store.list(&base).await.map_err(of_store)?;
        let receipts = found.into_iter().filter(|object| object.uri.as_str().contains("/receipts/"));
        Ok(receipts.map(|object| (object.uri.to_string(), object.etag)).collect())
    }
}
