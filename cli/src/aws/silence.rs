//! How long a schedule may be silent: the longest time between two starts that a five-field cron asks for, found by
//! walking through four years of days. An alarm that no run succeeded needs it; it looks back a week at most. Pure.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use spotmill_spec::cron::Cron;

/// Hours that a run may take before the alarm rings.
const RUN_HOURS: i64 = 2;
/// CloudWatch looks back a week at most.
const MOST_HOURS: i64 = 168;
/// With a leap year in it.
const DAYS: i32 = 4 * 366;

/// Hours without a success after which an alarm should ring; nothing for a schedule that is too rare for one, or is no
/// such cron.
pub fn hours(cron: &str) -> Option<u32> {
    let Cron { minutes, hours, days, months, weekdays } = Cron::parse(cron).ok()?;
    let (days, months, weekdays) = (days?, months?, weekdays?);
    let starts = |on: &Date| {
        let number = |n: i8| u32::from(n.unsigned_abs());
        days.contains(&number(on.day()))
            && months.contains(&number(on.month()))
            && weekdays.contains(&number(on.weekday().to_sunday_zero_offset()))
    };
    let times: Vec<i64> = hours.iter().flat_map(|h| minutes.iter().map(move |m| i64::from(h * 60 + m))).collect();
    let (mut last, mut longest) = (None, 0);
    let first = date(2023, 1, 1);
    for n in 0..DAYS {
        if !first.checked_add(n.days()).is_ok_and(|on| starts(&on)) {
            continue;
        }
        for time in &times {
            let at = i64::from(n) * 24 * 60 + time;
            longest = longest.max(last.map_or(0, |last| at - last));
            last = Some(at);
        }
    }
    if longest == 0 {
        return None;
    }
    // Clocks are put back by an hour at most.
    let hours = (longest + 59) / 60 + RUN_HOURS;
    u32::try_from(hours).ok().filter(|_| hours <= MOST_HOURS)
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn the_longest_silence_of_a_schedule_and_two_hours() {
        assert_eq!(hours("30 5 * * *"), Some(26), "daily");
        assert_eq!(hours("0 * * * *"), Some(3), "hourly");
        assert_eq!(hours("0 */6 * * *"), Some(8));
        assert_eq!(hours("*/15 8-17 * * *"), Some(17), "the night, from 17:45 to 8:00");
        assert_eq!(hours("0 6 * * 1-5"), Some(74), "over a weekend");
        assert_eq!(hours("0 6 * * mon-fri"), Some(74));
        assert_eq!(hours("0 6 * * 7"), None, "weekly: more than a week with the run");
        assert_eq!(hours("0 6 1 * *"), None, "monthly");
        assert_eq!(hours("0 6 31 2 *"), None, "never");
        assert_eq!(hours("daily"), None, "one field");
        assert_eq!(hours("0 25 * * *"), None, "no such hour");
    }
}
