//! Numbers and failures as a tired person on call reads them: what happened, to which items, what is safe, and the
//! command to run.

use crate::calls::{Caught, errors};
use crate::command::Command;
use crate::fleet::life::Cost;
use crate::item::FailureClass;
use crate::nearest::nearest;
use crate::records::FailureRecord;
use std::collections::BTreeMap;

/// Items named one by one in an error.
const NAMED: usize = 5;
/// Nano-dollars of a dollar: below it a sum is shown with as many digits as it has.
const DOLLAR: u64 = 1_000_000_000;

/// An error and what is under it, in one line; what repeats is left out.
pub fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        let below = e.to_string();
        if !text.contains(&below) {
            text = format!("{text}: {below}");
        }
        next = e.source();
    }
    text
}

/// `1,234,567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// `1 row`, `2 rows`.
pub fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", number(n), if n == 1 { "" } else { "s" })
}

/// The word for one, or for several.
pub fn plural_of<'w>(n: usize, one: &'w str, several: &'w str) -> &'w str {
    if n == 1 { one } else { several }
}

/// `$12.30`, `$0.001240`.
pub fn dollars(nanos: u64) -> String {
    match nanos {
        0 => "$0".to_owned(),
        DOLLAR.. => format!("${:.2}", nanos as f64 / 1e9),
        _ => format!("${:.6}", nanos as f64 / 1e9),
    }
}

/// `2.0 GiB`.
pub fn bytes_of(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `40 s`, `16 min`, `2 h 5 min`.
pub fn duration(secs: u64) -> String {
    match (secs / 3600, secs / 60 % 60) {
        (0, 0) => format!("{secs} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// `0.6 s`, `1:11`, `1:02:03`.
pub fn took(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{:.1} s", ms as f64 / 1000.0),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// `12 machines, $0.41 at most; the tail 6 min, $0.03; on demand 2, $0.11`.
pub fn cost(cost: &Cost) -> String {
    let mut text = format!("{}, ${:.2} at most", count(u64::from(cost.machines), "machine"), cost.usd);
    if cost.tail_ms > 0 {
        text.push_str(&format!("; the tail {}, ${:.2}", duration(cost.tail_ms / 1000), cost.tail_usd));
    }
    if cost.on_demand > 0 {
        text.push_str(&format!("; on demand {}, ${:.2}", cost.on_demand, cost.on_demand_usd));
    }
    text
}

/// At most `most` characters of one line of text.
pub fn clip(text: &str, most: usize) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(most) {
        None => line,
        Some((at, _)) => format!("{}…", &line[..at]),
    }
}

/// What to write instead of a name that nothing has: `did you mean `daily`? steps: normalize, daily`.
pub fn instead(name: &str, what: &str, candidates: &[&str]) -> String {
    let all = match candidates {
        [] => format!("there are no {what}"),
        candidates => format!("{what}: {}", candidates.join(", ")),
    };
    // Any letter is near any other.
    match nearest(name, candidates.iter().copied()).filter(|_| name.chars().count() > 1) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    }
}

/// `2, 7 and 9`; of many, the first few.
pub fn items(items: &[u32]) -> String {
    let all = items.len();
    let named: Vec<String> = items.iter().take(10).map(|i| i.to_string()).collect();
    match (all, named.split_last()) {
        (_, None) => "none".to_owned(),
        (1, Some((last, _))) => last.clone(),
        (n, _) if n > 10 => format!("{} and {} more", named.join(", "), n - 10),
        (_, Some((last, rest))) => format!("{} and {last}", rest.join(", ")),
    }
}

pub fn class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::BadData => "bad data",
        FailureClass::Transform => "transform error",
        FailureClass::Crash => "crash",
        FailureClass::Timeout => "time-out",
        FailureClass::InputChanged => "input changed while it was read",
        FailureClass::WorkerVersion => "another worker version",
        FailureClass::Memory => "out of memory",
        FailureClass::Infra => "infrastructure",
        FailureClass::Lost => "machine lost",
        FailureClass::Poison => "breaks its machine",
        FailureClass::Permanent => "cannot succeed",
    }
}

/// What failed, why, and what to do.
pub struct ItemsFailed<'a> {
    pub step: &'a str,
    pub total: u32,
    pub committed: u64,
    /// The decisive failure of each item, with the number of its counted attempts.
    pub failed: &'a BTreeMap<u32, (FailureRecord, u32)>,
    pub inspect: &'a Command,
    pub resume: &'a Command,
}

impl ItemsFailed<'_> {
    pub fn text(&self) -> String {
        let (n, step) = (self.failed.len(), self.step);
        let mut text = format!("{n} of {} of `{step}` failed.", count(u64::from(self.total), "item"));
        for (item, (record, attempts)) in self.failed.iter().take(NAMED) {
            // Once is enough.
            let file = record.file.as_ref().filter(|f| !record.message.contains(f.as_str()));
            let file = file.map_or(String::new(), |f| format!(", {f}"));
            let tries = if *attempts > 1 { format!(" in {attempts} attempts") } else { String::new() };
            // Of very many failures, few are read in words.
            let message = if record.message.is_empty() { "its record says why" } else { &record.message };
            let message = clip(message.trim_end_matches('.'), 500);
            text.push_str(&format!(" Item {item} ({}{tries}{file}): {message}.", class(record.class)));
            if let Some(remedy) = &record.remedy {
                text.push_str(&format!(" {}.", clip(remedy.trim_end_matches('.'), 300)));
            }
        }
        if n > NAMED {
            text.push_str(&format!(" And {} more.", n - NAMED));
        }
        let kept = count(self.committed, "item");
        text.push_str(&format!(
            " {kept} committed and kept; nothing of this step was published. Look: `{}`. Again, when it is mended: `{}`.",
            self.inspect, self.resume
        ));
        text
    }
}

/// A cause without the commands at its end, for where they stand on lines of their own.
pub fn bare_cause(cause: &str) -> &str {
    let ends = [" Look: `", " Again: `", " Again, when it is mended: `"].iter().filter_map(|mark| cause.find(mark));
    cause[..ends.min().unwrap_or(cause.len())].trim_end()
}

/// Why a round may have brought nothing, from what its state caught.
pub fn diagnosis(caught: Option<&Caught>) -> String {
    let Some(caught) = caught else {
        return "the round ended and nothing had been done".to_owned();
    };
    match caught.error.as_str() {
        "States.HeartbeatTimeout" => {
            "no machine was heard of for 20 minutes, and the fleet's history names no cause: no capacity at this \
            price, or workers that start and take no work; the machines' console logs tell which"
                .to_owned()
        }
        "States.Timeout" => "the round passed its time-out of 36 hours".to_owned(),
        errors::NO_CAPACITY | errors::WORKERS_SILENT | errors::OVER_BUDGET => clip(&caught.cause, 3_000),
        errors::AT_CAPACITY => format!("half a day passed without room for a machine: {}", clip(&caught.cause, 1000)),
        errors::REFUSED => format!("the machines were refused: {}", clip(&caught.cause, 1000)),
        other => format!("{other}: {}", clip(&caught.cause, 1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::took;

    #[test]
    fn durations_read_well() {
        assert_eq!((took(640).as_str(), took(71_000).as_str(), took(3_723_000).as_str()), ("0.6 s", "1:11", "1:02:03"));
    }
}
