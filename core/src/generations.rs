//! Which generation each step of a run is in. A new one begins when the step's signature changed, when it was asked
//! for (`fresh`, `from_step`; once per execution), or when its intermediate files have expired; steps that read it
//! follow, because its generation is part of their signatures; the rest is reused.

use crate::ids::ExecutionId;
use crate::records::StepGeneration;
use crate::signature::{Signature, Upstream, changed};
use std::collections::{BTreeMap, BTreeSet};

/// A step as this decision needs it; steps come in the order they run.
pub struct StepShape<'a> {
    pub name: &'a str,
    /// The steps it reads.
    pub upstream: Vec<&'a str>,
}

pub struct Asked<'a> {
    pub fresh: bool,
    pub from_step: Option<&'a str>,
    /// The root execution that asks, and the one whose asking has already taken effect.
    pub root: &'a ExecutionId,
    pub reset_by: Option<&'a ExecutionId>,
    pub accept: &'a BTreeMap<String, Vec<u32>>,
    /// Steps whose files under `scratch/` may be gone.
    pub expired: &'a BTreeSet<String>,
}

impl Asked<'_> {
    /// Does this execution begin something anew that has not been begun for it yet?
    pub fn resets(&self) -> bool {
        (self.fresh || self.from_step.is_some()) && self.reset_by != Some(self.root)
    }
}

/// The generations of all steps; steps no longer in the pipeline keep their entries, so that a number never means
/// two things.
pub fn decide(
    known: &BTreeMap<String, StepGeneration>,
    steps: &[StepShape<'_>],
    asked: &Asked<'_>,
    sign: impl Fn(&str, &BTreeMap<String, Upstream>) -> Signature,
) -> BTreeMap<String, StepGeneration> {
    let mut all = known.clone();
    for step in steps {
        let upstream: BTreeMap<String, Upstream> = step
            .upstream
            .iter()
            .filter_map(|name| {
                let accepted = asked.accept.get(*name).cloned().unwrap_or_default();
                all.get(*name).map(|g| ((*name).to_owned(), Upstream { generation: g.generation, accepted }))
            })
            .collect();
        let signature = sign(step.name, &upstream);
        let next = match known.get(step.name) {
            None => begin(1, signature, "its first run".to_owned()),
            Some(old) => match because(step.name, old, &signature, asked) {
                Some(because) => begin(old.generation + 1, signature, because),
                None => old.clone(),
            },
        };
        all.insert(step.name.to_owned(), next);
    }
    all
}

fn begin(generation: u32, signature: Signature, because: String) -> StepGeneration {
    StepGeneration { generation, signature: signature.digest, parts: signature.parts, because }
}

fn because(name: &str, old: &StepGeneration, new: &Signature, asked: &Asked<'_>) -> Option<String> {
    if asked.resets() && asked.fresh {
        return Some("`fresh` was asked for".to_owned());
    }
    if asked.resets() && asked.from_step == Some(name) {
        return Some(format!("`from_step` named `{name}`"));
    }
    if asked.expired.contains(name) {
        return Some("its intermediate files have expired".to_owned());
    }
    if old.signature == new.digest {
        return None;
    }
    let mut names = changed(&old.parts, &new.parts);
    names.retain(|n| n != "format");
    Some(match names.as_slice() {
        [] => "what shapes its data changed".to_owned(),
        [one] => format!("{} changed", spoken(one)),
        several => format!("{} changed", several.iter().map(|n| spoken(n)).collect::<Vec<_>>().join(", ")),
    })
}

fn spoken(part: &str) -> String {
    match part.strip_prefix("step ") {
        Some(step) => format!("the result of `{step}`"),
        None if part == "sql" => "its SQL".to_owned(),
        None => format!("its {part}"),
    }
}
