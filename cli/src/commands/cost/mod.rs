//! `cost`: what a run, or a month of runs, cost: machines by what they did, requests and storage, and on request what the
//! same work would cost elsewhere, or what AWS billed for it. It reads records and changes nothing; what they do not hold it says.

mod csv;
mod reconcile;
mod table;

use crate::args::{CostArgs, CostBy, Global};
use crate::event::{CostReport, Event};
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::project::Project;
use crate::rates::of_project;
use spotmill_core::ids::RunId;
use spotmill_lambdas::ledger::{self, RunLedger};
use spotmill_lambdas::{inspect, report};
use spotmill_ledger::{By, Charge, Life, Line, Rates, Work, elsewhere, estimates, lines, total};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub async fn run(global: &Global, args: &CostArgs) -> Result<Code, Stop> {
    let rates = args.rates.all()?;
    let project = Project::find();
    refuse_periods(args)?;
    let inspector = Inspector::open(global).await?;
    let (of, month) = match &args.month {
        Some(month) => {
            let (name, span) = month_of(month, inspector.ctx.clock.now_ms())?;
            (name, Some(span))
        }
        None => (inspector.run(global, args.run.as_deref()).await?.to_string(), None),
    };
    let named: Vec<RunId> = match &month {
        Some(_) => inspect::runs(&inspector.ctx).await?,
        None => vec![RunId::new(&*of)],
    };
    let (mut runs, mut machines) = (Vec::new(), BTreeMap::new());
    let known: BTreeSet<RunId> = named.iter().cloned().collect();
    for run in named {
        let rates = of_project(&rates, project.as_ref(), &run);
        let summary = report::summarize(&inspector.ctx, &run).await?;
        let runs_now = inspector.state(&summary).await?.state == "running";
        let asked = ledger::Asked { run: &run, rates: &rates, runs: runs_now, named: None };
        let mut found = ledger::gather(&inspector.ctx, &asked).await?;
        machines.extend(estimates(found.charges.iter().map(|charge| (&found.run, charge))));
        if let Some(span) = &month {
            within(&mut found, span);
        }
        if month.is_none() || !found.charges.is_empty() {
            runs.push(found);
        }
    }
    let charges = || runs.iter().flat_map(|found| found.charges.iter().map(|charge| (&found.run, charge)));
    if let Some(place) = &args.reconcile {
        let (machines, runs) = (&machines, &known);
        let asked = reconcile::Asked { of: &of, span: month.as_ref(), machines, runs, rows: charges().collect() };
        return reconcile::run(global, args, place, &asked).await;
    }
    if args.csv {
        csv::print(charges());
        return Ok(Code::Done);
    }
    let by = args.by.unwrap_or(if month.is_some() { CostBy::Run } else { CostBy::Step });
    let report = CostReport {
        of,
        by: by.name().to_owned(),
        total: total(charges().map(|(_, charge)| charge), runs.iter().map(|found| found.bytes_in).sum()),
        lines: in_order(by, lines(by.kind(), charges()), &runs),
        elsewhere: if args.compare {
            compared(&runs, runs.last().map_or(&rates, |latest| &latest.rates))
        } else {
            Vec::new()
        },
        notes: distinct(runs.iter().flat_map(|found| &found.notes)),
    };
    if global.json {
        Event::Cost(Box::new(report)).print();
    } else {
        table::print(global, &report, by);
    }
    Ok(Code::Done)
}

/// AWS bills by the hour; what a machine did within one is the ledger's.
fn refuse_periods(args: &CostArgs) -> Result<(), Stop> {
    let is_period = matches!(args.by, Some(CostBy::Day | CostBy::Month));
    match is_period && args.reconcile.is_none() {
        true => {
            Err(Stop::usage("--by day and --by month are lines of --reconcile").remedy("for a month: --month YYYY-MM"))
        }
        false => Ok(()),
    }
}

impl CostBy {
    fn name(self) -> &'static str {
        match self {
            CostBy::Run => "run",
            CostBy::Step => "step",
            CostBy::Item => "item",
            CostBy::Pool => "pool",
            CostBy::Class => "class",
            CostBy::Day => "day",
            CostBy::Month => "month",
        }
    }

    fn kind(self) -> By {
        match self {
            // Days and months are refused before.
            CostBy::Run | CostBy::Day | CostBy::Month => By::Run,
            CostBy::Step => By::Step,
            CostBy::Item => By::Item,
            CostBy::Pool => By::Pool,
            CostBy::Class => By::Class,
        }
    }
}

/// Each once: what is not on record of one run of a month is not of the others.
fn distinct<'a>(notes: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for note in notes {
        if !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
}

/// Steps in the order in which they run.
fn in_order(by: CostBy, mut lines: Vec<Line>, runs: &[RunLedger]) -> Vec<Line> {
    if let (CostBy::Step, Some(found)) = (by, runs.last()) {
        let at: BTreeMap<&str, usize> = found.steps.iter().enumerate().map(|(at, step)| (step.as_str(), at)).collect();
        lines.sort_by_key(|line| at.get(line.name.as_str()).copied().unwrap_or(usize::MAX));
    }
    lines
}

/// A machine, and what belongs to it, is paid in the month in which it began. What was read counts where the run began.
fn within(found: &mut RunLedger, span: &Range<u64>) {
    found.charges.retain(|charge| span.contains(&charge.start_ms));
    found.lives.retain(|life| span.contains(&life.launched_ms));
    if !span.contains(&found.started_ms) {
        found.bytes_in = 0;
    }
}

fn compared(runs: &[RunLedger], rates: &Rates) -> Vec<spotmill_ledger::Elsewhere> {
    let lives: Vec<Life> = runs.iter().flat_map(|found| found.lives.iter().cloned()).collect();
    // Steps of one name in two runs are two spans.
    let rename = |found: &RunLedger, charge: &Charge| {
        let step = format!("{} {}", found.run, charge.step).as_str().into();
        Charge { step, ..charge.clone() }
    };
    let charges: Vec<Charge> =
        runs.iter().flat_map(|found| found.charges.iter().map(|charge| rename(found, charge))).collect();
    elsewhere(&Work::of(&lives, &charges), rates)
}

/// The month by its name, and its first and last moment in UTC; the present one where none is named.
fn month_of(named: &str, now_ms: u64) -> Result<(String, Range<u64>), Stop> {
    let wrong = || Stop::usage(format!("`{named}` is no month")).remedy("write it as YYYY-MM: --month 2026-11");
    let utc = jiff::tz::TimeZone::UTC;
    let first: jiff::civil::Date = match named {
        "" => {
            let now = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
            now.ok_or_else(wrong)?.to_zoned(utc.clone()).date().first_of_month()
        }
        // What is no two digits would be another month's name.
        named if named.len() == "YYYY-MM".len() => format!("{named}-01").parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let next = first.checked_add(jiff::Span::new().months(1)).map_err(|_| wrong())?;
    let moment = |date: jiff::civil::Date| {
        let at = date.to_zoned(utc.clone()).map_err(|_| wrong())?;
        u64::try_from(at.timestamp().as_millisecond()).map_err(|_| wrong())
    };
    Ok((first.strftime("%Y-%m").to_string(), moment(first)?..moment(next)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_named_or_the_present_one() {
        let of = |named: &str| month_of(named, 1_795_000_000_000).map(|(name, span)| (name, span.start, span.end));
        let november = ("2026-11".to_owned(), 1_793_491_200_000, 1_796_083_200_000);
        assert_eq!(of("2026-11").ok(), Some(november.clone()));
        assert_eq!(of("").ok(), Some(november));
        assert_eq!(of("2026-12").map(|(_, from, _)| from).ok(), Some(1_796_083_200_000));
        for wrong in ["2026", "2026-13", "2026-1", "november", "2026-11-1"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
