//! The report's page.

use super::items::{self, Items};
use super::lanes::{self, Lanes};
use super::memory::{self, Memory};
use super::rows::{self, CostRow, DossierView, FilesView, MachineRow, PoolRow, SlowRow, StepRow};
use super::shares::{self, Past, Share};
use super::templates::{SCRIPT, STYLE, render};
use super::{mark, tone};
use crate::model::{Changes, Destination, Dossier, Headline, Report};
use crate::words::{bytes, count, dollars, duration, iso, moment, number, percent, sum};
use serde::Serialize;
use spotmill_core::format::clip;
use std::collections::BTreeMap;

/// Characters of a message of a failed item that has one line.
const MESSAGE: usize = 300;

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    script: &'static str,
    report: Shown<'a>,
    mark: &'static str,
    tone: &'static str,
    when: String,
    made: String,
    made_iso: String,
    since: String,
    money: Option<MoneyView>,
    destinations: Vec<DestinationRow<'a>>,
    steps: Vec<StepRow<'a>>,
    lanes: Option<Lanes>,
    machines: Vec<MachineRow<'a>>,
    more_machines: usize,
    failed: Vec<DossierView<'a>>,
    more_failed: Vec<Line>,
    slowest: Vec<SlowRow<'a>>,
    memory: Vec<Memory>,
    pools: Vec<PoolRow<'a>>,
    inputs: Vec<FilesView<'a>>,
    items: Items,
}

/// What the page shows of the report as it is.
#[derive(Serialize)]
struct Shown<'a> {
    run: &'a str,
    state: &'a str,
    headline: &'a Headline,
    changes: &'a Changes,
    notes: &'a [String],
    params: &'a BTreeMap<String, String>,
}

/// A failed item in a line.
#[derive(Serialize)]
struct Line {
    step: String,
    item: u32,
    class: String,
    message: String,
}

#[derive(Serialize)]
struct MoneyView {
    total: String,
    facts: Vec<String>,
    budget: Option<Budget>,
    shares: Vec<Share>,
    shares_text: String,
    classes: Vec<CostRow>,
    past: Option<Past>,
    prices: Vec<(String, String)>,
    elsewhere: Vec<(String, String, String, String)>,
}

#[derive(Serialize)]
struct Budget {
    /// Of a hundred.
    width: String,
    text: String,
    tone: &'static str,
}

#[derive(Serialize)]
struct DestinationRow<'a> {
    of: &'a Destination,
    mark: &'static str,
    tone: &'static str,
    rows: String,
    published: String,
}

/// The page of a report; an error only if a template cannot be rendered, which no value causes.
pub fn page(report: &Report) -> Result<String, String> {
    let (failed, more) = rows::dossiers(report);
    let line = |of: &Dossier| Line {
        step: of.step.clone(),
        item: of.item,
        class: of.class.clone(),
        message: clip(&of.message, MESSAGE),
    };
    let (machines, more_machines) = rows::machines(report);
    render(
        "report.html",
        &Page {
            style: STYLE,
            script: SCRIPT,
            report: Shown {
                run: report.run.as_str(),
                state: &report.state,
                headline: &report.headline,
                changes: &report.changes,
                notes: &report.notes,
                params: &report.params,
            },
            mark: mark(&report.state),
            tone: tone(&report.state),
            when: when(report),
            made: moment(report.made_ms),
            made_iso: iso(report.made_ms),
            since: report.changes.since_ended_ms.map(moment).unwrap_or_default(),
            money: money(report),
            destinations: report.destinations.iter().map(destination).collect(),
            steps: report.steps.iter().map(|step| rows::step(step, report.money.is_some())).collect(),
            lanes: lanes::of(report),
            machines,
            more_machines,
            failed,
            more_failed: more.iter().map(line).collect(),
            slowest: rows::slowest(report),
            memory: memory::of(report),
            pools: report.pools.iter().map(rows::pool).collect(),
            inputs: report.inputs.iter().map(rows::files).collect(),
            items: items::of(report),
        },
    )
}

/// `started 2026-11-20 05:00:00 UTC · ended … · 54 of 56 planned items done`
fn when(report: &Report) -> String {
    let end = match report.ended_ms {
        Some(at) => format!("ended {} UTC, took {}", moment(at), duration(report.took_ms)),
        None if report.state == "running" => format!("runs for {}", duration(report.took_ms)),
        None => format!("last heard of {} after its start", duration(report.took_ms)),
    };
    let items = count(report.items, "planned item");
    format!("started {} UTC · {end} · {} of {items} done", moment(report.claimed_ms), number(report.committed))
}

fn money(report: &Report) -> Option<MoneyView> {
    let money = report.money.as_ref()?;
    let line = &money.total.total;
    let mut facts = Vec::new();
    facts.extend(money.total.usd_nanos_per_tb.map(|nanos| format!("{} a TB in", dollars(nanos))));
    facts.push(format!("{} of machines", duration(line.machine_ms)));
    facts.push(format!("{} read", bytes(money.total.bytes_in)));
    let shares = shares::shares(money);
    let words: Vec<String> = shares.iter().map(|share| format!("{} {}", share.class, share.text)).collect();
    let terms = |of: &spotmill_ledger::Elsewhere| {
        let term = |(name, value): (&String, &Option<f64>)| match value {
            Some(value) => format!("{name} {}", short(*value)),
            None => format!("{name} not known"),
        };
        of.terms.iter().map(term).collect::<Vec<_>>().join(" · ")
    };
    let usd =
        |usd: Option<f64>| usd.map_or_else(|| "not known".to_owned(), |usd| dollars(spotmill_ledger::nanos_of(usd)));
    Some(MoneyView {
        total: sum(line.usd_nanos, line.unpriced_ms, line.machine_ms),
        facts,
        budget: money.budget_usd.map(|budget| of_budget(budget, line.usd_nanos, line.unpriced_ms)),
        shares_text: words.join(", "),
        shares,
        classes: money.classes.iter().map(|class| rows::cost(class, line.machine_ms)).collect(),
        past: shares::past(&money.past),
        prices: money.prices.iter().map(price).collect(),
        elsewhere: money
            .elsewhere
            .iter()
            .map(|of| (of.name.clone(), usd(of.usd), of.formula.clone(), terms(of)))
            .collect(),
    })
}

fn price(of: &crate::model::Priced) -> (String, String) {
    let usd = crate::words::price_of(of.usd_nanos);
    (format!("{}, {}: {usd}", count(of.machines, "machine"), duration(of.machine_ms)), of.what.clone())
}

fn of_budget(budget_usd: f64, nanos: u64, unpriced_ms: u64) -> Budget {
    let budget = spotmill_ledger::nanos_of(budget_usd);
    let share = nanos as f64 * 100.0 / budget.max(1) as f64;
    let at_least = if unpriced_ms > 0 { "at least " } else { "" };
    Budget {
        width: format!("{:.1}", share.min(100.0)),
        text: format!(
            "{at_least}{} of its budget of {}, which itself counts machines alone, at upper bounds",
            percent(nanos, budget.max(1)),
            dollars(budget)
        ),
        tone: match share {
            100.0.. => "bad",
            80.0.. => "warn",
            _ => "good",
        },
    }
}

fn destination(of: &Destination) -> DestinationRow<'_> {
    let usual = match of.usual_rows {
        Some(usual) => format!(", usual {}", number(usual)),
        None => String::new(),
    };
    DestinationRow {
        mark: mark(&of.word),
        tone: tone(&of.word),
        rows: of.rows.map(|rows| format!("{}{usual}", number(rows))).unwrap_or_default(),
        published: of.published_ms.map(|at| format!("{} {}", moment(at), "UTC")).unwrap_or_default(),
        of,
    }
}

/// At most six digits after the point.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
