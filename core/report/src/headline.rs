//! What somebody on call reads first: what readers of the results find, why, the commands to type, and whether machines
//! that went away have anything to do with it.

use crate::loaded::Loaded;
use crate::model::{Headline, Suggested};
use crate::of::Of;
use crate::words::{count, duration};
use spotmill_core::calls::errors;
use spotmill_core::format::{bare_cause, class, clip, items};
use spotmill_core::item::FailureClass;
use spotmill_core::records::{AfterCheck, FailureRecord, StepState};
use spotmill_ledger::{Category, Class};

/// Characters of a cause.
const CAUSE: usize = 600;

pub fn of(loaded: &Loaded, all: &[Of<'_>]) -> Headline {
    let failure = first_failure(all);
    Headline {
        impact: impact(loaded, all),
        cause: cause(loaded, all, failure.as_ref()),
        remedy: failure.as_ref().and_then(|(_, failure)| failure.remedy.clone()),
        commands: commands(loaded, failure.as_ref()),
        spot: spot(loaded, failure.as_ref()),
    }
}

fn is_good(loaded: &Loaded) -> bool {
    matches!(loaded.state.as_str(), "succeeded" | "warned")
}

/// The failure of the first step that did not come to its end; what was handed back has not failed.
fn first_failure<'a>(all: &[Of<'a>]) -> Option<(&'a str, &'a FailureRecord)> {
    let of_step = |of: &Of<'a>| {
        let report = of.report;
        report.failures.iter().map(move |failure| (report.step.as_str(), failure))
    };
    all.iter().flat_map(of_step).find(|(_, failure)| failure.class != FailureClass::Lost)
}

fn impact(loaded: &Loaded, all: &[Of<'_>]) -> String {
    let publishers: Vec<&Of<'_>> = all.iter().filter(|of| of.loaded.destination.is_some()).collect();
    let (published, not): (Vec<&Of<'_>>, Vec<&Of<'_>>) =
        publishers.iter().partition(|of| of.report.state == StepState::Done);
    let names = |some: &[&Of<'_>]| some.iter().map(|of| of.step.name.as_str()).collect::<Vec<_>>().join(", ");
    let running = loaded.state == "running";
    let mut text = match (publishers.is_empty(), not.is_empty()) {
        (true, _) if is_good(loaded) => "Complete; no step of this pipeline publishes.".to_owned(),
        (true, _) if running => "Not complete yet; no step of this pipeline publishes.".to_owned(),
        (true, _) => "Not complete; no step of this pipeline publishes.".to_owned(),
        (false, true) => format!("Published: {}.", names(&published)),
        (false, false) if running => format!("Not published yet: {}.", names(&not)),
        (false, false) => format!("Not published: {}.", names(&not)),
    };
    if !not.is_empty() && !published.is_empty() {
        text.push_str(&format!(" Published: {}.", names(&published)));
    }
    // A step whose items are all committed may have begun to publish.
    let begun: Vec<&Of<'_>> = not.iter().copied().filter(|of| of.report.items > 0 && is_committed(of)).collect();
    if !not.is_empty() && begun.len() < not.len() && !running {
        text.push_str(" Readers find what was there before.");
    }
    if !begun.is_empty() {
        text.push_str(&format!(" All items of {} are committed: publishing may have begun.", names(&begun)));
    }
    for of in all.iter().filter(|of| !of.report.missing.is_empty()) {
        text.push_str(&format!(" Without item {} of {}, as accepted.", items(&of.report.missing), of.step.name));
    }
    text
}

fn is_committed(of: &Of<'_>) -> bool {
    of.report.committed >= of.report.items
}

fn cause(loaded: &Loaded, all: &[Of<'_>], failure: Option<&(&str, &FailureRecord)>) -> Option<String> {
    if loaded.state == "succeeded" || loaded.state == "running" {
        return None;
    }
    if loaded.state == "warned" {
        let warnings = all.iter().flat_map(|of| of.report.warnings.iter().map(|w| format!("{}: {w}", of.step.name)));
        return Some(warnings.take(3).collect::<Vec<_>>().join(" · ")).filter(|text| !text.is_empty());
    }
    if matches!(loaded.state.as_str(), "waiting" | "late" | "skipped") {
        return awaited(loaded);
    }
    if loaded.state == "interrupted" && failure.is_none() {
        return Some("Whoever ran it is gone without a word: killed, or its machine ended.".to_owned());
    }
    if let Some((step, failure)) = failure {
        let failed: usize = all.iter().map(|of| of.report.failures.len()).sum();
        let label = all.iter().find(|of| of.step.name == *step).map(|of| of.label(failure.item)).unwrap_or_default();
        let label = if label.is_empty() { label } else { format!(" ({label})") };
        let more = if failed > 1 { format!(" And {}.", count(failed as u64 - 1, "more item")) } else { String::new() };
        let message = clip(failure.message.trim_end_matches('.'), CAUSE);
        return Some(format!("{step} item {}{label}, {}: {message}.{more}", failure.item, class(failure.class)));
    }
    let cause = loaded.report.end.as_ref().map(|end| end.cause.as_str()).or(loaded.cause.as_deref());
    cause.map(|cause| clip(bare_cause(cause), CAUSE))
}

/// How the input stands that a run which has not begun waits for.
pub fn awaited(loaded: &Loaded) -> Option<String> {
    let input = loaded.report.input.as_ref()?;
    let text = clip(&input.text(), CAUSE);
    match input.next {
        AfterCheck::Go => None,
        AfterCheck::Wait => Some(format!("Waiting for input: {text}.")),
        AfterCheck::Late => Some(format!("Its input was late: {text}. Nothing was launched, and nothing failed.")),
        AfterCheck::Skip => Some(format!("Its input was late: {text}. Nothing was run or published.")),
    }
}

fn commands(loaded: &Loaded, failure: Option<&(&str, &FailureRecord)>) -> Vec<Suggested> {
    let own = &loaded.commands;
    let suggested = |command: &str, what: String| Suggested { command: command.to_owned(), what };
    let mut all = Vec::new();
    if !is_good(loaded) && loaded.state != "running" {
        let (done, of) = loaded
            .report
            .steps
            .iter()
            .fold((0, 0), |(done, of), step| (done + u64::from(step.committed), of + u64::from(step.items)));
        let what = match of {
            0 => "starts it again".to_owned(),
            _ => format!("resumes it; {done} of {} are kept", count(of, "planned item")),
        };
        all.push(suggested(&own.resume, what));
    }
    match failure {
        Some((step, failure)) => {
            let command = format!("{} {step} {} --log", own.show, failure.item);
            all.push(suggested(&command, "shows the failed item with its log".to_owned()));
        }
        None => all.push(suggested(&own.show, "shows the run".to_owned())),
    }
    if is_good(loaded) {
        all.push(suggested(&own.cost, "shows what it cost".to_owned()));
    }
    all
}

fn spot(loaded: &Loaded, failure: Option<&(&str, &FailureRecord)>) -> String {
    if loaded.report.end.as_ref().is_some_and(|end| end.error == errors::NO_CAPACITY) {
        return "Spot: there were no machines to be had.".to_owned();
    }
    if loaded.is_local {
        return "Ran on this machine: no spot machines.".to_owned();
    }
    let Some(ledger) = &loaded.ledger else {
        return "Unknown: the machines of so many items are not read for this page.".to_owned();
    };
    let taken = |m: &&crate::Machine| m.life.vanished || m.life.noticed || m.interrupted_ms.is_some();
    let taken = ledger.machines.iter().filter(taken).count() as u64;
    let is_lost = |category| category == Category::Machine(Class::Lost);
    let lost_ms: u64 = ledger.charges.iter().filter(|c| is_lost(c.category)).map(|c| c.quantity).sum();
    let what = format!("{}, {} of machine time lost", count(taken, "interruption"), duration(lost_ms));
    match (failure, taken) {
        (Some(_), _) => format!("Not spot: {what}."),
        (None, 0) => "No machine was taken away.".to_owned(),
        (None, _) => format!("{what}; the items went to other machines."),
    }
}
