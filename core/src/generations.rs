//! Which generation each step of a run is in. A new one begins when the step's signature changed, when it was asked
//! for (`fresh`, `from_step`; once per execution), or when a part of it has to be redone (files that are gone or
//! damaged, inputs that changed); steps that read it follow, because its generation is part of their signatures; the
//! rest is reused.

use crate::ids::ExecutionId;
use crate::reason::{Because, Code, Reason};
use crate::records::StepGeneration;
use crate::signature::{Signature, Upstream, changed};
use std::collections::BTreeMap;

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
    /// Steps of which a part has to be redone, and why: files are gone or damaged, inputs changed.
    pub renew: &'a BTreeMap<String, Because>,
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
    existing: &BTreeMap<String, StepGeneration>,
    steps: &[StepShape<'_>],
    asked: &Asked<'_>,
    sign: impl Fn(&str, &BTreeMap<String, Upstream>) -> Signature,
) -> BTreeMap<String, StepGeneration> {
    let mut all = existing.clone();
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
        let next = match existing.get(step.name) {
            None => begin(1, signature, Because::one("its first run", Reason::of(Code::FirstRun)), None),
            Some(old) => match because(step.name, old, &signature, asked) {
                Some(because) => {
                    let carries = carries_over(step.name, old, &signature, asked);
                    begin(old.generation + 1, signature, because, carries.then_some(old.generation))
                }
                None => old.clone(),
            },
        };
        all.insert(step.name.to_owned(), next);
    }
    all
}

fn begin(generation: u32, signature: Signature, because: Because, carries_over: Option<u32>) -> StepGeneration {
    let Because { text: because, reasons } = because;
    StepGeneration { generation, signature: signature.digest, parts: signature.parts, because, reasons, carries_over }
}

/// Is an item's result the same as before where it reads the same files? Not where it was asked to be made anew, nor
/// where anything but the generation of an upstream step differs.
fn carries_over(name: &str, old: &StepGeneration, new: &Signature, asked: &Asked<'_>) -> bool {
    let anew = asked.resets() && (asked.fresh || asked.from_step == Some(name));
    let upstream = |part: &String| part.starts_with("step ");
    !anew && !old.parts.is_empty() && changed(&old.parts, &new.parts).iter().all(upstream)
}

fn because(name: &str, old: &StepGeneration, new: &Signature, asked: &Asked<'_>) -> Option<Because> {
    let by = |option: &str| Reason::with(Code::Asked, [option.to_owned()]);
    if asked.resets() && asked.fresh {
        return Some(Because::one("--fresh was asked for", by("--fresh")));
    }
    if asked.resets() && asked.from_step == Some(name) {
        return Some(Because::one(format!("--from-step named `{name}`"), by("--from-step")));
    }
    if let Some(why) = asked.renew.get(name) {
        return Some(why.clone());
    }
    if old.signature == new.digest {
        return None;
    }
    let all = changed(&old.parts, &new.parts);
    let names: Vec<String> = all.iter().filter(|n| *n != "format").map(|n| spoken(n)).collect();
    let text = match names.is_empty() {
        true => "what shapes its data changed".to_owned(),
        false => format!("{} changed", names.join(", ")),
    };
    let reasons = match all.is_empty() {
        true => vec![Reason::of(Code::DefinitionChanged)],
        false => all.iter().map(|part| reason(part)).collect(),
    };
    Some(Because { text, reasons })
}

/// The code of a signature's part.
fn reason(part: &str) -> Reason {
    if let Some(step) = part.strip_prefix("step ") {
        return Reason::with(Code::UpstreamRedone, [step.to_owned()]);
    }
    Reason::of(match part {
        "sql" => Code::SqlChanged,
        "transform" => Code::TransformChanged,
        "params" => Code::ParamsChanged,
        "input" | "tables" => Code::ReadingChanged,
        "packing" => Code::PackingChanged,
        "output" => Code::LayoutChanged,
        "expect" => Code::ExpectChanged,
        "worker version" => Code::WorkerChanged,
        "format" => Code::FormatBumped,
        _ => Code::DefinitionChanged,
    })
}

fn spoken(part: &str) -> String {
    match part.strip_prefix("step ") {
        Some(step) => format!("the result of `{step}`"),
        None if part == "sql" => "its SQL".to_owned(),
        None => format!("its {part}"),
    }
}
