//! Numbers, times and money as the page writes them.

pub use spotmill_core::format::{bytes_of as bytes, count, dollars, number, took as duration};

/// A sum of which some machine time has no price.
pub fn sum(nanos: u64, unpriced_ms: u64, machine_ms: u64) -> String {
    match unpriced_ms {
        0 => dollars(nanos),
        _ if unpriced_ms >= machine_ms && nanos == 0 => "unknown".to_owned(),
        _ => format!("{} and {} of machines without a price", dollars(nanos), duration(unpriced_ms)),
    }
}

/// `$0.12`, or `unknown`.
pub fn price_of(nanos: Option<u64>) -> String {
    nanos.map_or_else(|| "unknown".to_owned(), dollars)
}

/// `2026-11-20 05:37:12`, in UTC.
pub fn moment(ms: u64) -> String {
    strftime(ms, "%Y-%m-%d %H:%M:%S")
}

/// `05:37:12`, in UTC.
pub fn clock(ms: u64) -> String {
    strftime(ms, "%H:%M:%S")
}

/// For programs: `2026-11-20T05:37:12Z`.
pub fn iso(ms: u64) -> String {
    strftime(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// The same to the millisecond: `2026-11-20T05:37:12.345Z`.
pub fn iso_millis(ms: u64) -> String {
    strftime(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn strftime(ms: u64, shape: &str) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "unknown".to_owned(), |at| at.strftime(shape).to_string())
}

/// `71 %`; of nothing there is no share.
pub fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => String::new(),
        _ => format!("{:.0} %", part as f64 * 100.0 / whole as f64),
    }
}

/// Of an even number the lower one.
pub fn median(mut all: Vec<u64>) -> Option<u64> {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_said_to_be() {
        assert_eq!(sum(1_240_000, 0, 9), "$0.001240");
        assert_eq!(sum(0, 9, 9), "unknown");
        assert_eq!(sum(2_000_000_000, 60_000, 90_000), "$2.00 and 1:00 of machines without a price");
        assert_eq!((price_of(None).as_str(), price_of(Some(0)).as_str()), ("unknown", "$0"));
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(1_795_000_000_000), "2026-11-18 11:06:40");
        assert_eq!(iso(1_795_000_000_999), "2026-11-18T11:06:40Z");
        assert_eq!(moment(u64::MAX), "unknown");
    }

    #[test]
    fn medians_and_shares() {
        assert_eq!((median(vec![]), median(vec![3, 1]), median(vec![5, 1, 9])), (None, Some(1), Some(5)));
        assert_eq!((percent(1, 0).as_str(), percent(2, 3).as_str()), ("", "67 %"));
    }
}
