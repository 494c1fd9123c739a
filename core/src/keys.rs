//! Every key under the state root; no other module builds or parses keys. A key is relative to the root
//! (`.spotmill/` on one machine, the bucket on AWS); `scratch/` is apart from `runs/` so that a lifecycle rule can
//! expire it.

use crate::bounds::MAX_ROUNDS;
use crate::ids::{AttemptId, Epoch, ExecutionId, Generation, ItemIndex, Round, RunId, StepName, Uri};

/// Keys of one run.
#[derive(Clone, Debug)]
pub struct RunKeys {
    pub root: Uri,
    pub run: RunId,
}

/// Keys of one generation of a step.
#[derive(Clone, Debug)]
pub struct StepKeys {
    pub run: RunKeys,
    pub step: StepName,
    pub generation: Generation,
}

/// The record of what a start of pipeline `name` runs.
pub fn deployed(root: &Uri, name: &str) -> Uri {
    root.join(&format!("pipelines/{name}.json"))
}

/// A frozen pipeline that a deploy made, named by its content.
pub fn deployed_pipeline(root: &Uri, name: &str, digest: &str) -> Uri {
    root.join(&format!("pipelines/{name}/{digest}.toml"))
}

/// The columns that were foreseen of a deployed definition, beside its pipeline.
pub fn deployed_columns(root: &Uri, name: &str, definition: &str) -> Uri {
    root.join(&format!("pipelines/{name}/{definition}.columns.json"))
}

/// The name of a deployed pipeline's record; nothing for what else is under `pipelines/`.
pub fn deployed_name<'u>(root: &Uri, key: &'u Uri) -> Option<&'u str> {
    let name = key.as_str().strip_prefix(pipelines(root).as_str())?.strip_suffix(".json")?;
    (!name.contains('/')).then_some(name)
}

/// A worker program that machines fetch, named by its sha256.
pub fn worker(root: &Uri, sha256: &str) -> Uri {
    root.join(&format!("workers/{sha256}/spotmill-worker"))
}

/// What a worker program needs of a machine (`WorkerNeeds`), beside it.
pub fn worker_needs(root: &Uri, sha256: &str) -> Uri {
    root.join(&format!("workers/{sha256}/needs.json"))
}

/// The columns that a step's undeclared files were first found to have.
pub fn types(root: &Uri, pipeline: &str, step: &str) -> Uri {
    root.join(&format!("types/{pipeline}/{step}.json"))
}

/// What the keys of deployed pipelines begin with.
pub fn pipelines(root: &Uri) -> Uri {
    root.join("pipelines/")
}

/// What the names of all pipelines of smoke tests begin with. No other pipeline may have such a name: all of it is removed.
pub const SMOKE_PIPELINES: &str = "spotmill_smoke_";

/// The record of a smoke test that has begun, and has not removed all that it made.
pub fn smoke(root: &Uri, at: &str) -> Uri {
    smokes(root).join(&format!("{at}.json"))
}

/// The folder of these records.
pub fn smokes(root: &Uri) -> Uri {
    root.join("smoke/")
}

/// What everything of pipelines begins with whose names begin so, wherever a pipeline's name comes first.
pub fn all_of_pipelines(root: &Uri, prefix: &str) -> [Uri; 5] {
    ["pipelines", "runs", "scratch", "history", "types"].map(|place| root.join(&format!("{place}/{prefix}")))
}

/// What the last runs of a pipeline measured (`History`).
pub fn history(root: &Uri, pipeline: &str) -> Uri {
    root.join(&format!("history/{pipeline}.json"))
}

/// How the last runs of each pipeline ended, and the list of their pages.
pub fn ends(root: &Uri) -> Uri {
    root.join("reports/ends.json")
}

pub fn index(root: &Uri) -> Uri {
    root.join("reports/index.html")
}

/// What each fleet of the stack was granted (`Capacity`), where the stack has a limit.
pub fn capacity(root: &Uri) -> Uri {
    root.join("capacity.json")
}

/// The record that the process of an execution renews, where machines share the state.
pub fn present(root: &Uri, execution: &ExecutionId) -> Uri {
    root.join("present").join(&execution.as_str().replace([':', '/'], "-"))
}

/// The folder of what was found of buckets that runs write to.
pub fn buckets(root: &Uri) -> Uri {
    root.join("buckets")
}

/// There once the bucket was found to keep conditional writes.
pub fn bucket_tried(root: &Uri, bucket: &str) -> Uri {
    buckets(root).join(bucket)
}

pub fn runs(root: &Uri) -> Uri {
    root.join("runs")
}

impl RunKeys {
    pub fn new(root: &Uri, run: &RunId) -> Self {
        Self { root: root.clone(), run: run.clone() }
    }
    pub fn base(&self) -> Uri {
        self.root.join(&format!("runs/{}", self.run))
    }
    pub fn lease(&self) -> Uri {
        self.base().join("lease.json")
    }
    pub fn pipeline(&self, digest: &str) -> Uri {
        self.base().join(&format!("pipeline-{digest}.toml"))
    }
    /// The columns that were foreseen of the definition that the run began with.
    pub fn columns(&self, definition: &str) -> Uri {
        self.base().join(&format!("columns-{definition}.json"))
    }
    pub fn report(&self) -> Uri {
        self.base().join("report.json")
    }
    /// The run's page, and what it says as JSON.
    pub fn page(&self) -> Uri {
        self.base().join("report.html")
    }
    pub fn page_data(&self) -> Uri {
        self.base().join("report-page.json")
    }
    /// The run's lineage events, one a line.
    pub fn lineage_events(&self) -> Uri {
        self.base().join("openlineage.ndjson")
    }
    /// How the run's input stood when it was last checked.
    pub fn waiting(&self) -> Uri {
        self.base().join("waiting.json")
    }
    pub fn ended(&self) -> Uri {
        self.base().join("ended.json")
    }
    /// The round that a fleet's name stands for, searched from the newest down.
    pub fn find_round(
        &self,
        step: &StepName,
        newest: (Generation, Epoch),
        name: &str,
    ) -> Option<(StepKeys, Epoch, Round)> {
        let generations = (1..=newest.0).rev().map(|generation| self.step(step, generation));
        let epochs = generations.flat_map(|keys| (1..=newest.1).rev().map(move |epoch| (keys.clone(), epoch)));
        let mut rounds =
            epochs.flat_map(|(keys, epoch)| (0..MAX_ROUNDS).map(move |round| (keys.clone(), epoch, round)));
        rounds.find(|(keys, epoch, round)| keys.round_name(*epoch, *round) == name)
    }
    pub fn step(&self, step: &StepName, generation: Generation) -> StepKeys {
        StepKeys { run: self.clone(), step: step.clone(), generation }
    }
}

impl StepKeys {
    pub fn base(&self) -> Uri {
        self.run.base().join(&format!("{}/g{}", self.step, self.generation))
    }
    pub fn plan(&self) -> Uri {
        self.base().join("plan.json")
    }
    pub fn tables(&self) -> Uri {
        self.base().join("tables.json")
    }
    pub fn work(&self, digest: &str) -> Uri {
        self.base().join(&format!("work-{digest}.ndjson"))
    }
    pub fn receipts(&self) -> Uri {
        self.base().join("receipts")
    }
    pub fn receipt(&self, item: ItemIndex) -> Uri {
        self.receipts().join(&format!("{item:07}.json"))
    }
    /// What the keys of the receipts of `items` items begin with, in parts of at most ten thousand.
    pub fn receipt_prefixes(&self, items: u32) -> Vec<Uri> {
        in_parts(&self.receipts(), items)
    }
    /// The same of an epoch's failures.
    pub fn failure_prefixes(&self, epoch: Epoch, items: u32) -> Vec<Uri> {
        in_parts(&self.failures(epoch), items)
    }
    pub fn seal(&self) -> Uri {
        self.base().join("sealed.json")
    }
    pub fn sealed_files(&self, digest: &str) -> Uri {
        self.base().join(&format!("sealed/files-{digest}.ndjson"))
    }
    pub fn manifest(&self) -> Uri {
        self.base().join("manifest.json")
    }
    pub fn after_publish(&self) -> Uri {
        self.base().join("after.json")
    }
    pub fn glue_table(&self) -> Uri {
        self.base().join("glue.json")
    }
    pub fn epoch(&self, epoch: Epoch) -> Uri {
        self.base().join(&format!("e{epoch}"))
    }
    pub fn tally(&self, epoch: Epoch) -> Uri {
        self.epoch(epoch).join("tally.json")
    }
    /// Names a round's fleet and its queue.
    pub fn round_name(&self, epoch: Epoch, round: Round) -> String {
        let text = format!("{}\n{}\n{}\n{epoch}\n{round}", self.run.run, self.step, self.generation);
        crate::digest::short(text.as_bytes(), 32)
    }
    pub fn fleet(&self, epoch: Epoch, round: Round) -> Uri {
        self.epoch(epoch).join(&format!("fleet-{round}.json"))
    }
    /// Beside the fleet's record once the fleet and its queue are gone.
    pub fn fleet_ended(&self, epoch: Epoch, round: Round) -> Uri {
        self.epoch(epoch).join(&format!("ended-{round}.json"))
    }
    /// The machines of a round, as they were seen.
    pub fn machines(&self, epoch: Epoch, round: Round) -> Uri {
        self.epoch(epoch).join(&format!("machines-{round}.json"))
    }
    pub fn pins(&self, epoch: Epoch) -> Uri {
        self.epoch(epoch).join("pins.json")
    }
    /// What PlanWork of the epoch decided of the items.
    pub fn decisions(&self, epoch: Epoch) -> Uri {
        self.epoch(epoch).join("decisions.json")
    }
    pub fn verdict(&self, epoch: Epoch, round: Round) -> Uri {
        self.epoch(epoch).join(&format!("verdict-{round}.json"))
    }
    /// What every epoch's key begins with.
    pub fn epochs(&self) -> Uri {
        self.base().join("e")
    }
    pub fn failures(&self, epoch: Epoch) -> Uri {
        self.epoch(epoch).join("failures")
    }
    pub fn failure(&self, epoch: Epoch, item: ItemIndex, attempt: &AttemptId) -> Uri {
        self.failures(epoch).join(&format!("{item:07}-{attempt}.json"))
    }
    /// Where machines record their lives.
    pub fn instances(&self, epoch: Epoch) -> Uri {
        self.epoch(epoch).join("instances")
    }
    /// Prefix of the marks of an item's isolated attempts.
    pub fn isolated(&self, epoch: Epoch, item: ItemIndex) -> Uri {
        self.epoch(epoch).join(&format!("alone/{item:07}-"))
    }
    pub fn began_isolated(&self, epoch: Epoch, item: ItemIndex, attempt: &AttemptId) -> Uri {
        self.epoch(epoch).join(&format!("alone/{item:07}-{attempt}.json"))
    }
    /// Prefix of everything this generation's attempts write.
    pub fn scratch_base(&self) -> Uri {
        self.run.root.join(&format!("scratch/{}/{}/g{}", self.run.run, self.step, self.generation))
    }
    /// What the step's own files are of every run, for people: no key.
    pub fn all_runs_scratch(&self) -> Uri {
        self.run.root.join(&format!("scratch/{}/{{key}}/{}", self.run.run.pipeline(), self.step))
    }
    /// Prefix of everything the step's attempts write, of all generations.
    pub fn all_scratch(&self) -> Uri {
        self.run.root.join(&format!("scratch/{}/{}", self.run.run, self.step))
    }
    /// Where a file or folder of one of the step's attempts is now: records name it as it was when it was written, and
    /// the root may have moved since. Nothing if it is not the step's own.
    pub fn own_scratch(&self, recorded: &Uri) -> Option<Uri> {
        let marker = format!("/scratch/{}/{}/", self.run.run, self.step);
        let at = recorded.as_str().rfind(&marker)? + marker.len();
        let tail = &recorded.as_str()[at..];
        let (generation, _) = attempt_in(tail)?;
        let plain = tail.split('/').all(|name| !matches!(name, "" | "." | ".."));
        ((1..=self.generation).contains(&generation) && plain).then(|| self.all_scratch().join(tail))
    }
    /// Where a receipt's attempt wrote, now: its own folder and no other's. Of an earlier generation the attempt alone is
    /// told apart: a receipt that was carried over may be another item's of today's plan.
    pub fn own_attempt(&self, item: ItemIndex, attempt: &AttemptId, recorded: &Uri) -> Option<Uri> {
        let own = self.own_scratch(recorded)?;
        let tail = own.as_str().strip_prefix(self.all_scratch().join("").as_str())?;
        let (generation, folder) = attempt_in(tail)?;
        let (_, id) = folder.split_once('-')?;
        let whole = tail.split('/').count() == 2 && id == attempt.as_str();
        (whole && (generation < self.generation || own == self.scratch(item, attempt))).then_some(own)
    }
    /// Prefix of everything one attempt writes.
    pub fn scratch(&self, item: ItemIndex, attempt: &AttemptId) -> Uri {
        self.scratch_base().join(&format!("{item:07}-{attempt}"))
    }
}

/// The generation and the attempt's folder of what lies below a step's scratch area: `g{n}/{item}-{attempt}/…`; nothing
/// of what is not laid out like an attempt.
fn attempt_in(tail: &str) -> Option<(Generation, &str)> {
    let mut names = tail.split('/');
    let generation = names.next()?.strip_prefix('g')?.parse().ok()?;
    let attempt = names.next()?;
    let (item, id) = attempt.split_once('-')?;
    let laid_out = item.len() >= 7 && item.chars().all(|c| c.is_ascii_digit()) && !id.is_empty();
    laid_out.then_some((generation, attempt))
}

/// Whose a file in the scratch area is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempted {
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    /// The attempt's folder.
    pub folder: Uri,
}

/// Of a file, not of a folder: `{root}/scratch/{pipeline}/{key}/{step}/g{n}/{item}-{attempt}/…`; nothing of what is not
/// laid out like one.
pub fn attempted(root: &Uri, file: &Uri) -> Option<Attempted> {
    let prefix = root.join("scratch/");
    let (pipeline, rest) = file.as_str().strip_prefix(prefix.as_str())?.split_once('/')?;
    let (key, rest) = rest.split_once('/')?;
    let (step, tail) = rest.split_once('/')?;
    let (generation, attempt) = attempt_in(tail)?;
    let keys = RunKeys::new(root, &RunId::new(format!("{pipeline}/{key}"))).step(&StepName::new(step), generation);
    let folder = keys.scratch_base().join(attempt);
    let is_file = file.as_str().len() > folder.as_str().len() + 1;
    is_file.then_some(Attempted { run: keys.run.run, step: keys.step, generation, folder })
}

/// The run that a lease's key names; nothing of other keys.
pub fn leased_run(root: &Uri, key: &Uri) -> Option<RunId> {
    let run = key.as_str().strip_prefix(runs(root).join("").as_str())?.strip_suffix("/lease.json")?;
    Some(RunId::new(run))
}

/// The item a receipt's key names.
pub fn receipt_item(key: &Uri) -> Option<ItemIndex> {
    file_name(key).strip_suffix(".json")?.parse().ok()
}

/// The item and attempt a failure's key names.
pub fn failure_item(key: &Uri) -> Option<(ItemIndex, AttemptId)> {
    let (item, attempt) = file_name(key).strip_suffix(".json")?.split_once('-')?;
    Some((item.parse().ok()?, AttemptId::new(attempt)))
}

/// The record of a machine's life.
pub fn instance(instances: &Uri, id: &str) -> Uri {
    instances.join(&format!("{id}.json"))
}

/// The attempt that the mark of an isolated attempt names.
pub fn isolated_attempt(key: &Uri) -> Option<AttemptId> {
    failure_item(key).map(|(_, attempt)| attempt)
}

/// The round of a fleet's record (`e{epoch}/fleet-{round}.json`) or of its ended mark, with the epoch and whether it is
/// the mark.
pub fn fleet_round(key: &Uri) -> Option<(Epoch, Round, bool)> {
    let (folder, _) = key.as_str().rsplit_once('/')?;
    let epoch = folder.rsplit('/').next()?.strip_prefix('e')?.parse().ok()?;
    let name = file_name(key).strip_suffix(".json")?;
    let (round, ended) = match name.strip_prefix("fleet-") {
        Some(round) => (round, false),
        None => (name.strip_prefix("ended-")?, true),
    };
    Some((epoch, round.parse().ok()?, ended))
}

/// Is it the record of a round's machines (`e{epoch}/machines-{round}.json`)?
pub fn is_machines(key: &Uri) -> bool {
    let name = file_name(key).strip_suffix(".json").and_then(|name| name.strip_prefix("machines-"));
    name.is_some_and(|round| round.parse::<Round>().is_ok())
}

fn file_name(key: &Uri) -> &str {
    key.as_str().rsplit('/').next().unwrap_or_default()
}

/// A folder whose names begin with the item, of seven digits.
fn in_parts(folder: &Uri, items: u32) -> Vec<Uri> {
    let part = |part: u32| folder.join(&format!("{part:03}"));
    if items <= 10_000 { vec![folder.join("")] } else { (0..items.div_ceil(10_000)).map(part).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_laid_out_like_an_attempt_is_one() {
        let root = Uri::from("/p/.spotmill");
        let of = |tail: &str| attempted(&root, &root.join(tail));
        let found = of("scratch/p/2024-03-10/a/g2/0000000-x/k=1/00000.parquet");
        let expected = Attempted {
            run: "p/2024-03-10".into(),
            step: "a".into(),
            generation: 2,
            folder: "/p/.spotmill/scratch/p/2024-03-10/a/g2/0000000-x".into(),
        };
        assert_eq!(found, Some(expected));
        for other in [
            "scratch/mine.txt",
            "runs/p/2024-03-10/a/g1/0000000-x/f",
            "scratch/p/d/a/g/0000000-x/f",
            "scratch/p/d/a/g1/notes/f",
            "scratch/p/d/a/g1/0000000-x",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_receipt_names_only_its_own_attempts_folder() {
        let keys = RunKeys::new(&Uri::from("/new/.spotmill"), &"p/d".into()).step(&"a".into(), 2);
        let own = |folder: &str| {
            let recorded = Uri::from("/old/.spotmill/scratch/p/d/a").join(folder);
            keys.own_attempt(3, &"x".into(), &recorded).is_some()
        };
        // Carried over, it may have been another item.
        for folder in ["g2/0000003-x", "g1/0000003-x", "g1/0000004-x"] {
            assert!(own(folder), "{folder}");
        }
        for folder in ["g2/0000004-x", "g2/0000003-y", "g1/0000003-y", "g2/0000003-x/k=1", "g2/3-x", "g3/0000003-x"] {
            assert!(!own(folder), "{folder}");
        }
    }

    #[test]
    fn a_record_names_only_what_is_its_steps_own() {
        let keys = RunKeys::new(&Uri::from("/new/.spotmill"), &"p/d".into()).step(&"a".into(), 2);
        let own = |uri: &str| keys.own_scratch(&Uri::from(uri)).map(|u| u.0);
        let there = "/old/.spotmill/scratch/p/d/a/g1/0000000-x/f";
        assert_eq!(own(there).as_deref(), Some("/new/.spotmill/scratch/p/d/a/g1/0000000-x/f"));
        for foreign in [
            "/old/.spotmill/scratch/p/d/b/g1/0000000-x/f",
            "/old/.spotmill/scratch/p/d/a/g3/0000000-x/f",
            "/old/.spotmill/scratch/p/d/a/g1/x/f",
            "/old/.spotmill/scratch/p/d/a/g1/0000000-x/../f",
        ] {
            assert_eq!(own(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn runs_are_named_by_their_leases() {
        let root = Uri::from("s3://b");
        let of = |key: &str| leased_run(&root, &root.join(key)).map(|run| run.0);
        assert_eq!(of("runs/p/2024-03-10/lease.json").as_deref(), Some("p/2024-03-10"));
        assert_eq!(of("runs/p/2024-03-10/report.json"), None);
        assert_eq!(of("pipelines/p/lease.json"), None);
    }
}
