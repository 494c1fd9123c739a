//! What the watch keeps of what it saw, and the list of invariants.

use crate::fate::Fate;
use crate::model::{Definition, Inputs};
use std::collections::{BTreeMap, BTreeSet};

/// Each by its id.
pub const INVARIANTS: [&str; 18] = [
    "one-receipt",
    "inputs-as-pinned",
    "mark-is-true",
    "mark-is-complete",
    "strangers-untouched",
    "rows-add-up",
    "every-run-ends",
    "nothing-lives-on",
    "failed-items-are-named",
    "only-what-is-missing",
    "lost-is-not-failed",
    "fenced-is-silent",
    "epochs-rise",
    "taken-from-the-ended",
    "records-are-sound",
    "no-panic",
    "calm-runs-succeed",
    "calm-is-prompt",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub id: &'static str,
    pub what: String,
}

pub struct Watch {
    /// Whatever was deployed, ever.
    pub definitions: Vec<Definition>,
    /// Every version of every input file, by date and name; what is removed stays here.
    pub inputs: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Whether inputs were added, overwritten or removed after the first start.
    pub inputs_changed: BTreeSet<String>,
    /// Files of others, which nobody may touch.
    pub strangers: BTreeMap<String, String>,
    /// Scratch files went, as its expiry has it.
    pub has_expired: bool,
    /// When faults stopped, and what they left had time to come.
    pub calm_ms: Option<u64>,
    /// Published files that were copied when it was no longer their publisher's turn, or not yet.
    pub late: BTreeSet<String>,
    pub broken: Vec<Broken>,
    pub checks: u64,
    pub items: Items,
    pub leases: Leases,
}

impl Watch {
    pub fn new(definition: Definition) -> Watch {
        Watch {
            definitions: vec![definition],
            inputs: BTreeMap::new(),
            inputs_changed: BTreeSet::new(),
            strangers: BTreeMap::new(),
            has_expired: false,
            calm_ms: None,
            late: BTreeSet::new(),
            broken: Vec::new(),
            checks: 0,
            items: Items::default(),
            leases: Leases::default(),
        }
    }

    pub fn broken(&mut self, id: &'static str, what: String) {
        debug_assert!(INVARIANTS.contains(&id), "{id}");
        self.broken.push(Broken { id, what });
    }

    pub fn present(&self, date: &str) -> Inputs {
        let of_date = self.inputs.get(date).into_iter().flatten();
        of_date
            .filter_map(|(name, all)| all.last().filter(|t| !t.is_empty()).map(|t| (name.clone(), t.clone())))
            .collect()
    }
}

/// Run, step, generation, item.
pub type ItemKey = (String, String, u32, u32);

#[derive(Default)]
pub struct Items {
    pub scripts: BTreeMap<ItemKey, Script>,
    /// Attempts whose inputs were others before their children ended.
    pub stale: BTreeSet<String>,
    /// Of which an input was another than it had been pinned.
    pub changed: BTreeSet<ItemKey>,
    /// Receipts that stood when an epoch began.
    pub stood: BTreeMap<(String, u64), BTreeSet<String>>,
    /// Children that began, ever.
    pub begun: u64,
}

pub struct Script {
    pub fate: Fate,
    /// Attempts that end so; then it is done.
    pub left: u64,
    /// Memory below which it fails for want of it.
    pub needs: u64,
    /// What the last attempt read holds a line that no step can read.
    pub is_bad: bool,
    /// It was to fail at first.
    pub is_flaky: bool,
}

impl Items {
    pub fn script(&self, key: &ItemKey) -> Option<&Script> {
        self.scripts.get(key)
    }

    pub fn changed(&mut self, key: ItemKey) {
        self.changed.insert(key);
    }

    pub fn is_changed(&self, key: &ItemKey) -> bool {
        self.changed.contains(key)
    }

    /// Items of a generation that cannot be done.
    pub fn bad(&self, run: &str, step: &str, generation: u32) -> BTreeSet<u32> {
        let of = |key: &ItemKey| key.0 == run && key.1 == step && key.2 == generation;
        self.scripts.iter().filter(|(key, script)| of(key) && script.is_bad).map(|(key, _)| key.3).collect()
    }
}

#[derive(Default)]
pub struct Leases {
    /// Who held each run from when on.
    pub owners: BTreeMap<String, Vec<(u64, Option<String>)>>,
    pub epochs: BTreeMap<String, u64>,
    /// The execution of a step that each run's epoch is of.
    pub executions: BTreeMap<String, String>,
    /// Executions that have ended.
    pub ended: BTreeSet<String>,
}
