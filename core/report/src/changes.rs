//! What is different from the last good run: the worker, params, steps with their SQL and other keys, and how much was
//! read and written. It answers "why today?".

use crate::loaded::{Good, GoodStep, Loaded};
use crate::model::{Change, Changes};
use crate::of::Of;
use crate::words::{bytes, count, number};
use similar::TextDiff;
use spotmill_core::model::{Pipeline, Step, Transform};
use spotmill_core::records::{DeployedWorker, StepState};
use std::collections::BTreeSet;

/// Lines of a difference.
const LINES: usize = 120;
/// Lines that are alike around one that is not.
const AROUND: usize = 2;

pub fn of(loaded: &Loaded, all: &[Of<'_>]) -> Changes {
    let Some(good) = &loaded.good else { return Changes::default() };
    let mut changes = Vec::new();
    changes.extend(worker(&good.worker, &loaded.worker));
    changes.extend(params(loaded, good));
    changes.extend(definition(&good.pipeline, &loaded.pipeline));
    changes.extend(all.iter().flat_map(|of| measured(of, good.steps.get(&of.step.name).copied())));
    Changes { since: Some(good.run.clone()), since_ended_ms: Some(good.ended_ms), changes }
}

fn change(what: impl Into<String>, before: Option<String>, after: Option<String>) -> Change {
    Change { what: what.into(), before, after, diff: Vec::new() }
}

fn worker(before: &DeployedWorker, after: &DeployedWorker) -> Vec<Change> {
    let mut all = Vec::new();
    if before.version != after.version {
        all.push(change("worker's version", Some(before.version.clone()), Some(after.version.clone())));
    }
    let names: BTreeSet<&String> = before.programs.keys().chain(after.programs.keys()).collect();
    for name in names {
        let (old, new) = (before.programs.get(name), after.programs.get(name));
        if old != new {
            let short = |digest: Option<&String>| digest.map(|d| d.chars().take(12).collect());
            all.push(change(format!("worker's program for {name}"), short(old), short(new)));
        }
    }
    all
}

/// The key is what tells runs apart.
fn params(loaded: &Loaded, good: &Good) -> Vec<Change> {
    let (before, after) = (&good.params, &loaded.report.params);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let others = names.into_iter().filter(|name| !loaded.pipeline.key.contains(name));
    let differ = others.filter(|name| before.get(*name) != after.get(*name));
    let text = |value: Option<&spotmill_core::types::Value>| value.map(ToString::to_string);
    differ.map(|name| change(format!("param {name}"), text(before.get(name)), text(after.get(name)))).collect()
}

fn definition(before: &Pipeline, after: &Pipeline) -> Vec<Change> {
    let find = |of: &Pipeline, name: &str| of.steps.iter().find(|step| step.name == name).cloned();
    let mut all = Vec::new();
    for step in &after.steps {
        match find(before, &step.name) {
            None => all.push(change(format!("step {}", step.name), None, Some("new".to_owned()))),
            Some(old) => all.extend(step_differs(&old, step)),
        }
    }
    let gone = before.steps.iter().filter(|step| find(after, &step.name).is_none());
    all.extend(gone.map(|step| change(format!("step {}", step.name), Some("was there".to_owned()), None)));
    let without_steps = |of: &Pipeline| Pipeline { steps: Vec::new(), ..of.clone() };
    all.extend(diff("other keys of the pipeline", &pretty(&without_steps(before)), &pretty(&without_steps(after))));
    all
}

fn step_differs(before: &Step, after: &Step) -> Vec<Change> {
    let sql = |step: &Step| match &step.transform {
        Transform::Sql { text, .. } => Some(text.clone()),
        Transform::Function { .. } => None,
    };
    let mut all = Vec::new();
    if let (Some(old), Some(new)) = (sql(before), sql(after)) {
        all.extend(diff(&format!("SQL of {}", after.name), &old, &new));
        let without_sql =
            |step: &Step| Step { transform: Transform::Sql { text: String::new(), file: None }, ..step.clone() };
        all.extend(diff(
            &format!("keys of {}", after.name),
            &pretty(&without_sql(before)),
            &pretty(&without_sql(after)),
        ));
    } else {
        all.extend(diff(&format!("keys of {}", after.name), &pretty(before), &pretty(after)));
    }
    all
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Nothing where both are alike.
fn diff(what: &str, before: &str, after: &str) -> Option<Change> {
    if before == after {
        return None;
    }
    let lines = TextDiff::from_lines(before, after).unified_diff().context_radius(AROUND).to_string();
    let mut diff: Vec<String> = lines.lines().map(str::to_owned).collect();
    let more = diff.len().saturating_sub(LINES);
    if more > 0 {
        diff.truncate(LINES);
        diff.push(format!("… and {}", count(more as u64, "more line")));
    }
    Some(Change { what: what.to_owned(), before: None, after: None, diff })
}

/// What a step read and wrote; rows only of a complete one.
fn measured(of: &Of<'_>, before: Option<GoodStep>) -> Vec<Change> {
    let (Some(before), true) = (before, of.report.state != StepState::NotStarted) else { return Vec::new() };
    let name = &of.step.name;
    let mut all = Vec::new();
    let mut compare = |what: &str, old: Option<u64>, new: Option<u64>, text: fn(u64) -> String| {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            all.push(change(
                format!("{what} of {name}"),
                Some(text(old)),
                Some(format!("{}{}", text(new), ratio(old, new))),
            ));
        }
    };
    compare("items", Some(before.items.into()), Some(of.report.items.into()), number);
    compare("input", Some(before.input_bytes), Some(of.loaded.input_bytes), bytes);
    let is_done = of.report.state == StepState::Done;
    let rows = before.rows.filter(|_| is_done);
    let now = is_done.then_some(of.report.rows);
    compare("rows in", rows.map(|r| r.raw), now.map(|r| r.raw), number);
    compare("rejected rows", rows.map(|r| r.rejected), now.map(|r| r.rejected), number);
    compare("rows out", rows.map(|r| r.written), now.map(|r| r.written), number);
    all
}

/// ` (+12 %)`, ` (9 times)`.
fn ratio(old: u64, new: u64) -> String {
    if old == 0 {
        return String::new();
    }
    let times = new as f64 / old as f64;
    match times {
        2.0.. => format!(" ({times:.1} times)"),
        _ => format!(" ({:+.1} %)", (times - 1.0) * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_lines_and_what_is_alike_has_none() {
        assert_eq!(diff("x", "a\nb\n", "a\nb\n"), None);
        let found = diff("x", "a\nb\nc\n", "a\nB\nc\n").map(|change| change.diff).unwrap_or_default();
        assert!(found.contains(&"-b".to_owned()) && found.contains(&"+B".to_owned()), "{found:?}");
        let long: String = (0..500).map(|n| format!("{n}\n")).collect();
        let cut = diff("x", "", &long).map(|change| change.diff).unwrap_or_default();
        assert_eq!(cut.len(), LINES + 1);
        assert_eq!(cut.last().map(String::as_str), Some("… and 381 more lines"));
    }

    #[test]
    fn growth_reads_well() {
        let all = [ratio(0, 5), ratio(100, 112), ratio(100, 50), ratio(100, 900)];
        assert_eq!(all, ["", " (+12.0 %)", " (-50.0 %)", " (9.0 times)"]);
    }
}
