//! What to type next in a directory: a first run on a date that there is input for, or the latest run and what can be
//! done about it. It reads and decides; the commands print.

use crate::args::{Global, KeyArgs};
use crate::exit::Stop;
use crate::local::world;
use crate::project::{self, PIPELINE_FILE, Project};
use jiff::civil::Date;
use spotmill_core::command::Command;
use spotmill_core::listing::PathPattern;
use spotmill_core::model::{Param, ParamType, Pipeline, Source};
use spotmill_lambdas::Program;
use spotmill_platform::ports::Store;
use spotmill_platform::routed::RoutedStore;
use spotmill_spec as spec;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Dates that are tried before none is named.
const TRIED: usize = 40;

/// The command that starts a first run, with every param that has to be given.
pub async fn first_run(global: &Global) -> Command {
    let run = global.caller().run();
    let Some(project) = Project::find() else { return run.word("--date").blank("YYYY-MM-DD") };
    let pipeline = project.pipeline();
    let date = if global.on_aws() { None } else { with_input(&project, global).await };
    let overrides = pipeline.targets.get(global.target());
    let needed = needed(&pipeline.params, overrides);
    needed.into_iter().fold(run, |run, (name, param)| match (name, param.ty, &date) {
        ("date", ParamType::Date, Some(date)) => run.option("--date", date),
        ("date", ParamType::Date, None) => run.word("--date").blank("YYYY-MM-DD"),
        _ => run.word("--param").blank(&format!("{name}=…")),
    })
}

/// Params without a value of their own.
fn needed<'p, V>(
    params: &'p BTreeMap<String, Param>,
    overrides: Option<&BTreeMap<String, V>>,
) -> Vec<(&'p str, &'p Param)> {
    let given = |name: &String| overrides.is_some_and(|o| o.contains_key(name));
    params.iter().filter(|(n, p)| p.default.is_none() && !given(n)).map(|(n, p)| (n.as_str(), p)).collect()
}

/// The latest date for which the first step that reads files by date has any.
async fn with_input(project: &Project, global: &Global) -> Option<String> {
    let pipeline = project.pipeline();
    let step = pipeline.steps.iter().find_map(|s| match &s.input.source {
        Source::Path(path) if path.contains("{date") => Some(s.name.clone()),
        _ => None,
    })?;
    let frozen = spec::freeze(pipeline);
    let path = |date: &str| path_on(project, global, &frozen, &step, date);
    // What two days that have nothing in common share does not depend on the date.
    let (one, other) = (path("2000-01-31")?, path("1987-12-04")?);
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let folder = &one[..one[..same].rfind('/')? + 1];
    let folder = PathPattern::new(folder).ok()?.prefix;
    let there: Vec<_> = RoutedStore::new().list(&folder).await.ok()?.into_iter().map(|o| o.uri).collect();
    let dates: BTreeSet<Date> = there.iter().flat_map(|uri| dates_in(&uri.as_str()[folder.as_str().len()..])).collect();
    dates.into_iter().rev().take(TRIED).map(|date| date.to_string()).find(|date| {
        let pattern = path(date).and_then(|path| PathPattern::new(&path).ok());
        pattern.is_some_and(|pattern| there.iter().any(|uri| pattern.matches(uri)))
    })
}

fn path_on(project: &Project, global: &Global, frozen: &str, step: &str, date: &str) -> Option<String> {
    let key = KeyArgs { date: Some(date.to_owned()), params: Vec::new() };
    let input = project::sample_input(project, global, &key);
    let program = Program::new(frozen.as_bytes(), &input, &world::settings(global).ok()?).ok()?;
    match program.bind(program.step(step).ok()?).ok()?.input.source {
        Source::Path(path) => Some(path),
        Source::Step { .. } => None,
    }
}

/// Dates as file and folder names have them: `2013-01-31`, `20130131`, `2013/01/31`.
pub fn dates_in(path: &str) -> Vec<Date> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let date = |y: &str, m: &str, d: &str| {
        let all = digits(y) && digits(m) && digits(d);
        all.then(|| Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok()).flatten()
    };
    let starts = path.char_indices().map(|(at, _)| at);
    let at = |from: usize| {
        let part = |from: usize, to: usize| path.get(from..to);
        let separated = || {
            let separator = part(from + 4, from + 5).filter(|s| *s == "-" || *s == "/")?;
            (part(from + 7, from + 8)? == separator).then_some(())?;
            date(part(from, from + 4)?, part(from + 5, from + 7)?, part(from + 8, from + 10)?)
        };
        let packed = || date(part(from, from + 4)?, part(from + 4, from + 6)?, part(from + 6, from + 8)?);
        separated().or_else(packed)
    };
    starts.filter_map(at).collect()
}

/// A pipeline's name and number of steps, in a line.
pub fn named(pipeline: &Pipeline) -> String {
    let steps = crate::ui::format::plural(pipeline.steps.len() as u64, "step");
    format!("{}: {steps}", pipeline.name)
}

/// What to do where there are no runs: start one, or make a pipeline first.
pub async fn to_begin(global: &Global) -> String {
    match Path::new(PIPELINE_FILE).exists() || global.on_aws() {
        true => format!("start one: {}", first_run(global).await),
        false => format!("there is no {PIPELINE_FILE} here; make one: {}", global.command("init")),
    }
}

/// The error of a command that reads runs where there are none.
pub async fn no_runs(global: &Global) -> Stop {
    Stop::usage("no runs yet").remedy(to_begin(global).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_in_names() {
        let found = |path: &str| dates_in(path).iter().map(Date::to_string).collect::<Vec<_>>();
        assert_eq!(found("orders-2026-01-31-eu.csv"), ["2026-01-31"]);
        assert_eq!(found("2026/01/31/x.csv"), ["2026-01-31"]);
        assert_eq!(found("x_20260131.csv"), ["2026-01-31"]);
        assert_eq!(found("été-2026-13-01.csv"), [""; 0]);
    }
}
