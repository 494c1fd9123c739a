//! Requests, calls and storage, as far as records count them: each number is the least that there were. Tries that were
//! repeated, parts of large files, the seconds of functions and requests by people leave no record and are not in it.

use crate::charge::{Category, Charge, PriceSource, Unit};
use crate::money::{cost, nanos_of};
use spotmill_core::ids::{Generation, ItemIndex, StepName};
use spotmill_core::rates::Rates;

/// Days of a month, as AWS divides storage.
const MONTH_DAYS: f64 = 30.4;
const GB: u64 = 1_000_000_000;
const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;
/// A message is received and deleted, and a callback is sent.
const REQUESTS_AN_ATTEMPT: u64 = 3;
/// RunStep and More; PlanWork and HasWork; Done or Failed.
const TRANSITIONS_AN_EPOCH: u64 = 5;
/// LaunchFleet, DispatchWork, KillFleet, Verdict, WhatNext.
const TRANSITIONS_A_ROUND: u64 = 5;
/// PlanWork.
const CALLS_AN_EPOCH: u64 = 1;
/// LaunchFleet, DispatchWork, KillFleet, Verdict.
const CALLS_A_ROUND: u64 = 4;

/// Where a run works, which decides what AWS counts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine, its state in a directory: nothing.
    Local,
    /// On this machine, its state in a bucket: S3.
    LocalOnS3,
    Aws,
}

/// What the records of an item count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    pub item: ItemIndex,
    /// Attempts that left a record.
    pub attempts: u64,
    /// Objects that an attempt reads.
    pub inputs: u64,
    /// Objects that attempts wrote, records included.
    pub writes: u64,
    /// Bytes of its committed files.
    pub bytes: u64,
}

/// What the records of a step's generation count.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub step: StepName,
    pub generation: Generation,
    /// Executions that worked on it, and their rounds with machines.
    pub epochs: u64,
    pub rounds: u64,
    pub items: Vec<ItemCounts>,
    pub start_ms: u64,
    pub end_ms: u64,
}

pub fn of_services(place: Place, counted: &Counted, rates: &Rates) -> Vec<Charge> {
    if place == Place::Local {
        return Vec::new();
    }
    let mut rows: Vec<Charge> = counted.items.iter().flat_map(|item| of_item(place, counted, item, rates)).collect();
    if place == Place::Aws {
        rows.extend(of_step(counted, rates));
    }
    rows.retain(|row| row.quantity > 0);
    rows
}

fn of_item(place: Place, counted: &Counted, item: &ItemCounts, rates: &Rates) -> Vec<Charge> {
    let row = |category, quantity, unit, cost| row(counted, Some(item.item), category, quantity, unit, cost);
    // An input is read by each attempt and looked at again before the receipt.
    let reads = 2 * item.inputs * item.attempts;
    let reading = cost(nanos_of(rates.get("s3_read_1000")), reads, THOUSAND);
    let writing = cost(nanos_of(rates.get("s3_write_1000")), item.writes, THOUSAND);
    let requests = REQUESTS_AN_ATTEMPT * item.attempts;
    let days = rates.get("scratch_days");
    let kept = cost(nanos_of(rates.get("s3_gb_month") * days / MONTH_DAYS), item.bytes, GB);
    let mut rows = vec![
        row(Category::S3Requests, reads, Unit::Requests, reading),
        row(Category::S3Requests, item.writes, Unit::Requests, writing),
        row(Category::S3Storage, (item.bytes as f64 * days) as u64, Unit::ByteDays, kept),
    ];
    if place == Place::Aws {
        let queued = cost(nanos_of(rates.get("sqs_million")), requests, MILLION);
        rows.push(row(Category::Sqs, requests, Unit::Requests, queued));
    }
    rows
}

fn of_step(counted: &Counted, rates: &Rates) -> [Charge; 2] {
    let transitions = TRANSITIONS_AN_EPOCH * counted.epochs + TRANSITIONS_A_ROUND * counted.rounds;
    let calls = CALLS_AN_EPOCH * counted.epochs + CALLS_A_ROUND * counted.rounds;
    let stepped = cost(nanos_of(rates.get("transition_1000")), transitions, THOUSAND);
    let called = cost(nanos_of(rates.get("lambda_million")), calls, MILLION);
    [
        row(counted, None, Category::StepFunctions, transitions, Unit::Transitions, stepped),
        row(counted, None, Category::Lambda, calls, Unit::Requests, called),
    ]
}

fn row(counted: &Counted, item: Option<ItemIndex>, category: Category, quantity: u64, unit: Unit, cost: u64) -> Charge {
    Charge {
        step: counted.step.clone(),
        generation: counted.generation,
        item,
        category,
        resource: String::new(),
        sku: String::new(),
        zone: String::new(),
        market: None,
        start_ms: counted.start_ms,
        end_ms: counted.end_ms,
        quantity,
        unit,
        list: Some(cost),
        cost: Some(cost),
        source: PriceSource::Table,
    }
}
