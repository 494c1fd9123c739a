//! The rows of the ledger as CSV, with the columns of FOCUS (https://focus.finops.org) where it has one and `x_` where it
//! has none. Amounts have all nine digits: the rows sum to the totals exactly, and with a bill what was billed does too.

use spotmill_core::ids::RunId;
use spotmill_ledger::{Charge, Market, Reconciled, Unit, usd};
use std::io::Write;

pub const COLUMNS: [&str; 21] = [
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ServiceName",
    "ResourceId",
    "SkuId",
    "RegionId",
    "AvailabilityZone",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ListCost",
    "EffectiveCost",
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "x_run",
    "x_step",
    "x_generation",
    "x_item",
    "x_class",
    "x_price_source",
];

/// The rows of the ledger. What was billed is known to AWS alone.
pub fn print<'a>(rows: impl Iterator<Item = (&'a RunId, &'a Charge)>) {
    write(rows.map(|(run, charge)| row(run, charge, None)));
}

/// The same with what was billed for each, then what was billed and is in no row.
pub fn print_billed<'a>(rows: impl Iterator<Item = ((&'a RunId, &'a Charge), Option<i64>)>, found: &Reconciled) {
    let rows = rows.map(|((run, charge), billed)| row(run, charge, billed));
    write(rows.chain(unmatched(found)));
}

/// A reader that goes away ends the list quietly.
fn write(rows: impl Iterator<Item = [String; 21]>) {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let head = std::iter::once(COLUMNS.map(str::to_owned));
    for fields in head.chain(rows) {
        if writeln!(out, "{}", fields.join(",")).is_err() {
            return;
        }
    }
    let _ = out.flush();
}

/// Machines that no ledger has, and what is billed beside machines' hours.
fn unmatched(found: &Reconciled) -> impl Iterator<Item = [String; 21]> {
    let of = |values: &[(&str, String)]| {
        let common = [("BillingCurrency", "USD".to_owned()), ("ChargeCategory", "Usage".to_owned())];
        let all: Vec<(&str, String)> = values.iter().cloned().chain(common).collect();
        COLUMNS.map(|name| all.iter().find(|(own, _)| *own == name).map(|(_, text)| quoted(text)).unwrap_or_default())
    };
    let leaked = found.leaked.iter().map(move |resource| {
        of(&[
            ("ChargePeriodStart", moment(resource.from_ms)),
            ("ChargePeriodEnd", moment(resource.to_ms)),
            ("ServiceName", "Amazon Elastic Compute Cloud".to_owned()),
            ("ResourceId", resource.resource.clone()),
            ("BilledCost", signed(resource.nanos)),
            ("x_run", resource.run.clone()),
            ("x_class", "not_on_record".to_owned()),
        ])
    });
    let beside = found.beside.iter().map(move |(usage, nanos)| {
        of(&[("SkuId", usage.clone()), ("BilledCost", signed(*nanos)), ("x_class", "beside".to_owned())])
    });
    leaked.chain(beside)
}

fn signed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", usd(nanos.unsigned_abs()))
}

fn row(run: &RunId, charge: &Charge, billed: Option<i64>) -> [String; 21] {
    let (quantity, unit) = quantity(charge);
    let amount = |nanos: Option<u64>| nanos.map(usd).unwrap_or_default();
    [
        moment(charge.start_ms),
        moment(charge.end_ms),
        charge.service().to_owned(),
        quoted(&charge.resource),
        quoted(&charge.sku),
        region(&charge.zone).to_owned(),
        quoted(&charge.zone),
        category(charge.market).to_owned(),
        quantity,
        unit.to_owned(),
        amount(charge.list),
        amount(charge.cost),
        billed.map(signed).unwrap_or_default(),
        "USD".to_owned(),
        "Usage".to_owned(),
        quoted(run.as_str()),
        quoted(charge.step.as_str()),
        charge.generation.to_string(),
        charge.item.map(|item| item.to_string()).unwrap_or_default(),
        charge.category.name().to_owned(),
        charge.source.name().to_owned(),
    ]
}

/// Spot prices change with the market.
fn category(market: Option<Market>) -> &'static str {
    match market {
        Some(Market::Spot) => "Dynamic",
        Some(Market::Local) => "Other",
        Some(Market::OnDemand) | None => "Standard",
    }
}

fn quantity(charge: &Charge) -> (String, &'static str) {
    let of = |per: f64| format!("{:.9}", charge.quantity as f64 / per);
    match charge.unit {
        Unit::Ms => (of(3_600_000.0), "Hours"),
        Unit::Requests => (charge.quantity.to_string(), "Requests"),
        Unit::Transitions => (charge.quantity.to_string(), "Transitions"),
        Unit::ByteDays => (of(1e9 * 30.4), "GB-Months"),
    }
}

/// `us-east-1a` is in `us-east-1`; the id of a zone, such as `use1-az4`, does not say where it is.
fn region(zone: &str) -> &str {
    let region = zone.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or_default();
    if region.ends_with(|c: char| c.is_ascii_digit()) && region.matches('-').count() >= 2 { region } else { "" }
}

fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Names of runs may hold what divides fields.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_ledger::{Category, Class, PriceSource};

    #[test]
    fn a_row_has_the_columns_of_focus() {
        let charge = Charge {
            step: "by_route".into(),
            generation: 2,
            item: Some(7),
            category: Category::Machine(Class::Retried),
            resource: "i-0a1".to_owned(),
            sku: "r7g.2xlarge".to_owned(),
            zone: "us-east-1a".to_owned(),
            market: Some(Market::Spot),
            start_ms: 1_795_000_000_000,
            end_ms: 1_795_003_600_500,
            quantity: 900_000,
            unit: Unit::Ms,
            list: None,
            cost: Some(6_666_667),
            source: PriceSource::Spot,
        };
        let expected = "2026-11-18T11:06:40Z,2026-11-18T12:06:40.5Z,Amazon Elastic Compute Cloud,i-0a1,r7g.2xlarge,\
                        us-east-1,us-east-1a,Dynamic,0.250000000,Hours,,0.006666667,,USD,Usage,\"p/a=1,b=2\",by_route,2,7,\
                        retried,spot";
        assert_eq!(row(&"p/a=1,b=2".into(), &charge, None).join(","), expected);
        let billed = row(&"p/a=1,b=2".into(), &charge, Some(-1)).join(",");
        assert_eq!(billed, expected.replace("0.006666667,,USD", "0.006666667,-0.000000001,USD"));
        assert_eq!((region("use1-az4"), region("local"), region("")), ("", "", ""));
    }
}
