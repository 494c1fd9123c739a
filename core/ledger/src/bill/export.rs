//! Exports of costs and usage: legacy Cost and Usage Reports, their second version, and FOCUS, by the names of their
//! columns. What is read is the unblended cost, or BilledCost: what stands on the invoice.

use super::amount::{moment, nanos};
use super::{Bill, Billed, Kind, Others, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Columns of a report of either version, under the names of the second.
pub const NEEDED_CUR: [&str; 9] = [
    "line_item_resource_id",
    "line_item_unblended_cost",
    "line_item_currency_code",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_line_item_type",
    "bill_billing_period_start_date",
    "line_item_usage_type",
    "identity_line_item_id",
];
/// The same of FOCUS; a line has no id there.
pub const NEEDED_FOCUS: [&str; 7] = [
    "resource_id",
    "billed_cost",
    "billing_currency",
    "charge_period_start",
    "charge_period_end",
    "charge_category",
    "billing_period_start",
];
/// What FOCUS calls the type of usage, in exports of AWS with its own columns.
const USAGE_FOCUS: &str = "x_usage_type";
/// A line that covers more than a day says nothing of how far usage is billed: fees are billed for a month at once.
const DAY_MS: u64 = 86_400_000;

/// `lineItem/UsageStartDate` is `line_item_usage_start_date`, `x_UsageType` is `x_usage_type`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        match c.is_ascii_alphanumeric() {
            true => out.push(c.to_ascii_lowercase()),
            false => out.push('_'),
        }
        before = c;
    }
    out
}

/// Whether a key of a map of tags is `spotmill:run`, however the export writes it: `user:spotmill:run`, `user_spotmill_run`.
pub fn is_run_tag(key: &str) -> bool {
    let key = snake(key);
    let key = key.strip_prefix("resource_tags_").unwrap_or(&key);
    key.strip_prefix("user_").unwrap_or(key) == snake(spotmill_ec2::RUN_TAG)
}

/// Where an export's columns stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub source: Source,
    columns: usize,
    needed: Vec<usize>,
    usage: Option<usize>,
    id: Option<usize>,
    /// The tag as a column of its own.
    tag: Option<usize>,
    /// All tags as JSON.
    tags: Option<usize>,
}

impl Layout {
    /// By the names of the header; the error says what it lacks.
    pub fn of(header: &[&str]) -> Result<Layout, String> {
        let names: Vec<String> = header.iter().map(|name| snake(name.trim_start_matches('\u{feff}'))).collect();
        let at = |name: &str| names.iter().position(|own| own == name);
        let is_cur = names.iter().any(|name| name.starts_with("line_item_"));
        if !is_cur && at("billed_cost").is_none() {
            return Err("expected the header of a Cost and Usage Report (lineItem/UnblendedCost or \
                        line_item_unblended_cost, …) or of FOCUS (BilledCost, …)"
                .to_owned());
        }
        let (source, wanted) = match is_cur {
            true => (Source::Cur, &NEEDED_CUR[..]),
            false => (Source::Focus, &NEEDED_FOCUS[..]),
        };
        let missing: Vec<&str> = wanted.iter().copied().filter(|name| at(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(format!(
                "expected the column {} of a {}; export it with resource ids, and with hours or days",
                missing.join(", "),
                source.name()
            ));
        }
        let usage = if is_cur { at("line_item_usage_type") } else { at(USAGE_FOCUS) };
        Ok(Layout {
            source,
            columns: names.len(),
            needed: wanted.iter().filter_map(|name| at(name)).collect(),
            usage,
            id: at("identity_line_item_id"),
            tag: names.iter().position(|name| is_run_tag(name)),
            tags: at("resource_tags").or_else(|| at("tags")),
        })
    }

    /// The places of the columns that are read.
    pub fn read(&self) -> BTreeSet<usize> {
        let others = [self.usage, self.id, self.tag, self.tags];
        self.needed.iter().copied().chain(others.into_iter().flatten()).collect()
    }

    pub fn has_tags(&self) -> bool {
        self.tag.is_some() || self.tags.is_some()
    }

    fn run(&self, fields: &[&str]) -> Result<Option<String>, String> {
        if let Some(run) = self.tag.and_then(|at| fields.get(at)).filter(|run| !run.is_empty()) {
            return Ok(Some((*run).to_owned()));
        }
        let Some(json) = self.tags.and_then(|at| fields.get(at)).filter(|json| !json.is_empty()) else {
            return Ok(None);
        };
        let tags: BTreeMap<String, Option<String>> = serde_json::from_str(json).map_err(|_| {
            format!("tags: expected a JSON object of texts, found `{}`", spotmill_core::format::clip(json, 60))
        })?;
        Ok(tags.into_iter().find(|(key, _)| is_run_tag(key)).and_then(|(_, run)| run).filter(|run| !run.is_empty()))
    }
}

/// An id names a line within a file, for a time, with what it is for.
type Key = (String, u64, u64, String, String, i64);

/// The lines of an export so far. What is neither a machine's, nor a volume's, nor tagged is summed and not kept: an account
/// may have very many such lines.
#[derive(Default)]
pub struct Export {
    lines: Vec<Billed>,
    others: Others,
    seen: BTreeSet<Key>,
    repeated: u64,
    until_ms: Option<u64>,
    source: Option<Source>,
    /// By billing period, the folder of its files.
    folders: BTreeMap<String, String>,
}

impl Export {
    /// Takes the fields of a line of a file in this folder. The error says what was expected.
    pub fn add(&mut self, folder: &str, layout: &Layout, fields: &[&str]) -> Result<(), String> {
        if fields.len() != layout.columns {
            return Err(format!("expected {} fields, as the header has, found {}", layout.columns, fields.len()));
        }
        let field = |at: usize| layout.needed.get(at).and_then(|at| fields.get(*at)).copied().unwrap_or_default();
        let [resource, cost, currency, start, end, category, period] = [0, 1, 2, 3, 4, 5, 6].map(field);
        let wrong = |name: &str, what: &str, found: &str| format!("{name}: expected {what}, found `{found}`");
        if currency != "USD" {
            return Err(wrong("currency", "USD; other currencies are not compared", currency));
        }
        let nanos = nanos(cost).ok_or_else(|| wrong("cost", "an amount such as 0.0142", cost))?;
        let time = |name: &str, text: &str| {
            moment(text).ok_or_else(|| wrong(name, "a time such as 2026-11-01T07:00:00Z", text))
        };
        let (start_ms, end_ms) = (time("start", start)?, time("end", end)?);
        self.whole(folder, period)?;
        let usage = layout.usage.and_then(|at| fields.get(at)).copied().unwrap_or_default();
        let resource = resource.rsplit('/').next().unwrap_or_default();
        if category == "Usage" && end_ms.saturating_sub(start_ms) <= DAY_MS {
            self.until_ms = self.until_ms.max(Some(end_ms));
        }
        self.source = Some(layout.source);
        let run = layout.run(fields)?;
        if run.is_none() && !["i-", "vol-"].iter().any(|mark| resource.starts_with(mark)) {
            self.others.add(nanos);
            return Ok(());
        }
        if let Some(id) = layout.id.and_then(|at| fields.get(at)) {
            let key = ((*id).to_owned(), start_ms, end_ms, resource.to_owned(), format!("{usage} {category}"), nanos);
            if !self.seen.insert(key) {
                self.repeated += 1;
                return Ok(());
            }
        }
        let kind = kind(resource, layout.usage.map(|_| usage));
        self.lines.push(Billed {
            resource: resource.to_owned(),
            run,
            kind,
            usage: usage.to_owned(),
            start_ms,
            end_ms,
            nanos,
        });
        Ok(())
    }

    /// Each delivery of a period holds all of it.
    fn whole(&mut self, folder: &str, period: &str) -> Result<(), String> {
        let other = self.folders.entry(period.to_owned()).or_insert_with(|| folder.to_owned());
        if other == folder {
            return Ok(());
        }
        Err(format!(
            "expected one delivery of the billing period {period}; {other} holds it too: point at the folder of the latest"
        ))
    }

    /// A file whose bytes had been read before.
    pub fn repeats(&mut self, lines: u64) {
        self.repeated += lines;
    }

    pub fn end(self) -> Option<Bill> {
        let Export { lines, others, repeated, until_ms, source, .. } = self;
        Some(Bill { source: source?, lines, others, repeated, until_ms })
    }
}

/// Hours are told from a machine's traffic by the type of usage, where there is one.
fn kind(resource: &str, usage: Option<&str>) -> Kind {
    let is_hours = usage.is_none_or(|usage| usage.contains("SpotUsage") || usage.contains("BoxUsage"));
    match resource {
        id if id.starts_with("i-") && is_hours => Kind::Machine,
        id if id.starts_with("vol-") => Kind::Volume,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests;
