//! Rows of the ledger: what one machine, or one service, cost for one item in one class. Columns are named after FOCUS
//! where they are printed. A machine's price is taken for the seconds that EC2 bills and divided among the parts of its
//! life, so that the parts sum to it exactly.

use crate::life::{Attempt, Class, Life, Market, split};
use crate::money::{apportion, cost, nanos_of};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::bounds::USD_PER_VCPU_HOUR;
use spotmill_core::ids::{Generation, ItemIndex, StepName};
use spotmill_core::rates::{Rates, SetBy};

const HOUR_MS: u64 = 3_600_000;
/// Seconds that EC2 bills of a machine at least.
const LEAST_SECS: u64 = 60;
/// Hours of a month, as AWS divides prices by the month.
const MONTH_HOURS: f64 = 730.0;
/// MiB/s that a gp3 volume has without a price.
const FREE_MIBPS: f64 = 125.0;

/// What a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    Machine(Class),
    Volume,
    Address,
    S3Requests,
    S3Storage,
    Sqs,
    Lambda,
    StepFunctions,
}

impl Category {
    /// `x_class` of a row.
    pub fn name(self) -> &'static str {
        match self {
            Category::Machine(class) => class.name(),
            Category::Volume => "volume",
            Category::Address => "address",
            Category::S3Requests => "s3_requests",
            Category::S3Storage => "s3_storage",
            Category::Sqs => "sqs",
            Category::Lambda => "lambda",
            Category::StepFunctions => "step_functions",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Category::Machine(_) | Category::Volume => "Amazon Elastic Compute Cloud",
            Category::Address => "Amazon Virtual Private Cloud",
            Category::S3Requests | Category::S3Storage => "Amazon Simple Storage Service",
            Category::Sqs => "Amazon Simple Queue Service",
            Category::Lambda => "AWS Lambda",
            Category::StepFunctions => "AWS Step Functions",
        }
    }
}

/// What `quantity` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds of a whole machine.
    Ms,
    Requests,
    Transitions,
    /// Bytes kept for a day.
    ByteDays,
}

/// Where a price is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The spot price of the type and zone, as AWS reported it when the machine was first seen.
    Spot,
    /// AWS takes nothing for a machine that it took away within its first hour.
    FirstHour,
    /// A rate that was set on the command line.
    Set,
    /// A rate that the pipeline file sets.
    Pipeline,
    /// A dated table.
    Table,
    /// No price is known: an upper bound.
    Bound,
    /// No price is known, and the row has none.
    Unknown,
}

impl PriceSource {
    pub fn name(self) -> &'static str {
        match self {
            PriceSource::Spot => "spot",
            PriceSource::FirstHour => "first_hour",
            PriceSource::Set => "set",
            PriceSource::Pipeline => "pipeline",
            PriceSource::Table => "table",
            PriceSource::Bound => "bound",
            PriceSource::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    pub step: StepName,
    pub generation: Generation,
    /// Nothing of what belongs to no item.
    pub item: Option<ItemIndex>,
    pub category: Category,
    /// A machine's id.
    pub resource: String,
    /// A machine's type.
    pub sku: String,
    pub zone: String,
    /// Of machines.
    pub market: Option<Market>,
    pub start_ms: u64,
    pub end_ms: u64,
    pub quantity: u64,
    pub unit: Unit,
    /// Nano-dollars on demand; nothing where that is not known.
    pub list: Option<u64>,
    /// Nano-dollars; nothing where no price is known.
    pub cost: Option<u64>,
    pub source: PriceSource,
}

impl Charge {
    /// `ServiceName`.
    pub fn service(&self) -> &'static str {
        match self.market {
            Some(Market::Local) => "this machine",
            _ => self.category.service(),
        }
    }
}

/// The rows of a machine: the parts of its life, its volume and its address. The second value is the time of attempts
/// that did not fit into its life.
pub fn of_machine(
    step: &StepName,
    generation: Generation,
    life: &Life,
    attempts: &[Attempt],
    rates: &Rates,
) -> (Vec<Charge>, u64) {
    let (slices, over_ms) = split(life, attempts);
    let weights: Vec<u64> = slices.iter().map(|s| s.slot_ms).collect();
    let (hourly, source) = price(life, rates);
    let total = hourly.map(|hourly| cost(hourly, billed_ms(life), HOUR_MS));
    let listed = list_price(life).map(|hourly| cost(hourly, billed_ms(life), HOUR_MS));
    let times = apportion(life.lived_ms(), &weights);
    let costs = total.map(|total| apportion(total, &weights));
    let lists = listed.map(|listed| apportion(listed, &weights));
    let whole = Charge {
        step: step.clone(),
        generation,
        item: None,
        category: Category::Machine(Class::Boot),
        resource: life.id.clone(),
        sku: life.kind.clone(),
        zone: life.zone.clone(),
        market: Some(life.market),
        start_ms: life.launched_ms,
        end_ms: life.ended_ms,
        quantity: life.lived_ms(),
        unit: Unit::Ms,
        list: listed,
        cost: total,
        source,
    };
    // A machine without a life of its own is still billed its least.
    let mut rows = if slices.is_empty() { vec![whole.clone()] } else { Vec::new() };
    rows.extend(slices.iter().enumerate().map(|(i, slice)| Charge {
        item: slice.item,
        category: Category::Machine(slice.class),
        quantity: times[i],
        list: lists.as_ref().map(|l| l[i]),
        cost: costs.as_ref().map(|c| c[i]),
        ..whole.clone()
    }));
    if life.market != Market::Local {
        rows.extend(extras(life, &whole, rates));
    }
    (rows, over_ms)
}

/// A machine's volume and address, which nobody's interruption makes free.
fn extras(life: &Life, whole: &Charge, rates: &Rates) -> [Charge; 2] {
    let throughput = (rates.get("volume_mibps") - FREE_MIBPS).max(0.0) * rates.get("volume_mibps_month");
    let volume = (rates.get("volume_gb") * rates.get("volume_gb_month") + throughput) / MONTH_HOURS;
    let row = |category, hourly: f64| {
        let cost = cost(nanos_of(hourly), billed_ms(life), HOUR_MS);
        Charge { category, list: Some(cost), cost: Some(cost), source: PriceSource::Table, ..whole.clone() }
    };
    [row(Category::Volume, volume), row(Category::Address, rates.get("address_hour"))]
}

/// Nano-dollars an hour, and where they are from. What the command line sets is asked for; what the pipeline sets is for
/// machines that no table has, such as this one.
fn price(life: &Life, rates: &Rates) -> (Option<u64>, PriceSource) {
    let by_pipeline = rates.set_by("vcpu_hour") == Some(SetBy::Pipeline);
    let set = rates.known("vcpu_hour").map(|usd| nanos_of(usd * f64::from(life.vcpus)));
    let own = life.usd_per_hour.filter(|_| life.market == Market::Spot).map(nanos_of);
    let table = list_price(life);
    let bound = nanos_of(USD_PER_VCPU_HOUR * f64::from(life.vcpus));
    match (life.market, own, set, table) {
        (Market::Spot, ..) if life.noticed && life.lived_ms() < HOUR_MS => (Some(0), PriceSource::FirstHour),
        (Market::Spot, Some(own), ..) => (Some(own), PriceSource::Spot),
        (_, _, Some(set), _) if !by_pipeline => (Some(set), PriceSource::Set),
        (_, _, _, Some(table)) => (Some(table), PriceSource::Table),
        (_, _, Some(set), _) => (Some(set), PriceSource::Pipeline),
        (Market::Local, ..) => (None, PriceSource::Unknown),
        (..) => (Some(bound), PriceSource::Bound),
    }
}

/// Nano-dollars an hour on demand, by the dated table.
fn list_price(life: &Life) -> Option<u64> {
    let machine = (life.market != Market::Local).then_some(life.kind.as_str())?;
    Some(nanos_of(spotmill_ec2::prices::list_price(machine)? * f64::from(life.vcpus)))
}

/// EC2 bills whole seconds; this machine bills nobody.
fn billed_ms(life: &Life) -> u64 {
    match life.market {
        Market::Local => life.lived_ms(),
        _ => 1_000 * life.lived_ms().div_ceil(1_000).max(LEAST_SECS),
    }
}
