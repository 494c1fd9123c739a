//! Amounts and moments as bills write them. Amounts become whole nano-dollars, each line for itself, half a nano-dollar
//! away from zero: what is summed afterwards sums exactly.

use jiff::Timestamp;

/// Digits after the point of a dollar that are kept.
const DIGITS: i32 = 9;

/// `0.0142000000`, `-3`, `4.6E-9` as nano-dollars; nothing for what is no decimal number, or too large for one.
pub fn nanos(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match rest.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i128 = all.parse().ok()?;
    let scale = exponent.checked_sub(i32::try_from(part.len()).ok()?)?.checked_add(DIGITS)?;
    let power = |digits: i32| 10i128.checked_pow(digits.unsigned_abs());
    let nanos = match scale {
        _ if number == 0 => 0,
        0.. => number.checked_mul(power(scale)?)?,
        // So small a part of a nano-dollar is none.
        _ => power(scale).map_or(0, |power| (number + power / 2) / power),
    };
    i64::try_from(sign * nanos).ok()
}

/// `2026-11-01T07:00:00Z`, `2026-11-01 07:00:00`, with `UTC` or fractions behind: milliseconds since 1970.
pub fn moment(text: &str) -> Option<u64> {
    let bare = text.trim().trim_end_matches("UTC").trim_end().trim_end_matches('Z');
    let at: Timestamp = format!("{}Z", bare.replacen(' ', "T", 1)).parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_nano_dollars() {
        let cases = [
            ("0.0142000000", Some(14_200_000)),
            ("12", Some(12_000_000_000)),
            ("-0.5", Some(-500_000_000)),
            ("+1.", Some(1_000_000_000)),
            (".25", Some(250_000_000)),
            ("4.6E-9", Some(5)),
            ("4.4e-9", Some(4)),
            ("1.5e3", Some(1_500_000_000_000)),
            ("0.0000000005", Some(1)),
            ("-0.0000000005", Some(-1)),
            ("0.00000000049", Some(0)),
            ("1e-400", Some(0)),
            ("0e99", Some(0)),
            ("1e99", None),
            ("", None),
            ("-", None),
            ("1,5", None),
            ("0.01 USD", None),
            ("NaN", None),
            ("1.2.3", None),
            ("--1", None),
            ("99999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_of_utc() {
        let seven = Some(1_793_516_400_000);
        for text in
            ["2026-11-01 07:00:00 UTC", "2026-11-01T07:00:00Z", "2026-11-01 07:00:00", "2026-11-01T07:00:00.000Z"]
        {
            assert_eq!(moment(text), seven, "{text}");
        }
        for text in ["", "07:00", "2026-11-31 07:00:00 UTC", "2026-11-01T07:00:00+02:00", "1969-01-01 00:00:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
