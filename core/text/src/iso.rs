//! The calendar, and ISO 8601.

pub const DAY_MICROS: i64 = 86_400_000_000;

pub fn digits(text: &[u8]) -> Option<i64> {
    let mut out = 0i64;
    for b in text {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        out = out * 10 + i64::from(d);
    }
    Some(out)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; none if there is no such day.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = *LENGTHS.get(usize::try_from(month - 1).ok()?)? + i64::from(leap && month == 2);
    if day < 1 || day > length {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

pub fn seconds(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

pub fn date(text: &[u8]) -> Option<i64> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    days(digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..10])?)
}

/// `2013-01-31[T or space]10:00[:00[.123456]][Z or ±hh[:]mm]`, or only a date. An offset is applied for a UTC
/// column; in a column without zone only `Z` may stand, and has no effect.
pub fn timestamp(text: &[u8], utc: bool, cut: bool) -> Option<i64> {
    let date = date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date * DAY_MICROS);
    }
    if rest.len() < 6 || !matches!(rest[0], b'T' | b' ' | b't') || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&rest[1..3])?, digits(&rest[4..6])?);
    let mut rest = &rest[6..];
    let mut second = 0;
    let mut micros = 0;
    if rest.first() == Some(&b':') {
        second = digits(rest.get(1..3)?)?;
        rest = &rest[3..];
        if matches!(rest.first(), Some(b'.' | b',')) {
            let width = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            micros = fraction(&rest[1..=width], cut)?;
            rest = &rest[1 + width..];
        }
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [b'+' | b'-', ..] if utc => offset(rest)?,
        _ => return None,
    };
    Some(date * DAY_MICROS + (seconds(hour, minute, second)? - offset) * 1_000_000 + micros)
}

/// Microseconds of the digits after a second's point; none where some would be lost, unless they are to be cut off.
pub fn fraction(text: &[u8], cut: bool) -> Option<i64> {
    let (kept, lost) = text.split_at(text.len().min(6));
    if kept.is_empty() || (!cut && lost.iter().any(|b| *b != b'0')) || text.len() > 18 {
        return None;
    }
    digits(lost)?;
    Some(digits(kept)? * 10i64.pow(6 - kept.len() as u32))
}

/// Seconds of `±hh`, `±hhmm` or `±hh:mm`.
pub fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = text.split_first()?;
    let (h, m) = match rest {
        [_, _] => (digits(rest)?, 0),
        [_, _, _, _] => (digits(&rest[..2])?, digits(&rest[2..])?),
        [_, _, b':', _, _] => (digits(&rest[..2])?, digits(&rest[3..])?),
        _ => return None,
    };
    let secs = seconds(h, m, 0)?;
    match sign {
        b'+' => Some(secs),
        b'-' => Some(-secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_to_the_microsecond() {
        let utc = |text: &str| timestamp(text.as_bytes(), true, false);
        assert_eq!(utc("1970-01-02T00:00:01.5Z"), Some(DAY_MICROS + 1_500_000));
        assert_eq!(utc("1970-01-01T01:00:00.000001+01:00"), Some(1));
        assert_eq!(utc("9999-12-31T23:59:59.999999Z"), Some(253_402_300_799_999_999));
        assert_eq!(utc("0001-01-01"), Some(-62_135_596_800_000_000));
    }

    #[test]
    fn digits_that_would_be_lost_are_refused_or_cut() {
        let read = |text: &str, cut| timestamp(text.as_bytes(), false, cut);
        assert_eq!(read("1970-01-01T00:00:00.123456000", false), Some(123_456));
        assert_eq!(read("1970-01-01T00:00:00.123456789", false), None);
        assert_eq!(read("1970-01-01T00:00:00.123456789", true), Some(123_456));
        assert_eq!(read("1969-12-31T23:59:59.999999999", true), Some(-1));
        assert_eq!(read("1970-01-01T00:00:00.", true), None);
    }
}
