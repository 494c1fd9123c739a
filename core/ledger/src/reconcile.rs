//! Estimates against what was billed, machine by machine. Every line of a bill is in exactly one place: with its machine,
//! with what is billed beside machines' hours, of a machine that no ledger has, of another run, or of nobody here.

use crate::bill::{Bill, Billed, Kind, Others, Source};
use crate::charge::{Category, Charge};
use crate::life::Market;
use crate::money::apportion;
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::RunId;
use std::collections::BTreeMap;

/// A machine as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimated {
    pub run: RunId,
    pub market: Market,
    pub start_ms: u64,
    pub end_ms: u64,
    pub nanos: u64,
}

/// The machines of rows, by their ids, without those that AWS has no bill for.
pub fn estimates<'a>(rows: impl IntoIterator<Item = (&'a RunId, &'a Charge)>) -> BTreeMap<String, Estimated> {
    let mut found: BTreeMap<String, Estimated> = BTreeMap::new();
    for (run, row) in rows {
        let (Category::Machine(_), Some(market)) = (row.category, row.market) else { continue };
        if market == Market::Local {
            continue;
        }
        let new = || Estimated { run: run.clone(), market, start_ms: row.start_ms, end_ms: row.end_ms, nanos: 0 };
        found.entry(row.resource.clone()).or_insert_with(new).nanos += row.cost.unwrap_or_default();
    }
    found
}

/// A machine's estimate, of what is billed by now and of the rest, and its bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineBill {
    pub id: String,
    pub run: RunId,
    pub start_ms: u64,
    pub estimate_nanos: u64,
    pub not_billed_yet_nanos: u64,
    pub billed_nanos: i64,
    pub lines: u64,
}

impl MachineBill {
    /// The bill has come past its end and does not have it.
    pub fn is_missing(&self) -> bool {
        self.lines == 0 && self.estimate_nanos > 0
    }
}

/// A resource that is billed with our tag and that no ledger has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unmatched {
    pub resource: String,
    /// Its tag `spotmill:run`.
    pub run: String,
    pub from_ms: u64,
    pub to_ms: u64,
    pub nanos: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reconciled {
    pub source: Source,
    pub machines: Vec<MachineBill>,
    pub leaked: Vec<Unmatched>,
    /// Of the same runs, beside machines' hours, by the type of usage.
    pub beside: BTreeMap<String, i64>,
    /// Of runs that were not asked for.
    pub of_other_runs: Others,
    /// Of no run.
    pub of_nobody: Others,
    /// Machines that this kind of bill does not have.
    pub not_in_it: u64,
    pub repeated: u64,
    pub until_ms: Option<u64>,
}

/// `all` are the machines of every ledger that was read; `asked` says of a run, and of the moment in which a machine of it
/// began, whether it is asked for.
pub fn reconcile(bill: Bill, all: &BTreeMap<String, Estimated>, asked: impl Fn(&str, u64) -> bool) -> Reconciled {
    let in_bill = |machine: &Estimated| bill.source != Source::SpotDataFeed || machine.market == Market::Spot;
    let ours = |machine: &Estimated| asked(machine.run.as_str(), machine.start_ms);
    let mut found = Reconciled {
        source: bill.source,
        machines: Vec::new(),
        leaked: Vec::new(),
        beside: BTreeMap::new(),
        of_other_runs: Others::default(),
        of_nobody: bill.others,
        not_in_it: all.values().filter(|machine| ours(machine) && !in_bill(machine)).count() as u64,
        repeated: bill.repeated,
        until_ms: bill.until_ms,
    };
    let mut billed: BTreeMap<&str, Vec<&Billed>> = BTreeMap::new();
    let mut leaked: BTreeMap<(&str, &str), Unmatched> = BTreeMap::new();
    for line in &bill.lines {
        match all.get(&line.resource) {
            Some(machine) if !ours(machine) => found.of_other_runs.add(line.nanos),
            Some(_) if line.kind == Kind::Machine => billed.entry(&line.resource).or_default().push(line),
            Some(_) => *found.beside.entry(usage(line)).or_default() += line.nanos,
            None => match line.run.as_deref() {
                None => found.of_nobody.add(line.nanos),
                Some(run) if !asked(run, line.start_ms) => found.of_other_runs.add(line.nanos),
                Some(run) if line.kind == Kind::Machine => {
                    let new = || Unmatched {
                        resource: line.resource.clone(),
                        run: run.to_owned(),
                        from_ms: line.start_ms,
                        to_ms: line.end_ms,
                        nanos: 0,
                    };
                    let sum = leaked.entry((&line.resource, run)).or_insert_with(new);
                    (sum.from_ms, sum.to_ms) = (sum.from_ms.min(line.start_ms), sum.to_ms.max(line.end_ms));
                    sum.nanos += line.nanos;
                }
                Some(_) => *found.beside.entry(usage(line)).or_default() += line.nanos,
            },
        }
    }
    found.leaked = leaked.into_values().collect();
    let wanted =
        all.iter().filter(|(id, machine)| ours(machine) && (in_bill(machine) || billed.contains_key(id.as_str())));
    let bills = wanted.map(|(id, machine)| {
        machine_bill(id, machine, billed.get(id.as_str()).map_or(&[][..], Vec::as_slice), bill.until_ms)
    });
    found.machines = bills.collect();
    found
}

/// The type of usage without its region: `USE2-EBS:VolumeUsage.gp3` is `EBS:VolumeUsage.gp3`.
fn usage(line: &Billed) -> String {
    let region = |mark: &str| mark.len() <= 5 && mark.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let bare = match line.usage.split_once('-') {
        Some((mark, rest)) if region(mark) => rest,
        _ => line.usage.as_str(),
    };
    if bare.is_empty() { "without a type of usage".to_owned() } else { bare.to_owned() }
}

/// Usage is billed up to `until_ms`, and of a machine up to its own last line if that is later. The estimate of what
/// follows is set aside.
fn machine_bill(id: &str, machine: &Estimated, lines: &[&Billed], until_ms: Option<u64>) -> MachineBill {
    let own_ms = lines.iter().map(|line| line.end_ms).max();
    // Where no line says how far it goes, all of it is compared.
    let until_ms = until_ms.map_or(u64::MAX, |until| until.max(own_ms.unwrap_or_default()));
    let until_ms = until_ms.clamp(machine.start_ms, machine.end_ms.max(machine.start_ms));
    let rest_ms = machine.end_ms.saturating_sub(until_ms);
    let parts = apportion(machine.nanos, &[rest_ms, until_ms - machine.start_ms]);
    MachineBill {
        id: id.to_owned(),
        run: machine.run.clone(),
        start_ms: machine.start_ms,
        estimate_nanos: parts[1],
        not_billed_yet_nanos: parts[0],
        billed_nanos: lines.iter().map(|line| line.nanos).sum(),
        lines: lines.len() as u64,
    }
}

impl Reconciled {
    /// Machines that the bill does not have though it has come past them.
    pub fn missing(&self) -> impl Iterator<Item = &MachineBill> {
        self.machines.iter().filter(|machine| machine.is_missing())
    }

    /// Everything that is billed, in whatever place.
    pub fn all_nanos(&self) -> i64 {
        let machines: i64 = self.machines.iter().map(|machine| machine.billed_nanos).sum();
        let leaked: i64 = self.leaked.iter().map(|resource| resource.nanos).sum();
        machines + leaked + self.beside.values().sum::<i64>() + self.of_other_runs.nanos + self.of_nobody.nanos
    }
}
