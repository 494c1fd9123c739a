//! Explanations for people: one line that says what it comes to, a table of steps, items by what becomes of them.

use crate::result::{indent, table};
use crate::ui::format::{duration, plural};
use spotmill_core::format::items as numbers;
use spotmill_core::history::Span;
use spotmill_core::ids::RunId;
use spotmill_lambdas::explain::{Counts, Explained};
use std::collections::BTreeMap;

pub fn all(run: &RunId, steps: &[Explained], rate: Option<f64>) {
    say!("{}", headline(run, steps, rate));
    let mut shown = table(&["step", "items", "reuse", "run", "time", "why"], &[1, 2, 3]);
    for step in steps {
        shown.add_row(row(step));
    }
    say!("{}", indent(&shown));
    for step in steps {
        for reason in step.reasons.iter().filter(|r| !r.details.is_empty()) {
            say!("  {}: {reason}", step.step);
        }
        step.notes.iter().for_each(|note| say!("  {}: {note}", step.step));
    }
}

fn headline(run: &RunId, steps: &[Explained], rate: Option<f64>) -> String {
    format!("{run}: {}", comes_to(steps, rate))
}

/// `14 of 16 items would run, 2 are reused; 0.4 s – 0.5 s – 0.9 s of slots, $0.000005 – $0.000007 – $0.000013`.
pub fn comes_to(steps: &[Explained], rate: Option<f64>) -> String {
    let sum = |of: fn(&Counts) -> usize| steps.iter().filter_map(|s| s.items.as_ref()).map(of).sum::<usize>() as u64;
    let (all, todo) = (sum(|c| c.all), sum(|c| c.todo));
    let waiting = names(steps, |step| step.items.is_none());
    if todo == 0 && waiting.is_empty() {
        return format!("nothing to do; {} reused", plural(all, "item"));
    }
    let waits = match waiting.is_empty() {
        true => String::new(),
        false => format!(", and those of {} once they can be counted", waiting.join(", ")),
    };
    let reused = match all - todo {
        1 => "1 is reused".to_owned(),
        n => format!("{n} are reused"),
    };
    format!("{todo} of {} would run, {reused}{waits}; {}", plural(all, "item"), takes(steps, rate))
}

/// Each step that is so, once.
fn names(steps: &[Explained], is_so: impl Fn(&Explained) -> bool) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for step in steps.iter().filter(|step| is_so(step)) {
        if !names.contains(&step.step.as_str()) {
            names.push(&step.step);
        }
    }
    names
}

/// All items of the steps, those that are reused and those that would run; what cannot be counted yet is a `?`.
pub fn counts(steps: &[Explained]) -> [String; 3] {
    let some: Option<Vec<&Counts>> = steps.iter().map(|step| step.items.as_ref()).collect();
    let sum = |of: fn(&Counts) -> usize| match &some {
        None => "?".to_owned(),
        Some(counts) => counts.iter().copied().map(of).sum::<usize>().to_string(),
    };
    [sum(|c| c.all), sum(|c| c.committed + c.carried), sum(|c| c.todo)]
}

/// How long slots would be held, where every step was measured.
pub fn time(steps: &[Explained]) -> String {
    let spans: Option<Vec<Span>> = steps.iter().map(|step| step.slot_ms).collect();
    let about = if steps.iter().any(|step| step.assumed) { "about " } else { "" };
    match spans.map(|spans| {
        spans.into_iter().fold(Span::default(), |mut sum, span| {
            sum += span;
            sum
        })
    }) {
        None => "never measured".to_owned(),
        Some(sum) if sum == Span::default() => String::new(),
        Some(sum) => format!("{about}{}", band(&sum)),
    }
}

/// Time of slots and dollars; what was never measured is said to be unknown.
fn takes(steps: &[Explained], rate: Option<f64>) -> String {
    let unknown = names(steps, |step| step.slot_ms.is_none());
    let mut sum = Span::default();
    let mut usd = [0.0; 3];
    for (span, vcpus) in steps.iter().filter_map(|s| s.slot_ms.map(|span| (span, s.vcpus))) {
        sum += span;
        let hours = |ms: u64| ms as f64 * f64::from(vcpus) / 3_600_000.0 * rate.unwrap_or_default();
        usd = [usd[0] + hours(span.low), usd[1] + hours(span.median), usd[2] + hours(span.high)];
    }
    let time = match sum == Span::default() {
        true if !unknown.is_empty() => "how long is not known".to_owned(),
        _ => format!("{} of slots", band(&sum)),
    };
    let money = match rate {
        None => "dollars with --rate vcpu_hour=USD, or [rates] of pipeline.toml".to_owned(),
        Some(_) if sum == Span::default() && !unknown.is_empty() => "dollars are not known".to_owned(),
        Some(_) => format!("${:.6} – ${:.6} – ${:.6}", usd[0], usd[1], usd[2]),
    };
    let without = match unknown.is_empty() || sum == Span::default() {
        true => String::new(),
        false => format!(" without {}, never measured", unknown.join(", ")),
    };
    format!("{time}, {money}{without}")
}

/// Low, median, high.
fn band(span: &Span) -> String {
    format!("{} – {} – {}", duration(span.low), duration(span.median), duration(span.high))
}

fn row(step: &Explained) -> [String; 6] {
    let of = std::slice::from_ref(step);
    let ([all, reuse, run], time) = (counts(of), time(of));
    let codes: Vec<String> = step.reasons.iter().map(|reason| reason.code.name()).collect();
    let anew = if step.anew { format!(" (generation {})", step.generation) } else { String::new() };
    let why = format!("{}: {}{anew}", codes.join(", "), step.because);
    [step.step.clone(), all, reuse, run, time, why]
}

/// Items by what becomes of them.
pub fn items(step: &Explained) {
    let mut by_reason: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (item, reason) in &step.decisions {
        by_reason.entry(reason.to_string()).or_default().push(*item);
    }
    say!("\n  {}", step.step);
    for (reason, items) in &by_reason {
        say!("    {reason}: item {}", numbers(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::reason::{Code, Reason};

    fn step(name: &str, counts: Option<(usize, usize, usize)>, ms: Option<[u64; 3]>) -> Explained {
        Explained {
            step: name.into(),
            generation: 1,
            anew: false,
            reasons: vec![Reason::of(Code::NoReceipt)],
            because: "no receipt of 1 item".into(),
            items: counts.map(|(committed, carried, todo)| Counts {
                all: committed + carried + todo,
                committed,
                carried,
                todo,
            }),
            waits: Vec::new(),
            slot_ms: ms.map(|[low, median, high]| Span { low, median, high }),
            vcpus: 2,
            assumed: false,
            notes: Vec::new(),
            decisions: Vec::new(),
        }
    }

    #[test]
    fn a_headline_says_what_it_comes_to() {
        let run = RunId::new("p/d");
        let check = |steps: &[Explained], rate: Option<f64>, expected: &str| {
            assert_eq!(headline(&run, steps, rate), expected);
        };
        let done = step("a", Some((3, 0, 0)), Some([0, 0, 0]));
        check(std::slice::from_ref(&done), None, "p/d: nothing to do; 3 items reused");
        let todo = step("b", Some((1, 1, 2)), Some([1_800_000, 3_600_000, 7_200_000]));
        let begins = "p/d: 2 of 7 items would run, 5 are reused; 30:00 – 1:00:00 – 2:00:00 of slots, ";
        check(
            &[done.clone(), todo.clone()],
            None,
            &format!("{begins}dollars with --rate vcpu_hour=USD, or [rates] of pipeline.toml"),
        );
        check(&[done, todo.clone()], Some(0.05), &format!("{begins}$0.050000 – $0.100000 – $0.200000"));
        let waits = step("c", None, None);
        check(
            &[todo, waits.clone()],
            None,
            "p/d: 2 of 4 items would run, 2 are reused, and those of c once they can be counted; 30:00 – 1:00:00 – \
             2:00:00 of slots, dollars with --rate vcpu_hour=USD, or [rates] of pipeline.toml without c, never measured",
        );
        let never = step("d", Some((0, 0, 1)), None);
        check(
            &[never, waits],
            Some(1.0),
            "p/d: 1 of 1 item would run, 0 are reused, and those of c once they can be counted; how long is not known, \
             dollars are not known",
        );
    }
}
