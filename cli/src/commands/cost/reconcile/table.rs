//! The comparison for people: a headline, a line for each run, day or month, then what has no counterpart, and notes.

use crate::event::Reconciliation;
use crate::result::{indent, table};
use crate::ui::format::dollars;
use spotmill_ledger::{Compared, Unmatched};

pub fn print(report: &Reconciliation) {
    say!("{}  {}", report.of, headline(report));
    let head = [report.by.as_str(), "machines", "estimate", "billed", "difference", "%", "not billed yet"];
    let mut shown = table(&head, &[1, 2, 3, 4, 5, 6]);
    for line in &report.lines {
        shown.add_row(row(line));
    }
    if report.lines.len() != 1 {
        shown.add_row(row(&report.total));
    }
    say!("{}", indent(&shown));
    for missing in &report.missing {
        let estimate = dollars(missing.estimate_usd_nanos);
        let began = moment(missing.began_ms);
        say!("  ! not in the bill: {} of {}, begun {began}, estimated {estimate}", missing.machine, missing.run);
    }
    for leaked in &report.leaked {
        say!("  ✗ billed, and no machine on record: {}", unmatched(leaked));
    }
    for resource in &report.of_unknown_runs {
        say!("  ! billed for a run that is not on record here: {}", unmatched(resource));
    }
    if !report.leaked.is_empty() {
        say!("    a machine that still runs is ended in EC2's console, and soon by the stack's reaper");
    }
    for beside in &report.beside {
        say!("  + {} {} beside machines' hours", signed(beside.usd_nanos), beside.usage);
    }
    let others = report.of_other_runs;
    if others.lines > 0 {
        say!("  · {} in lines of other runs", signed(others.nanos));
    }
    if report.of_nobody.lines > 0 {
        say!("  · {} in lines of no run", signed(report.of_nobody.nanos));
    }
    for note in &report.notes {
        say!("  ! {note}");
    }
}

/// `-1.6% against a spot data feed, billed until 2026-11-01 12:00 UTC`
fn headline(report: &Reconciliation) -> String {
    let against = format!("against a {}", report.source.name());
    let until = report.billed_until_ms.map(|ms| format!(", billed until {} UTC", moment(ms))).unwrap_or_default();
    match report.total.difference_percent {
        Some(percent) => format!("{percent:+.1}% {against}{until}"),
        None => format!("{against}{until}"),
    }
}

fn row(line: &Compared) -> [String; 7] {
    [
        line.name.clone(),
        line.machines.to_string(),
        dollars(line.estimate_usd_nanos),
        signed(line.billed_usd_nanos),
        signed(line.difference_usd_nanos),
        line.difference_percent.map(|percent| format!("{percent:+.1}%")).unwrap_or_default(),
        if line.not_billed_yet_usd_nanos > 0 { dollars(line.not_billed_yet_usd_nanos) } else { String::new() },
    ]
}

fn unmatched(resource: &Unmatched) -> String {
    let (from, to) = (moment(resource.from_ms), moment(resource.to_ms));
    format!("{} of {}, {from} to {to}, {}", resource.resource, resource.run, signed(resource.nanos))
}

/// `-$0.020000`
fn signed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", dollars(nanos.unsigned_abs()))
}

fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let utc = |at: jiff::Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string();
    at.map(utc).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_below_zero_keep_their_sign() {
        assert_eq!([-20_000_000, 0, 12_300_000_000].map(signed), ["-$0.020000", "$0", "$12.30"]);
        assert_eq!(moment(1_793_516_400_000), "2026-11-01 07:00");
    }
}
