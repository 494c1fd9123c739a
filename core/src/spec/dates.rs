//! `2013-01-01` and `2013-01-01..2013-01-31`, both ends included.

use jiff::civil::Date;

/// The most dates one command runs: three leap years.
pub const MAX_DATES: usize = 1_098;

/// Every date of the range, in order, as ISO text.
pub fn range(text: &str) -> Result<Vec<String>, String> {
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (date(first)?, date(last)?),
        None => (date(text)?, date(text)?),
    };
    if last < first {
        return Err(format!("{last} is before {first}; write the earlier date first"));
    }
    let days = usize::try_from((last - first).get_days()).unwrap_or(usize::MAX);
    if days >= MAX_DATES {
        return Err(format!("{} dates at once; at most {MAX_DATES}", days + 1));
    }
    Ok(first.series(jiff::Span::new().days(1)).take(days + 1).map(|d| d.to_string()).collect())
}

/// One date, as ISO writes it and no other way.
pub fn date(text: &str) -> Result<Date, String> {
    let text = text.trim();
    let parsed = jiff::fmt::strtime::parse("%Y-%m-%d", text).and_then(|t| t.to_date());
    match parsed {
        Ok(date) if date.to_string() == text => Ok(date),
        _ => Err(format!("`{text}` is no date; write 2013-01-31")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let check = |text: &str, want: Result<(usize, &str), &str>| {
            let got = range(text).map(|d| (d.len(), d[d.len() - 1].clone()));
            assert_eq!(got, want.map(|(n, l)| (n, l.to_owned())).map_err(str::to_owned), "{text}");
        };
        check("2013-01-01", Ok((1, "2013-01-01")));
        check("2013-01-01..2013-01-31", Ok((31, "2013-01-31")));
        check("2012-02-28..2012-03-01", Ok((3, "2012-03-01")));
        check("2013-01-02..2013-01-01", Err("2013-01-01 is before 2013-01-02; write the earlier date first"));
        check("2013-1-1", Err("`2013-1-1` is no date; write 2013-01-31"));
        check("2013-02-29", Err("`2013-02-29` is no date; write 2013-01-31"));
        check("1900-01-01..2013-01-01", Err("41274 dates at once; at most 1098"));
    }
}
