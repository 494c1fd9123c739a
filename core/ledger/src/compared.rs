//! Machines with their bills, grouped for people, and the bill divided among the ledger's rows. A machine counts where it
//! began, as in the ledger; so the groups of any kind sum to the same total.

use crate::charge::{Category, Charge};
use crate::money::apportion;
use crate::reconcile::{MachineBill, Reconciled};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a line of the comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Run,
    /// In UTC.
    Day,
    Month,
}

/// Estimates and bills of machines. A bill may be below zero: credits are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Compared {
    pub name: String,
    pub machines: u64,
    /// Of what is billed by now.
    pub estimate_usd_nanos: u64,
    pub billed_usd_nanos: i64,
    /// Billed above the estimate.
    pub difference_usd_nanos: i64,
    /// Of the estimate; nothing where that is zero.
    pub difference_percent: Option<f64>,
    /// The estimate of what is not billed yet.
    pub not_billed_yet_usd_nanos: u64,
}

impl Compared {
    fn add(&mut self, machine: &MachineBill) {
        self.machines += 1;
        self.estimate_usd_nanos += machine.estimate_nanos;
        self.billed_usd_nanos += machine.billed_nanos;
        self.not_billed_yet_usd_nanos += machine.not_billed_yet_nanos;
    }

    fn end(mut self) -> Compared {
        let estimate = i64::try_from(self.estimate_usd_nanos).unwrap_or(i64::MAX);
        self.difference_usd_nanos = self.billed_usd_nanos - estimate;
        self.difference_percent = (estimate > 0).then(|| 100.0 * self.difference_usd_nanos as f64 / estimate as f64);
        self
    }
}

/// The lines of a comparison in the order of their names, and their sum.
pub fn compared(by: Period, found: &Reconciled) -> (Vec<Compared>, Compared) {
    let mut groups: BTreeMap<String, Compared> = BTreeMap::new();
    let mut total = Compared { name: "total".to_owned(), ..Compared::default() };
    for machine in &found.machines {
        let name = name(by, machine);
        groups.entry(name.clone()).or_insert_with(|| Compared { name, ..Compared::default() }).add(machine);
        total.add(machine);
    }
    (groups.into_values().map(Compared::end).collect(), total.end())
}

fn name(by: Period, machine: &MachineBill) -> String {
    let began = i64::try_from(machine.start_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let of = |form: &str| began.map(|at| at.to_zoned(TimeZone::UTC).strftime(form).to_string()).unwrap_or_default();
    match by {
        Period::Run => machine.run.to_string(),
        Period::Day => of("%Y-%m-%d"),
        Period::Month => of("%Y-%m"),
    }
}

/// What was billed for each row: a machine's bill is divided among its parts in proportion to their time. Nothing of a row
/// that is no machine's, or of a machine without a line.
pub fn billed_rows(rows: &[&Charge], found: &Reconciled) -> Vec<Option<i64>> {
    let bills: BTreeMap<&str, i64> =
        found.machines.iter().filter(|machine| machine.lines > 0).map(|m| (m.id.as_str(), m.billed_nanos)).collect();
    let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if matches!(row.category, Category::Machine(_)) && bills.contains_key(row.resource.as_str()) {
            parts.entry(&row.resource).or_default().push(at);
        }
    }
    let mut billed = vec![None; rows.len()];
    for (id, places) in parts {
        let nanos = bills.get(id).copied().unwrap_or_default();
        let weights: Vec<u64> = places.iter().map(|at| rows[*at].quantity).collect();
        for (at, part) in places.into_iter().zip(apportion(nanos.unsigned_abs(), &weights)) {
            // A part is at most the whole.
            billed[at] = Some(i64::try_from(part).unwrap_or(i64::MAX) * nanos.signum());
        }
    }
    billed
}
