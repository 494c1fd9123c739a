//! The data feed of spot instances: gzipped files of an hour, tab-separated, a line for each hour of each instance. A line
//! that was delivered again is counted once; a later version of one takes its place.

use super::amount::{moment, nanos};
use super::{Bill, Billed, Kind, Others, Source};
use std::collections::BTreeMap;

const FIELDS: [&str; 9] =
    ["Timestamp", "UsageType", "Operation", "InstanceID", "MyBidID", "MyMaxPrice", "MarketPrice", "Charge", "Version"];
const HOUR_MS: u64 = 3_600_000;

/// Whether a file of this name belongs to a data feed: `111122223333.2026-11-01-07.001.b959dbc6.gz`.
pub fn is_feed(name: &str) -> bool {
    let parts: Vec<&str> = name.strip_suffix(".gz").unwrap_or(name).split('.').collect();
    let [account, hour, number, id] = parts[..] else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_hour = hour.len() == "YYYY-MM-DD-HH".len()
        && hour.split('-').map(str::len).eq([4, 2, 2, 2])
        && hour.split('-').all(digits);
    account.len() == 12 && digits(account) && is_hour && digits(number) && !id.is_empty()
}

/// An instance, a moment, a type of usage and an operation have one charge.
type Key = (String, u64, String, String);

struct Counted {
    version: u32,
    billed: Billed,
    at: String,
}

/// The lines of a data feed so far.
#[derive(Default)]
pub struct Feed {
    lines: BTreeMap<Key, Counted>,
    repeated: u64,
}

impl Feed {
    /// Takes the fields of a line; `at` is its file and number. The error says what was expected.
    pub fn add(&mut self, at: &str, fields: &[&str]) -> Result<(), String> {
        let [time, usage, operation, instance, _, _, _, charge, version] = fields[..] else {
            let (most, found) = (FIELDS.len(), fields.len());
            return Err(format!("expected {most} fields divided by tabs ({}), found {found}", FIELDS.join(", ")));
        };
        let wrong = |name: &str, what: &str, found: &str| format!("{name}: expected {what}, found `{found}`");
        let at_ms = moment(time).ok_or_else(|| wrong("Timestamp", "a time such as 2026-11-01 07:13:47 UTC", time))?;
        if !instance.starts_with("i-") {
            return Err(wrong("InstanceID", "the id of an instance, i-…", instance));
        }
        let (amount, currency) = charge.split_once(' ').unwrap_or((charge, ""));
        if currency != "USD" {
            return Err(wrong("Charge", "an amount in USD; other currencies are not compared", charge));
        }
        let nanos = nanos(amount).ok_or_else(|| wrong("Charge", "an amount such as 0.0142000000 USD", charge))?;
        let version = version.trim().parse().map_err(|_| wrong("Version", "a number", version))?;
        let billed = Billed {
            resource: instance.to_owned(),
            run: None,
            kind: Kind::Machine,
            usage: usage.to_owned(),
            start_ms: at_ms,
            end_ms: at_ms + HOUR_MS,
            nanos,
        };
        let key = (instance.to_owned(), at_ms, usage.to_owned(), operation.to_owned());
        self.count(key, Counted { version, billed, at: at.to_owned() })
    }

    fn count(&mut self, key: Key, new: Counted) -> Result<(), String> {
        let Some(old) = self.lines.get_mut(&key) else {
            self.lines.insert(key, new);
            return Ok(());
        };
        if old.version == new.version && old.billed.nanos != new.billed.nanos {
            return Err(format!(
                "expected the charge that {} has for this instance and time, or a later version",
                old.at
            ));
        }
        self.repeated += 1;
        if new.version > old.version {
            *old = new;
        }
        Ok(())
    }

    /// Usage is billed up to the end of the last hour that has a line.
    pub fn end(self) -> Bill {
        let lines: Vec<Billed> = self.lines.into_values().map(|counted| counted.billed).collect();
        let until_ms = lines.iter().map(|line| (line.start_ms / HOUR_MS + 1) * HOUR_MS).max();
        Bill { source: Source::SpotDataFeed, lines, others: Others::default(), repeated: self.repeated, until_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "2026-11-01 07:13:47 UTC\tUSE2-SpotUsage:c7a.medium\tRunInstances:SV050\ti-0c3e\tsir-pwq6\t\
                        0.0510000000 USD\t0.0142000000 USD\t0.0142000000 USD\t1";

    fn add(feed: &mut Feed, line: &str) -> Result<(), String> {
        feed.add("a.gz line 3", &line.split('\t').collect::<Vec<_>>())
    }

    #[test]
    fn a_file_of_the_feed_is_known_by_its_name() {
        for name in ["111122223333.2026-11-01-07.001.b959dbc6.gz", "111122223333.2026-11-01-07.12.pwBdGTJG"] {
            assert!(is_feed(name), "{name}");
        }
        for name in ["cur-00001.csv.gz", "1111.2026-11-01-07.001.x.gz", "111122223333.2026-11-01.001.x.gz", "x.gz", ""]
        {
            assert!(!is_feed(name), "{name}");
        }
    }

    #[test]
    fn a_line_is_an_hour_of_an_instance() {
        let mut feed = Feed::default();
        add(&mut feed, LINE).expect("a line");
        let bill = feed.end();
        let [line] = &bill.lines[..] else { panic!("{bill:?}") };
        assert_eq!((line.resource.as_str(), line.nanos, line.kind), ("i-0c3e", 14_200_000, Kind::Machine));
        assert_eq!((line.start_ms, bill.until_ms), (1_793_517_227_000, Some(1_793_520_000_000)));
        assert_eq!(Feed::default().end().until_ms, None);
    }

    #[test]
    fn what_is_delivered_again_is_counted_once_and_a_later_version_replaces() {
        let mut feed = Feed::default();
        add(&mut feed, LINE).expect("a line");
        add(&mut feed, LINE).expect("again");
        let second = LINE.replace("0.0142000000 USD\t1", "0.0100000000 USD\t2");
        add(&mut feed, &second).expect("a second version");
        add(&mut feed, LINE).expect("late");
        let bill = feed.end();
        assert_eq!((bill.lines.len(), bill.lines[0].nanos, bill.repeated), (1, 10_000_000, 3));
        // The next hour of the same instance is another line.
        let mut feed = Feed::default();
        add(&mut feed, LINE).expect("a line");
        add(&mut feed, &LINE.replace("07:13:47", "08:13:47")).expect("another");
        assert_eq!(feed.end().lines.len(), 2);
    }

    #[test]
    fn a_line_that_is_none_is_refused_by_what_is_expected() {
        let cases = [
            (
                "2026-11-01 07:13:47 UTC",
                "yesterday",
                "Timestamp: expected a time such as 2026-11-01 07:13:47 UTC, found `yesterday`",
            ),
            ("i-0c3e", "c3e", "InstanceID: expected the id of an instance, i-…, found `c3e`"),
            (
                "0.0142000000 USD\t1",
                "0.0142 CNY\t1",
                "Charge: expected an amount in USD; other currencies are not compared, found `0.0142 CNY`",
            ),
            (
                "0.0142000000 USD\t1",
                "free USD\t1",
                "Charge: expected an amount such as 0.0142000000 USD, found `free USD`",
            ),
            ("USD\t1", "USD\tone", "Version: expected a number, found `one`"),
        ];
        for (from, to, expected) in cases {
            let line = LINE.replace(from, to);
            assert_ne!(line, LINE);
            assert_eq!(add(&mut Feed::default(), &line), Err(expected.to_owned()));
        }
        let short = add(&mut Feed::default(), "a\tb").expect_err("two fields");
        assert!(short.starts_with("expected 9 fields divided by tabs (Timestamp, "), "{short}");
        let mut feed = Feed::default();
        add(&mut feed, LINE).expect("a line");
        let other = add(&mut feed, &LINE.replace("0.0142000000 USD\t1", "0.0150000000 USD\t1"));
        assert!(other.expect_err("two charges").contains("the charge that a.gz line 3 has"));
    }
}
