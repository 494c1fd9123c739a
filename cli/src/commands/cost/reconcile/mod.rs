//! `cost --reconcile`: the ledger's machines against what AWS billed for them. It reads files of a bill and changes nothing.

mod files;
mod read;
mod table;

use super::csv;
use crate::args::{CostArgs, CostBy, Global};
use crate::event::{Beside, Event, MissingMachine, Reconciliation};
use crate::exit::{Code, Stop};
use crate::ui::format::plural;
use read::Taken;
use spotmill_core::ids::RunId;
use spotmill_ledger::bill::{Bill, Source};
use spotmill_ledger::{Charge, Estimated, Period, Reconciled, Unmatched, billed_rows, compared, reconcile};
use spotmill_platform::routed::RoutedStore;
use std::collections::{BTreeMap, BTreeSet};

/// What is compared.
pub struct Asked<'a> {
    /// A run, or a month.
    pub of: &'a str,
    /// The first and the last moment of the month.
    pub span: Option<&'a std::ops::Range<u64>>,
    /// The machines of every ledger that was read, whatever month they are in.
    pub machines: &'a BTreeMap<String, Estimated>,
    /// Runs on record.
    pub runs: &'a BTreeSet<RunId>,
    /// The rows of what is asked for.
    pub rows: Vec<(&'a RunId, &'a Charge)>,
}

pub async fn run(global: &Global, args: &CostArgs, place: &str, asked: &Asked<'_>) -> Result<Code, Stop> {
    let by = period(args)?;
    let store = RoutedStore::new();
    let found = files::list(&store, place).await?;
    let taken = read::all(global, &store, &found.files).await?;
    let Some(bill) = taken.bill.clone() else {
        return Err(Stop::usage(format!("--reconcile {place}: the files hold no line"))
            .remedy("AWS delivers an hour of the data feed, or a day of an export, some hours after it"));
    };
    let reconciled = against(bill, asked);
    let (leaked, unknown): (Vec<Unmatched>, Vec<Unmatched>) =
        reconciled.leaked.iter().cloned().partition(|resource| asked.runs.contains(&RunId::new(&*resource.run)));
    if args.csv {
        let rows: Vec<&Charge> = asked.rows.iter().map(|(_, row)| *row).collect();
        csv::print_billed(asked.rows.iter().copied().zip(billed_rows(&rows, &reconciled)), &reconciled);
        return Ok(Code::Done);
    }
    let (lines, total) = compared(by, &reconciled);
    let report = Reconciliation {
        of: asked.of.to_owned(),
        source: reconciled.source,
        by: word(by).to_owned(),
        billed_until_ms: reconciled.until_ms,
        lines,
        total,
        missing: missing(&reconciled),
        leaked,
        of_unknown_runs: unknown,
        beside: reconciled
            .beside
            .iter()
            .map(|(usage, nanos)| Beside { usage: usage.clone(), usd_nanos: *nanos })
            .collect(),
        of_other_runs: reconciled.of_other_runs,
        of_nobody: reconciled.of_nobody,
        repeated: reconciled.repeated,
        notes: notes(&reconciled, &taken, &found.skipped),
    };
    match global.json {
        true => Event::Reconcile(Box::new(report)).print(),
        false => table::print(&report),
    }
    Ok(Code::Done)
}

fn period(args: &CostArgs) -> Result<Period, Stop> {
    match args.by {
        None | Some(CostBy::Run) => Ok(Period::Run),
        Some(CostBy::Day) => Ok(Period::Day),
        Some(CostBy::Month) => Ok(Period::Month),
        Some(_) => {
            Err(Stop::usage("AWS bills machines by the hour and not what they did: --reconcile has no such lines")
                .remedy("--by run, day or month; --csv divides each machine's bill among its rows"))
        }
    }
}

fn word(by: Period) -> &'static str {
    match by {
        Period::Run => "run",
        Period::Day => "day",
        Period::Month => "month",
    }
}

/// A machine is of the month in which it began; what no ledger has is of the month in which it was billed.
fn against(bill: Bill, asked: &Asked<'_>) -> Reconciled {
    reconcile(bill, asked.machines, |run, at_ms| match asked.span {
        Some(span) => span.contains(&at_ms),
        None => run == asked.of,
    })
}

fn missing(reconciled: &Reconciled) -> Vec<MissingMachine> {
    let named = reconciled.missing().map(|machine| MissingMachine {
        machine: machine.id.clone(),
        run: machine.run.clone(),
        began_ms: machine.start_ms,
        estimate_usd_nanos: machine.estimate_nanos,
    });
    named.collect()
}

/// What the comparison lacks.
fn notes(reconciled: &Reconciled, taken: &Taken, skipped: &[String]) -> Vec<String> {
    let mut notes = taken.notes.clone();
    if reconciled.repeated > 0 {
        notes.push(format!("{} delivered more than once: counted once", plural(reconciled.repeated, "line")));
    }
    if reconciled.machines.is_empty() && reconciled.not_in_it == 0 {
        notes.push("no machine of AWS is in this ledger: there is nothing to compare".to_owned());
    }
    if reconciled.not_in_it > 0 {
        let machines = plural(reconciled.not_in_it, "machine");
        notes.push(format!("{machines} on demand: a data feed has spot machines alone, an export has both"));
    }
    match (reconciled.source, taken.has_tags) {
        (_, true) => {}
        (Source::SpotDataFeed, _) => {
            notes.push("a data feed has no tags: machines that no ledger has are found by an export alone".to_owned());
        }
        (..) => notes.push(
            "no tag spotmill:run could be read: machines that no ledger has are not found. Activate it as a cost allocation \
             tag; of Parquet select resource_tags.user_spotmill_run as a column of its own"
                .to_owned(),
        ),
    }
    if reconciled.until_ms.is_none() {
        notes.push(
            "no line covers a day or less: what is not billed yet cannot be told; export hours or days".to_owned(),
        );
    }
    if let Some(first) = skipped.first() {
        let files = plural(skipped.len() as u64, "file");
        notes.push(format!("{files} of other kinds not read, such as {}", crate::result::relative(first)));
    }
    notes
}
