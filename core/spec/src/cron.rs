//! A five-field cron as numbers: minute, hour, day of month, month, day of week. EventBridge has words of its own for days, such
//! as `L` or `MON#1`: of a field with one of them there are no numbers, while minutes and hours have none.

use std::collections::BTreeSet;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Debug, PartialEq, Eq)]
pub struct Cron {
    pub minutes: BTreeSet<u32>,
    pub hours: BTreeSet<u32>,
    pub days: Option<BTreeSet<u32>>,
    pub months: Option<BTreeSet<u32>>,
    /// Sunday is 0.
    pub weekdays: Option<BTreeSet<u32>>,
}

impl Cron {
    /// The error is the part of the text that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return Err(text.to_owned()) };
        let plain = |field: &&&str| !field.chars().all(|c| c.is_ascii_alphanumeric() || "*,-/#?".contains(c));
        if let Some(other) = fields.iter().find(plain) {
            return Err((*other).to_owned());
        }
        let weekdays = numbers(weekday, 0, 7, &WEEKDAYS);
        Ok(Self {
            minutes: numbers(minute, 0, 59, &[]).ok_or_else(|| minute.to_owned())?,
            hours: numbers(hour, 0, 23, &[]).ok_or_else(|| hour.to_owned())?,
            days: numbers(day, 1, 31, &[]),
            months: numbers(month, 1, 12, &MONTHS),
            weekdays: weekdays.map(|days| days.into_iter().map(|n| n % 7).collect()),
        })
    }
}

/// The numbers of a field: `*`, `5`, `1-5`, `*/15`, `10/20`, `MON-FRI`, and lists of these; nothing for any other text.
fn numbers(field: &str, low: u32, high: u32, names: &[&str]) -> Option<BTreeSet<u32>> {
    let one = |text: &str| -> Option<u32> {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            // Months count from one, days of the week from zero.
            Some(at) => u32::try_from(at).ok().map(|at| at + low),
            None => text.parse().ok(),
        };
        number.filter(|n| (low..=high).contains(n))
    };
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (one(from)?, one(to)?),
            None if matches!(range, "*" | "?") => (low, high),
            // `10/20` goes on to the end.
            None => (one(range)?, if step.is_some() { high } else { one(range)? }),
        };
        let every = step.map_or(Some(1), |step| step.parse::<usize>().ok())?;
        all.extend((from..=to).step_by(every.max(1)));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_numbers_where_they_can_be() {
        let cron = Cron::parse("*/20 8-10 L * mon,7").expect("a cron");
        assert_eq!(cron.minutes, BTreeSet::from([0, 20, 40]));
        assert_eq!(cron.hours, BTreeSet::from([8, 9, 10]));
        assert_eq!((cron.days, cron.weekdays), (None, Some(BTreeSet::from([0, 1]))));
        assert_eq!(cron.months.map(|months| months.len()), Some(12));
    }

    #[test]
    fn what_is_none_is_named() {
        for (text, part) in
            [("daily", "daily"), ("0 24 * * *", "24"), ("x 1 * * *", "x"), ("0 1 * * $", "$"), ("0 1 * *", "0 1 * *")]
        {
            assert_eq!(Cron::parse(text), Err(part.to_owned()), "{text}");
        }
    }
}
