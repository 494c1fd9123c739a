//! The ledger for people: a headline, a table, what the figures lack, and the comparison with its formulas.

use crate::args::{CostBy, Global};
use crate::event::CostReport;
use crate::result::{indent, table};
use crate::ui::format::{dollars, duration};
use spotmill_ledger::{Class, Elsewhere, Line};

/// Characters of a formula's lines.
const WIDTH: usize = 74;

pub fn print(global: &Global, report: &CostReport, by: CostBy) {
    let total = &report.total.total;
    say!("{}  {}", report.of, headline(report));
    let names = ["useful", "boot", "idle", "lost", "retried", "failed"];
    let head = [&[by.name(), "time"][..], &names, &["$"]].concat();
    let mut shown = table(&head, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for line in &report.lines {
        shown.add_row(row(line));
    }
    if report.lines.len() != 1 {
        shown.add_row(row(total));
    }
    say!("{}", indent(&shown));
    for note in &report.notes {
        say!("  ! {note}");
    }
    if total.unpriced_ms > 0 {
        let command = global.command("cost").arg(&report.of).option("--rate", "vcpu_hour=0.05");
        say!(
            "  ! this machine has no price; for dollars set vcpu_hour in [rates] of pipeline.toml, or once: {command}"
        );
    }
    if !report.elsewhere.is_empty() {
        compared(&report.elsewhere);
    }
}

/// `$1.31 · $21.54 a TB in · 81% of the paid time useful`
fn headline(report: &CostReport) -> String {
    let summary = &report.total;
    let mut parts = Vec::new();
    if summary.total.unpriced_ms < summary.total.machine_ms || summary.total.usd_nanos > 0 {
        parts.push(dollars(summary.total.usd_nanos));
    }
    parts.extend(summary.usd_nanos_per_tb.map(|nanos| format!("{} a TB in", dollars(nanos))));
    parts.push(format!("{} of machines", duration(summary.total.machine_ms)));
    let paid = if summary.total.unpriced_ms > 0 { "it" } else { "the paid time" };
    parts.extend(summary.useful_share.map(|share| format!("{:.0}% of {paid} useful", share * 100.0)));
    parts.join(" · ")
}

fn row(line: &Line) -> [String; 9] {
    let share = |class: Class| match (line.of(class), line.machine_ms) {
        (0, _) => String::new(),
        (ms, all) => format!("{:.1}%", ms as f64 * 100.0 / all as f64),
    };
    let time = if line.machine_ms > 0 { duration(line.machine_ms) } else { String::new() };
    let priced = line.unpriced_ms < line.machine_ms || line.usd_nanos > 0 || line.machine_ms == 0;
    let usd = if priced { dollars(line.usd_nanos) } else { String::new() };
    let [useful, boot, idle, lost, retried, failed] = Class::ALL.map(share);
    [line.name.clone(), time, useful, boot, idle, lost, retried, failed, usd]
}

fn compared(all: &[Elsewhere]) {
    say!("\n  The same work elsewhere: formulas over the hours of these machines, no");
    say!("  measurements. Names are what was measured here, or rates: --rate NAME=NUMBER");
    for line in all {
        let usd = line.usd.map_or_else(|| "not known".to_owned(), |usd| dollars(spotmill_ledger::nanos_of(usd)));
        say!("\n  {:<28} {usd}", line.name);
        let term = |(name, value): (&String, &Option<f64>)| match value {
            Some(value) => format!("{name} {}", short(*value)),
            None => format!("{name} not known"),
        };
        let words = line.formula.split(' ').map(str::to_owned);
        wrapped(" ", words).iter().for_each(|part| say!("    {part}"));
        wrapped(" · ", line.terms.iter().map(term)).iter().for_each(|part| say!("    {part}"));
    }
}

/// Lines of at most `WIDTH` characters.
fn wrapped(between: &str, words: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if (line.chars().count() + between.len() + word.len()) <= WIDTH => {
                line.push_str(between);
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// At most nine digits after the point: a request of S3 costs four ten-millionths of a dollar.
fn short(value: f64) -> String {
    let text = format!("{value:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_formulas_fit() {
        let lines = wrapped(" · ", (0..40).map(|n| format!("name_{n} {n}")));
        assert!(lines.len() > 5 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert_eq!(lines.join(" · ").matches("name_").count(), 40);
    }

    #[test]
    fn dollars_have_the_digits_that_matter() {
        let shown = [0, 1_240_000, 999_999_999, 12_300_000_000].map(dollars);
        assert_eq!(shown, ["$0", "$0.001240", "$1.000000", "$12.30"]);
        assert_eq!([0.052624, 1.0, 0.0, 0.000_000_4].map(short), ["0.052624", "1", "0", "0.0000004"]);
    }
}
