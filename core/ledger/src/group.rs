//! Rows grouped for people: by run, step, item, pool or class. Each row is in exactly one group, so that the groups of
//! any kind sum to the same total.

use crate::charge::{Category, Charge};
use crate::life::{Class, Market};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::RunId;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Run,
    Step,
    Item,
    Pool,
    Class,
}

/// A sum of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    pub name: String,
    /// Milliseconds of whole machines, by class.
    pub machine_ms: u64,
    pub useful_ms: u64,
    pub boot_ms: u64,
    pub idle_ms: u64,
    pub lost_ms: u64,
    pub retried_ms: u64,
    pub failed_ms: u64,
    /// Of all rows that have a price.
    pub usd_nanos: u64,
    /// Of these, machines without volumes and addresses.
    pub machine_usd_nanos: u64,
    /// Milliseconds of machines that no price is known of.
    pub unpriced_ms: u64,
}

impl Line {
    pub fn of(&self, class: Class) -> u64 {
        match class {
            Class::Useful => self.useful_ms,
            Class::Boot => self.boot_ms,
            Class::Idle => self.idle_ms,
            Class::Lost => self.lost_ms,
            Class::Retried => self.retried_ms,
            Class::Failed => self.failed_ms,
        }
    }

    fn add(&mut self, row: &Charge) {
        self.usd_nanos += row.cost.unwrap_or_default();
        let Category::Machine(class) = row.category else { return };
        self.machine_ms += row.quantity;
        self.machine_usd_nanos += row.cost.unwrap_or_default();
        if row.cost.is_none() {
            self.unpriced_ms += row.quantity;
        }
        *match class {
            Class::Useful => &mut self.useful_ms,
            Class::Boot => &mut self.boot_ms,
            Class::Idle => &mut self.idle_ms,
            Class::Lost => &mut self.lost_ms,
            Class::Retried => &mut self.retried_ms,
            Class::Failed => &mut self.failed_ms,
        } += row.quantity;
    }
}

/// What a run, or a month, comes to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    #[serde(flatten)]
    pub total: Line,
    /// Bytes that it read from outside.
    pub bytes_in: u64,
    /// Nano-dollars a terabyte in; nothing where nothing was read or no price is known.
    pub usd_nanos_per_tb: Option<u64>,
    /// Of the paid time; nothing where there was none.
    pub useful_share: Option<f64>,
}

/// The rows of runs, grouped; in the order of their names, numbers by their value.
pub fn lines<'a>(by: By, rows: impl IntoIterator<Item = (&'a RunId, &'a Charge)>) -> Vec<Line> {
    let mut groups: BTreeMap<(String, u32, Option<u32>), Line> = BTreeMap::new();
    for (run, row) in rows {
        let (key, name) = key(by, run, row);
        let line = groups.entry(key).or_insert_with(|| Line { name, ..Line::default() });
        line.add(row);
    }
    groups.into_values().collect()
}

type Key = (String, u32, Option<u32>);

fn key(by: By, run: &RunId, row: &Charge) -> (Key, String) {
    let plain = |name: String| ((name.clone(), 0, None), name);
    match by {
        By::Run => plain(run.to_string()),
        By::Step => plain(row.step.to_string()),
        By::Pool => plain(pool(row)),
        By::Class => ((String::new(), order(row.category), None), row.category.name().to_owned()),
        By::Item => {
            let name = match row.item {
                Some(item) => format!("{} {item}", row.step),
                None => format!("{} shared", row.step),
            };
            ((row.step.to_string(), row.generation, row.item), named(row.generation, name))
        }
    }
}

/// Later generations number their items anew.
fn named(generation: u32, name: String) -> String {
    if generation > 1 { format!("{name} (g{generation})") } else { name }
}

fn pool(row: &Charge) -> String {
    match row.market {
        None => "services".to_owned(),
        Some(Market::Local) => "this machine".to_owned(),
        Some(Market::Spot) => format!("{} {} spot", row.sku, row.zone),
        Some(Market::OnDemand) => format!("{} {} on demand", row.sku, row.zone),
    }
}

fn order(category: Category) -> u32 {
    let classes = Class::ALL.into_iter().map(Category::Machine);
    let others = [
        Category::Volume,
        Category::Address,
        Category::S3Requests,
        Category::S3Storage,
        Category::Sqs,
        Category::Lambda,
        Category::StepFunctions,
    ];
    let all = classes.chain(others);
    all.zip(0..).find(|(other, _)| *other == category).map_or(u32::MAX, |(_, at)| at)
}

/// Everything, and the figures of the headline.
pub fn total<'a>(rows: impl IntoIterator<Item = &'a Charge>, bytes_in: u64) -> Summary {
    let mut total = Line { name: "total".to_owned(), ..Line::default() };
    rows.into_iter().for_each(|row| total.add(row));
    let a_tb = u128::from(total.usd_nanos) * 1_000_000_000_000 / u128::from(bytes_in.max(1));
    let is_priced = bytes_in > 0 && total.unpriced_ms == 0;
    let useful_share = (total.machine_ms > 0).then(|| total.useful_ms as f64 / total.machine_ms as f64);
    Summary {
        usd_nanos_per_tb: is_priced.then(|| u64::try_from(a_tb).unwrap_or(u64::MAX)),
        useful_share,
        bytes_in,
        total,
    }
}
