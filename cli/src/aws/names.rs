//! Names and expressions in the forms that AWS takes: executions, change sets, schedules. Pure.

use spotmill_core::ids::RunId;
use spotmill_core::model::Schedule;

/// Characters of an execution's name, Step Functions' limit.
const MAX_NAME: usize = 80;

/// `flights-2013-01-01-20261122T061500042`: what runs and when it was asked for, in characters that Step Functions
/// takes and metrics can show. Two starts have two names unless they are the same millisecond's.
pub fn execution(run: &RunId, now_ms: u64) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let stamp = stamp(now_ms);
    let mut name: String = run.as_str().chars().map(plain).collect();
    name.truncate(MAX_NAME - stamp.len() - 1);
    format!("{name}-{stamp}")
}

/// `20261122T061500042`, in UTC.
pub fn stamp(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%S%3f").to_string()
}

/// `2026-11-22 06:15:00Z`
pub fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The last part of an execution's ARN.
pub fn short(execution: &str) -> &str {
    execution.rsplit(':').next().unwrap_or(execution)
}

/// A stack's name makes the bucket's and the queues' names.
pub fn check_stack(name: &str) -> Result<(), String> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let ends = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-');
    if plain && ends && name.len() <= 35 {
        return Ok(());
    }
    Err(format!("`{name}` is no name for a stack: a letter, then lower-case letters, digits and hyphens, at most 35"))
}

/// A pipeline's five-field cron as EventBridge writes it: six fields, days of the week from 1 (Sunday), and `?` for the
/// one of the two days that is not meant.
pub fn schedule(schedule: &Schedule) -> Result<String, String> {
    let fields: Vec<&str> = schedule.cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("`{}` has not five fields", schedule.cron));
    };
    let (day, weekday) = match (day, weekday) {
        (day, "*" | "?") => (if day == "?" { "*" } else { day }.to_owned(), "?".to_owned()),
        ("*" | "?", weekday) => ("?".to_owned(), weekdays(weekday)?),
        _ => {
            let what = format!("`{}` names days of the month and of the week", schedule.cron);
            return Err(format!("{what}; EventBridge takes one of the two: write `*` for the other"));
        }
    };
    Ok(format!("cron({minute} {hour} {day} {month} {weekday} *)"))
}

/// `1-5` is Monday to Friday in cron, Sunday to Thursday in EventBridge.
fn weekdays(text: &str) -> Result<String, String> {
    let number = |day: &str| match day.parse::<u8>() {
        Ok(7 | 0) => Ok("1".to_owned()),
        Ok(n) if n < 7 => Ok((n + 1).to_string()),
        Ok(_) => Err(format!("`{day}` is no day of the week")),
        Err(_) => Ok(day.to_uppercase()),
    };
    let part = |part: &str| -> Result<String, String> {
        let (days, every) = part.split_once('/').map_or((part, None), |(days, every)| (days, Some(every)));
        let days = match days.split_once('-') {
            // Across Sunday EventBridge wants two ranges.
            Some((_, "7")) if every.is_some() => return Err(format!("`{part}`: name the days one by one")),
            Some((from, "7")) if from != "0" => format!("{}-7,1", number(from)?),
            Some((from, to)) => format!("{}-{}", number(from)?, number(to)?),
            None => number(days)?,
        };
        Ok(every.map_or(days.clone(), |every| format!("{days}/{every}")))
    };
    Ok(text.split(',').map(part).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Result<String, String> {
        schedule(&Schedule { cron: text.to_owned(), timezone: "UTC".to_owned(), date: "today".to_owned(), hour: None })
    }

    #[test]
    fn names_are_taken_by_step_functions() {
        let now = 1_795_328_100_042;
        assert_eq!(execution(&RunId::new("flights/2013-01-01"), now), "flights-2013-01-01-20261122T061500042");
        let long = execution(&RunId::new(format!("p/region=é,name={}", "x".repeat(90))), now);
        assert_eq!(long.len(), 80);
        assert!(long.starts_with("p-region---name-xxx") && long.ends_with("-20261122T061500042"), "{long}");
        assert!(long.is_ascii() && !long.contains([':', '/', '=', ',', ' ']));
    }

    #[test]
    fn schedules_are_written_as_eventbridge_reads_them() {
        assert_eq!(cron("30 5 * * *").as_deref(), Ok("cron(30 5 * * ? *)"));
        assert_eq!(cron("0 6 1 */3 *").as_deref(), Ok("cron(0 6 1 */3 ? *)"));
        assert_eq!(cron("0 6 * * 1-5").as_deref(), Ok("cron(0 6 ? * 2-6 *)"));
        assert_eq!(cron("0 6 * * 0,3").as_deref(), Ok("cron(0 6 ? * 1,4 *)"));
        assert_eq!(cron("0 6 * * 5-7").as_deref(), Ok("cron(0 6 ? * 6-7,1 *)"));
        assert_eq!(cron("0 6 * * mon-fri").as_deref(), Ok("cron(0 6 ? * MON-FRI *)"));
        assert!(cron("0 6 1 * 1").expect_err("both days").contains("one of the two"));
        assert!(cron("0 6 * * 9").is_err());
    }

    #[test]
    fn stack_names_make_bucket_names() {
        assert!(check_stack("spotmill-2").is_ok());
        let long = "a".repeat(36);
        for wrong in ["", "Spotmill", "2x", "x-", "a_b", &long] {
            assert!(check_stack(wrong).is_err(), "{wrong}");
        }
    }
}
