//! The dates of a pipeline as a calendar: Monday first, one mark a day. Pure, over the states of runs. Where a key has
//! more than the date, a day is as good as the worst of its runs.

use super::mark;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// From the best to the worst.
const STATES: [&str; 9] =
    ["succeeded", "warned", "running", "skipped", "waiting", "late", "interrupted", "stopped", "failed"];
const DAYS: &str = "Mo Tu We Th Fr Sa Su";
const MISSING: &str = "·";

/// A run of one date.
pub struct Dated {
    pub pipeline: String,
    pub date: Date,
    pub state: &'static str,
}

/// A day between the first and the last that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    /// `missing` where there is no run.
    pub state: &'static str,
    pub runs: u32,
}

/// By pipeline, every day of the months from the first run's to the last run's, or of the months that were asked for.
pub fn days(runs: &[Dated], asked: Option<(Date, Date)>) -> BTreeMap<String, Vec<Day>> {
    let mut found: BTreeMap<String, BTreeMap<Date, (&'static str, u32)>> = BTreeMap::new();
    for run in runs {
        let day = found.entry(run.pipeline.clone()).or_default().entry(run.date).or_insert((run.state, 0));
        *day = (worse(day.0, run.state), day.1 + 1);
    }
    let all = found.into_iter().map(|(pipeline, dates)| {
        let ends = dates.first_key_value().zip(dates.last_key_value()).map(|((a, _), (b, _))| (*a, *b));
        let (from, to) = asked.or(ends).unwrap_or_default();
        let day = |date: Date| {
            let (state, runs) = dates.get(&date).copied().unwrap_or(("missing", 0));
            Day { date, state, runs }
        };
        (pipeline, from.series(jiff::Span::new().days(1)).take_while(|date| *date <= to).map(day).collect())
    });
    all.collect()
}

fn worse(a: &'static str, b: &'static str) -> &'static str {
    let rank = |state: &str| STATES.iter().position(|s| *s == state).unwrap_or(STATES.len());
    if rank(a) >= rank(b) { a } else { b }
}

/// The months one below the other, and what the marks mean.
pub fn text(pipeline: &str, days: &[Day]) -> String {
    let mut text = format!("{pipeline}\n");
    for month in days.chunk_by(|a, b| a.date.first_of_month() == b.date.first_of_month()) {
        let name = month[0].date.strftime("%Y-%m");
        for (i, week) in weeks(month).iter().enumerate() {
            let head = if i == 0 { format!("  {name}  {DAYS}\n") } else { String::new() };
            text += &format!("{head}           {}\n", week.trim_end());
        }
    }
    let mut states: Vec<&str> = days.iter().map(|day| day.state).collect();
    states.sort_by_key(|state| STATES.iter().position(|s| s == state).unwrap_or(STATES.len()));
    let counts = states.chunk_by(|a, b| a == b).map(|all| format!("{} {} {}", sign(all[0]), all.len(), all[0]));
    text + "  " + &counts.collect::<Vec<_>>().join(" · ") + "\n"
}

fn weeks(month: &[Day]) -> Vec<String> {
    let before =
        month.first().map_or(0, |day| usize::try_from(day.date.weekday().to_monday_zero_offset()).unwrap_or(0));
    let blank = std::iter::repeat_n("   ".to_owned(), before);
    let cells: Vec<String> = blank.chain(month.iter().map(|day| format!("{}  ", sign(day.state)))).collect();
    cells.chunks(7).map(<[String]>::concat).collect()
}

fn sign(state: &str) -> &'static str {
    if state == "missing" { MISSING } else { mark(state) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(date: &str, state: &'static str) -> Dated {
        Dated { pipeline: "flights".to_owned(), date: date.parse().expect("a date"), state }
    }

    #[test]
    fn a_month_stands_under_its_weekdays() {
        let runs = [run("2013-01-30", "succeeded"), run("2013-02-05", "failed"), run("2013-02-03", "warned")];
        let days = days(&runs, None);
        let text = text("flights", &days["flights"]);
        let want = "flights\n  2013-01  Mo Tu We Th Fr Sa Su\n                 ✓  ·\n\
                    \x20 2013-02  Mo Tu We Th Fr Sa Su\n                       ·  ·  !\n           ·  ✗\n\
                    \x20 ✓ 1 succeeded · ! 1 warned · ✗ 1 failed · · 4 missing\n";
        assert_eq!(text, want, "{text}");
    }

    #[test]
    fn a_day_is_as_good_as_the_worst_of_its_runs() {
        let day = |states: &[&'static str]| {
            let runs: Vec<Dated> = states.iter().map(|state| run("2013-01-01", state)).collect();
            days(&runs, None)["flights"][0].clone()
        };
        assert_eq!((day(&["succeeded", "failed", "warned"]).state, day(&["failed", "succeeded"]).runs), ("failed", 2));
        assert_eq!((day(&["running", "succeeded"]).state, day(&["warned", "succeeded"]).state), ("running", "warned"));
    }

    #[test]
    fn what_is_asked_for_is_shown_whatever_there_is() {
        let date = |text: &str| text.parse::<Date>().expect("a date");
        let asked = Some((date("2013-02-01"), date("2013-02-28")));
        let days = days(&[run("2013-01-01", "failed")], asked);
        assert!(days["flights"].len() == 28 && days["flights"].iter().all(|day| day.state == "missing"));
    }
}
