//! What a start would reuse, do again and take, in words and codes, of what `preview` decided: nothing is decided here. Which
//! attempts failed and what the last runs measured are facts that are put beside it.

use crate::preview::{StepPreview, Work};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::format;
use spotmill_core::history::{History, Span, span};
use spotmill_core::ids::{Generation, ItemIndex};
use spotmill_core::item::FailureClass;
use spotmill_core::model::{Pipeline, Step, Transform};
use spotmill_core::reason::{Code, Reason, of_open};
use std::collections::{BTreeMap, BTreeSet};

/// How the last attempts at items of a step failed.
pub type Failures = BTreeMap<ItemIndex, FailureClass>;

/// A step, as a start would meet it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Explained {
    pub step: String,
    pub generation: Generation,
    /// A new generation would begin.
    pub anew: bool,
    /// Why something of it is done again; of a step of which nothing is, why not.
    pub reasons: Vec<Reason>,
    /// The same as a sentence.
    pub because: String,
    /// Unknown until the steps that it waits for are complete.
    pub items: Option<Counts>,
    pub waits: Vec<String>,
    /// How long slots would be held; unknown if the step was never measured.
    pub slot_ms: Option<Span>,
    /// Of one slot.
    pub vcpus: u32,
    /// The input is assumed to be as large as in the last runs.
    pub assumed: bool,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// Each item's decision, in their order.
    #[serde(skip)]
    pub decisions: Vec<(ItemIndex, Reason)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    pub all: usize,
    /// With a receipt of the present generation.
    pub committed: usize,
    /// Taken over from the generation before.
    pub carried: usize,
    pub todo: usize,
}

pub fn explain(
    pipeline: &Pipeline,
    steps: &[StepPreview],
    failures: &BTreeMap<String, Failures>,
    history: &History,
) -> Vec<Explained> {
    let none = Failures::new();
    let of = |preview: &StepPreview| {
        let step = pipeline.step(&preview.step)?;
        // Failures are of the present generation: a new one has none.
        let failed = failures.get(&preview.step).filter(|_| preview.because.is_none()).unwrap_or(&none);
        Some(explained(step, preview, failed, history))
    };
    steps.iter().filter_map(of).collect()
}

fn explained(step: &Step, preview: &StepPreview, failed: &Failures, history: &History) -> Explained {
    let vcpus = step.resources.vcpus.max(1);
    let band = history.band(&step.name, vcpus);
    let mut out = Explained {
        step: preview.step.clone(),
        generation: preview.generation,
        anew: preview.because.is_some(),
        reasons: Vec::new(),
        because: String::new(),
        items: None,
        waits: Vec::new(),
        slot_ms: None,
        vcpus,
        assumed: false,
        notes: Vec::new(),
        decisions: Vec::new(),
    };
    match &preview.work {
        Work::Complete { items, changed, unchecked } => {
            let all = *items as usize;
            out.items = Some(Counts { all, committed: all, carried: 0, todo: 0 });
            out.reasons = vec![Reason::of(Code::Committed)];
            out.because = "complete, and nothing that shapes its data changed".to_owned();
            out.decisions = (0..*items).map(|item| (item, Reason::of(Code::Committed))).collect();
            out.slot_ms = Some(Span::default());
            out.notes.extend(changed.iter().map(|what| format!("with --changed: {what}")));
            out.notes.extend(
                unchecked
                    .iter()
                    .map(|what| format!("{what} changed: what is committed is checked again before anything counts")),
            );
        }
        Work::Waits { upstream } => {
            out.notes.extend(preview.awaited().map(|input| format!("waits for input: {}", input.text)));
            out.waits.clone_from(upstream);
            (out.reasons, out.because) = (preview.reasons.clone(), preview.because.clone().unwrap_or_default());
            if !out.anew {
                out.reasons = upstream.iter().map(|u| Reason::with(Code::UpstreamRedone, [u.clone()])).collect();
                out.because = format!("it reads {}", upstream.join(" and "));
            }
            if !out.anew && upstream.is_empty() {
                out.reasons = vec![Reason::of(of_open(false, &preview.reasons))];
                out.because = "its input is not there yet".to_owned();
            }
            out.assumed = band.is_some();
            out.slot_ms = band.map(|band| span(&band, band.input_bytes));
        }
        Work::Items { items, committed, carried, frozen } => {
            let open = of_open(*frozen, &preview.reasons);
            let decision = |item| (item, decision(item, open, committed, carried, failed));
            out.decisions = items.iter().map(|i| decision(i.item)).collect();
            let todo = items.iter().filter(|i| !committed.contains(&i.item));
            let bytes = todo.flat_map(|i| &i.inputs).fold(0u64, |sum, file| sum.saturating_add(file.bytes));
            let counts = Counts {
                all: items.len(),
                committed: committed.len() - carried.len(),
                carried: carried.len(),
                todo: items.len() - committed.len(),
            };
            out.slot_ms = if counts.todo == 0 { Some(Span::default()) } else { band.map(|band| span(&band, bytes)) };
            out.items = Some(counts);
            (out.reasons, out.because) = why(preview, &out.decisions);
        }
    }
    out
}

/// What becomes of an item, and why.
fn decision(
    item: ItemIndex,
    open: Code,
    committed: &BTreeSet<ItemIndex>,
    carried: &BTreeSet<ItemIndex>,
    failed: &Failures,
) -> Reason {
    match (carried.contains(&item), committed.contains(&item), failed.get(&item)) {
        (true, ..) => Reason::of(Code::CarriedOver),
        (_, true, _) => Reason::of(Code::Committed),
        (_, _, Some(class)) => Reason::with(Code::Failed, [format::class(*class).to_owned()]),
        _ => Reason::of(open),
    }
}

/// A step's reasons: those of its generation where it begins anew, else those of its items.
fn why(preview: &StepPreview, decisions: &[(ItemIndex, Reason)]) -> (Vec<Reason>, String) {
    if let Some(because) = &preview.because {
        return (preview.reasons.clone(), because.clone());
    }
    let mut found: BTreeMap<String, (Reason, usize)> = BTreeMap::new();
    let open = decisions.iter().filter(|(_, reason)| !is_hit(reason.code));
    for (_, reason) in open {
        found.entry(reason.to_string()).or_insert_with(|| (reason.clone(), 0)).1 += 1;
    }
    if found.is_empty() {
        return (vec![Reason::of(Code::Committed)], "every item has a receipt".to_owned());
    }
    let text: Vec<String> = found
        .values()
        .map(|(reason, n)| {
            let items = format::count(*n as u64, "item");
            match (reason.code, reason.details.first()) {
                (Code::Failed, Some(class)) => format!("{items} failed: {class}"),
                _ => format!("no receipt of {items}"),
            }
        })
        .collect();
    (found.into_values().map(|(reason, _)| reason).collect(), text.join(", "))
}

/// Whether an item of this code is not done again.
pub fn is_hit(code: Code) -> bool {
    matches!(code, Code::Committed | Code::CarriedOver | Code::Accepted)
}

/// What of a step's definition a reason is about, as text to be compared: how it was, and how it is.
pub fn definitions(old: &Step, new: &Step, code: Code) -> Option<(String, String)> {
    let part = |step: &Step| -> Option<String> {
        let (input, output, expect) = (&step.input, &step.output, &step.expect);
        match (code, &step.transform) {
            (Code::SqlChanged | Code::TransformChanged, Transform::Sql { text, .. }) => Some(lines(text)),
            (Code::SqlChanged | Code::TransformChanged, Transform::Function { name, with }) => {
                Some(json(&(name, with)))
            }
            (Code::ReadingChanged, _) => {
                let tables: BTreeMap<_, _> = step.tables.iter().map(|(n, t)| (n, (&t.source, &t.read))).collect();
                Some(json(&(&input.alias, &input.source, &input.read, tables)))
            }
            (Code::PackingChanged, _) => Some(json(&(&input.values, input.item_bytes))),
            (Code::LayoutChanged, _) => Some(json(output)),
            (Code::ExpectChanged, _) => Some(json(&(&expect.not_null, &expect.unique, &expect.check))),
            _ => None,
        }
    };
    part(old).zip(part(new)).filter(|(old, new)| old != new)
}

fn lines(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn json(value: &impl Serialize) -> String {
    lines(&serde_json::to_string_pretty(value).unwrap_or_default())
}
