//! Rows of the page's tables, as text.

use super::{mark, tone};
use crate::model::{Dossier, Lane, Pool, Report, StepFiles, StepLine};
use crate::words::{bytes, clock, dollars, duration, moment, number, percent, price_of, sum};
use serde::Serialize;
use spotmill_core::format::clip;
use spotmill_ledger::Line;

/// Items that are shown as slowest.
const SLOWEST: usize = 10;
/// Failed items that are shown in full; the others have a line each.
const FULL: usize = 20;
/// Characters of all logs together, and of one.
const LOGS: usize = 30_000;
const LOG: usize = 2_500;
/// Files that the page names of a step.
const FILES: usize = 60;
/// Characters of a location.
const LOCATION: usize = 200;
/// Machines that the table names.
const MACHINES: usize = 150;

#[derive(Serialize)]
pub struct StepRow<'a> {
    pub of: &'a StepLine,
    pub mark: &'static str,
    pub tone: &'static str,
    pub items: String,
    pub rows_in: String,
    pub rejected: String,
    pub rows_out: String,
    pub took: String,
    pub longest: String,
    pub median: String,
    pub peak: String,
    pub cost: String,
    pub remarks: Vec<String>,
}

/// `is_counted`: the run has a ledger, so that a step without dollars or unpriced time was charged nothing.
pub fn step(of: &StepLine, is_counted: bool) -> StepRow<'_> {
    let failed = if of.failed > 0 { format!(", {} failed", of.failed) } else { String::new() };
    let longest = of.longest.map(|(item, ms)| format!("{} (item {item})", duration(ms)));
    let median = of.median_ms.map(|ms| format!("median {}", duration(ms)));
    let peak = match of.peak_bytes {
        0 => String::new(),
        peak => format!("{} of {}", bytes(peak), bytes(of.limit_bytes)),
    };
    let mut remarks: Vec<String> = Vec::new();
    if of.generation > 1 {
        remarks.push(format!("generation {}: {}", of.generation, of.because));
    }
    remarks.extend(of.warnings.iter().chain(&of.notes).cloned());
    StepRow {
        mark: mark(&of.state),
        tone: tone(&of.state),
        items: format!("{}/{}{failed}", number(of.committed.into()), number(of.items.into())),
        rows_in: number(of.rows.raw),
        rejected: number(of.rows.rejected),
        rows_out: number(of.rows.written),
        took: duration(of.took_ms),
        longest: longest.unwrap_or_default(),
        median: median.unwrap_or_default(),
        peak,
        cost: if is_counted && of.unpriced_ms == 0 {
            of.usd_nanos.map_or_else(String::new, dollars)
        } else {
            price_of(of.usd_nanos)
        },
        remarks,
        of,
    }
}

#[derive(Serialize)]
pub struct CostRow {
    pub name: String,
    pub time: String,
    pub share: String,
    pub usd: String,
}

pub fn cost(line: &Line, machine_ms: u64) -> CostRow {
    let is_machine = line.machine_ms > 0;
    CostRow {
        name: line.name.replace('_', " "),
        time: if is_machine { duration(line.machine_ms) } else { String::new() },
        share: if is_machine { percent(line.machine_ms, machine_ms) } else { String::new() },
        usd: sum(line.usd_nanos, line.unpriced_ms, line.machine_ms),
    }
}

#[derive(Serialize)]
pub struct DossierView<'a> {
    pub of: &'a Dossier,
    pub facts: Vec<(&'static str, String)>,
    pub log: String,
}

/// Failed items in full, and the rest.
pub fn dossiers(report: &Report) -> (Vec<DossierView<'_>>, &[Dossier]) {
    let (full, rest) = report.failed.split_at(report.failed.len().min(FULL));
    let most = (LOGS / full.len().max(1)).min(LOG);
    (full.iter().map(|of| dossier(of, most)).collect(), rest)
}

fn dossier(of: &Dossier, most: usize) -> DossierView<'_> {
    let mut facts = vec![("Cause", format!("{}: {}", of.class, of.message))];
    facts.extend(of.remedy.as_ref().map(|remedy| ("Fix", remedy.clone())));
    facts.extend(of.file.as_ref().map(|file| ("File", file.clone())));
    let input = [of.label.clone(), if of.bytes_in > 0 { bytes(of.bytes_in) } else { String::new() }];
    let input: Vec<String> = input.into_iter().filter(|text| !text.is_empty()).collect();
    if !input.is_empty() {
        facts.push(("Input", input.join(", ")));
    }
    facts.push(("Ended", format!("{} at {}", of.ended, moment(of.failed_ms))));
    facts.push(("Memory", format!("peak {} of {}", bytes(of.peak_bytes), bytes(of.limit_bytes))));
    facts.push(("Where", of.worker.clone()));
    facts.push(("Attempts", of.attempts.to_string()));
    DossierView { of, facts, log: last(&of.log_tail, most) }
}

/// The end of a text, from the beginning of a line where there is one.
fn last(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return text.to_owned();
    }
    let tail: String = text.chars().skip(all - most).collect();
    let tail = tail.split_once('\n').map_or(tail.as_str(), |(_, rest)| rest);
    format!("…\n{tail}")
}

#[derive(Serialize)]
pub struct SlowRow<'a> {
    pub step: &'a str,
    pub item: u32,
    pub label: String,
    pub took: String,
    pub rows: String,
    pub bytes: String,
    pub worker: &'a str,
}

pub fn slowest(report: &Report) -> Vec<SlowRow<'_>> {
    let mut rows = super::items::rows(report);
    rows.retain(|row| row.attempt.status == "committed");
    rows.sort_by_key(|row| std::cmp::Reverse(row.attempt.run_ms));
    let shown = rows.into_iter().take(SLOWEST).map(|row| SlowRow {
        step: &row.attempt.step,
        item: row.attempt.item,
        label: clip(&row.attempt.label, LOCATION),
        took: duration(row.attempt.run_ms),
        rows: number(row.attempt.rows.raw),
        bytes: bytes(row.attempt.bytes_in),
        worker: &row.attempt.worker,
    });
    shown.collect()
}

#[derive(Serialize)]
pub struct MachineRow<'a> {
    pub of: &'a Lane,
    pub pool: String,
    pub launched: String,
    pub boot: String,
    pub lived: String,
    pub usd: String,
    pub end: String,
}

/// The first machines, and how many more there are.
pub fn machines(report: &Report) -> (Vec<MachineRow<'_>>, usize) {
    let rows = report.machines.iter().take(MACHINES).map(|of| {
        let noticed = of.noticed_ms.map(|at| format!("notice at {}", clock(at)));
        let gone = of.vanished.then(|| "vanished".to_owned());
        let all: Vec<String> = noticed.into_iter().chain(gone).chain(of.end.clone()).collect();
        MachineRow {
            pool: crate::machines::pool_name(of),
            launched: moment(of.launched_ms),
            boot: of
                .ready_ms
                .map_or_else(|| "never ready".to_owned(), |at| duration(at.saturating_sub(of.launched_ms))),
            lived: duration(of.ended_ms.saturating_sub(of.launched_ms)),
            usd: price_of(of.usd_nanos),
            end: all.join(", "),
            of,
        }
    });
    (rows.collect(), report.machines.len().saturating_sub(MACHINES))
}

#[derive(Serialize)]
pub struct PoolRow<'a> {
    pub of: &'a Pool,
    pub time: String,
    pub useful: String,
    pub usd: String,
}

pub fn pool(of: &Pool) -> PoolRow<'_> {
    PoolRow {
        time: duration(of.machine_ms),
        useful: percent(of.useful_ms, of.machine_ms),
        usd: price_of(of.usd_nanos),
        of,
    }
}

#[derive(Serialize)]
pub struct FilesView<'a> {
    pub of: &'a StepFiles,
    pub title: String,
    pub files: Vec<FileRow>,
    pub more: String,
}

#[derive(Serialize)]
pub struct FileRow {
    pub uri: String,
    pub bytes: String,
    pub etag: String,
}

pub fn files(of: &StepFiles) -> FilesView<'_> {
    let row = |file: &crate::StepFile| FileRow {
        uri: clip(&file.uri, LOCATION),
        bytes: bytes(file.bytes),
        etag: clip(file.etag.trim_matches('"'), 40),
    };
    let more = of.files.saturating_sub(of.named.len().min(FILES) as u64);
    FilesView {
        title: format!("{}: {}, {}", of.step, crate::words::count(of.files, "file"), bytes(of.bytes)),
        files: of.named.iter().take(FILES).map(row).collect(),
        more: if more > 0 { format!("and {} more", number(more)) } else { String::new() },
        of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_begins_with_a_line() {
        assert_eq!(last("short", 10), "short");
        assert_eq!(last("first line\nsecond\nthird", 15), "…\nsecond\nthird");
        assert_eq!(last("éééééééééé", 4), "…\néééé");
    }
}
