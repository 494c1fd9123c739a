//! What is on record of each item that failed and has no receipt: its last failure, its input, and the commands for it.

use crate::loaded::Loaded;
use crate::model::{Dossier, Suggested};
use crate::of::Of;
use spotmill_core::format::class;
use spotmill_core::item::FailureClass;
use spotmill_core::records::FailureRecord;

pub fn of(loaded: &Loaded, all: &[Of<'_>]) -> Vec<Dossier> {
    // In a run that was stopped, items that were handed back have not failed.
    let counts = |failure: &&FailureRecord| loaded.state == "failed" || failure.class != FailureClass::Lost;
    let failures = all.iter().flat_map(|of| of.report.failures.iter().filter(counts).map(move |failure| (of, failure)));
    failures.map(|(of, failure)| dossier(loaded, of, failure)).collect()
}

fn dossier(loaded: &Loaded, of: &Of<'_>, failure: &FailureRecord) -> Dossier {
    let (step, item) = (of.step.name.as_str(), failure.item);
    let reads = of.loaded.items.get(&item).cloned().unwrap_or_default();
    let attempts = of.loaded.tried.iter().filter(|tried| tried.item == item).count();
    let own = &loaded.commands;
    let mut commands = vec![Suggested {
        command: format!("{} {step} {item} --log", own.show),
        what: "shows all its attempts with their logs".to_owned(),
    }];
    commands.extend(own.item.as_ref().map(|replay| Suggested {
        command: format!("{replay} {step} {item}"),
        what: "runs it again on the same inputs; commits nothing".to_owned(),
    }));
    Dossier {
        step: step.to_owned(),
        item,
        label: reads.label,
        class: class(failure.class).to_owned(),
        message: failure.message.clone(),
        remedy: failure.remedy.clone(),
        file: failure.file.clone(),
        ended: failure.ended.clone(),
        worker: failure.worker.clone(),
        peak_bytes: failure.usage.peak_bytes,
        limit_bytes: of.limit_bytes(failure.rung),
        bytes_in: reads.bytes,
        attempts: u32::try_from(attempts.max(1)).unwrap_or(u32::MAX),
        failed_ms: failure.failed_ms,
        log_tail: failure.log_tail.trim_end().to_owned(),
        commands,
    }
}
