//! The watch: what must hold after every step. It sees every write, every message, every child and every end, keeps of
//! them what its predicates need, and never draws a conclusion for the product. `INVARIANTS` is the list that
//! `docs/semantics.md` explains.

mod ends;
mod items;
mod leases;
mod published;
mod records;

pub use ends::{at_rest, execution_ended, failed, finished, waited};
pub use items::{begun, children, ends, sent};
pub use leases::lease_read;

use crate::line::Actor;
use crate::model::{Definition, Inputs, LAKE, STATE};
use crate::objects::Stored;
use crate::shared::{Shared, lock};
use items::Items;
use leases::Leases;
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
    late: BTreeSet<String>,
    pub broken: Vec<Broken>,
    pub checks: u64,
    items: Items,
    leases: Leases,
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

/// Something was written, or removed, or an attempt at it changed nothing.
pub fn written(shared: &Shared, actor: &Actor, uri: &str, before: Option<&Stored>) {
    let after = lock(&shared.objects).get(uri).cloned();
    let is_same = match (before, &after) {
        (Some(before), Some(after)) => before.etag == after.etag,
        (None, None) => true,
        _ => false,
    };
    lock(&shared.watch).checks += 1;
    let is_stranger = lock(&shared.watch).strangers.contains_key(uri);
    if is_stranger && actor.kind != "user" {
        shared.broken("strangers-untouched", format!("{} wrote or removed {uri}", actor.name));
    }
    if is_same {
        return;
    }
    if uri.starts_with(STATE) {
        records::check(shared, actor, uri, before, after.as_ref());
        leases::check(shared, actor, uri, after.as_ref());
    }
    if uri.starts_with(&format!("{LAKE}/out/")) {
        leases::check(shared, actor, uri, after.as_ref());
        published::check(shared, uri, after.as_ref());
    }
}
