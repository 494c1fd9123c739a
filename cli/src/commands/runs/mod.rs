//! `runs`: lists every run that has a lease, in one table, or shows the dates of each pipeline as a calendar.

mod calendar;

use crate::args::{Global, RunsArgs};
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::next::to_begin;
use crate::result::{indent, table};
use crate::ui::format::{count, dollars, duration};
use calendar::Dated;
use comfy_table::Table;
use jiff::civil::Date;
use spotmill_core::ids::RunId;
use spotmill_core::records::{AfterCheck, RunReport, StepState};
use spotmill_core::types::Value;
use spotmill_lambdas::{Ctx, inspect, page, report};
use std::collections::{BTreeMap, BTreeSet};

pub async fn run(global: &Global, args: &RunsArgs) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    if args.calendar {
        return calendar(global, args, &inspector).await;
    }
    let ctx = &inspector.ctx;
    let mut shown = Vec::new();
    let runs = inspect::runs(ctx).await?;
    let costs = costs(ctx, &runs).await;
    for run in &runs {
        let report = report::summarize(ctx, run).await.map_err(Stop::from)?;
        let state = inspector.state(&report).await?.state;
        if global.json {
            Event::Run { state: state.to_owned(), report }.print();
        } else {
            shown.push(row(&report, state, costs.get(run).copied()));
        }
    }
    if !global.json {
        if runs.is_empty() {
            say!("no runs yet; {}", to_begin(global).await);
        } else {
            say!("{}", indent(&listed(shown, !costs.is_empty())));
        }
    }
    Ok(Code::Done)
}

/// The dates of every pipeline whose runs have one.
async fn calendar(global: &Global, args: &RunsArgs, inspector: &Inspector) -> Result<Code, Stop> {
    let asked = args.month.as_deref().map(month).transpose()?;
    let mut dated = Vec::new();
    for run in inspect::runs(&inspector.ctx).await? {
        let report = report::summarize(&inspector.ctx, &run).await.map_err(Stop::from)?;
        let Some(Value::Date(date)) = report.params.get("date") else { continue };
        let Ok(date) = date.parse() else { continue };
        let state = inspector.state(&report).await?.state;
        let pipeline = run.pipeline().to_owned();
        dated.push(Dated { pipeline, date, state });
    }
    if dated.is_empty() && !global.json {
        say!("no runs of a date yet; {}", to_begin(global).await);
    }
    for (pipeline, days) in calendar::days(&dated, asked) {
        match global.json {
            false => say!("{}", calendar::text(&pipeline, &days).trim_end()),
            true => days.iter().for_each(|day| {
                let (date, state, runs) = (day.date.to_string(), day.state.to_owned(), day.runs);
                Event::Day { pipeline: pipeline.clone(), date, state, runs }.print();
            }),
        }
    }
    Ok(Code::Done)
}

/// The first and the last day of a month, or of a year.
fn month(named: &str) -> Result<(Date, Date), Stop> {
    let wrong = || Stop::usage(format!("--month {named}: expected YYYY-MM, or YYYY for a year"));
    let of = |text: String| text.parse::<Date>().map_err(|_| wrong());
    match named.len() {
        4 => Ok((of(format!("{named}-01-01"))?, of(format!("{named}-12-31"))?)),
        7 => of(format!("{named}-01")).map(|first| (first, first.last_of_month())),
        _ => Err(wrong()),
    }
}

pub fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" => "✓",
        "warned" => "!",
        "running" => "▸",
        "interrupted" | "stopped" => "‖",
        "waiting" | "late" | "skipped" => "○",
        _ => "✗",
    }
}

/// What each run cost that ended with a known price, as the list of reports has it: the last sixty of each pipeline.
async fn costs(ctx: &Ctx, runs: &[RunId]) -> BTreeMap<RunId, u64> {
    let pipelines: BTreeSet<&str> = runs.iter().map(RunId::pipeline).collect();
    let mut costs = BTreeMap::new();
    for pipeline in pipelines {
        let ends = page::past(ctx, pipeline).await;
        costs.extend(ends.into_iter().filter_map(|end| Some((end.run, end.usd_nanos?))));
    }
    costs
}

/// A column of dollars only where one is known.
fn listed(rows: Vec<[String; 7]>, is_priced: bool) -> Table {
    let heads = ["RUN", "STATE", "WHERE", "ITEMS", "REJECTED", "TOOK", "COST"];
    let shown = if is_priced { heads.len() } else { heads.len() - 1 };
    let mut table = table(&heads[..shown], &[3, 4, 5, 6]);
    table.add_rows(rows.into_iter().map(|row| row.into_iter().take(shown).collect::<Vec<_>>()));
    table
}

fn row(report: &RunReport, state: &str, usd_nanos: Option<u64>) -> [String; 7] {
    let at = report.steps.iter().find(|s| s.state != StepState::Done);
    let awaits = report.input.as_ref().is_some_and(|input| input.next != AfterCheck::Go);
    let place = match at {
        _ if awaits => "input".to_owned(),
        Some(step) => step.step.to_string(),
        None => "-".to_owned(),
    };
    let committed: u32 = report.steps.iter().map(|s| s.committed).sum();
    let items: u32 = report.steps.iter().map(|s| s.items).sum();
    let rejected: u64 = report.steps.iter().map(|s| s.rows.rejected).sum();
    let took: u64 = report.steps.iter().map(|s| s.took_ms).sum();
    [
        report.run.to_string(),
        format!("{} {state}", mark(state)),
        place,
        format!("{committed}/{items}"),
        count(rejected),
        duration(took),
        usd_nanos.map(dollars).unwrap_or_default(),
    ]
}
