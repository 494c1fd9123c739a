//! Sizes, durations and shares as people write them. An ambiguous one is refused with both readings.

use spotmill_core::format;

/// `"4 GiB"`, `"256 MB"`, `"100 B"`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1u64 << 40,
        "k" | "K" | "M" | "G" | "T" | "m" | "g" | "t" => return Err(both_readings(number, unit)),
        "" => return Err(format!("write a unit: \"{number} GiB\" or \"{number} MB\"")),
        _ => return Err("units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB".to_owned()),
    };
    let value: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    let exact = value * scale as f64;
    if exact.fract() != 0.0 || exact > 9e15 {
        return Err("not a whole number of bytes".to_owned());
    }
    Ok(exact as u64)
}

/// Whether the reason is that the unit can be read two ways.
pub fn is_ambiguous(text: &str) -> bool {
    split(text).is_ok_and(|(_, unit)| unit.len() == 1 && "kKMGTmgt".contains(unit))
}

fn both_readings(number: &str, unit: &str) -> String {
    let unit = unit.to_ascii_uppercase();
    let decimal = if unit == "K" { "kB".to_owned() } else { format!("{unit}B") };
    let (binary_bytes, decimal_bytes) =
        (bytes(&format!("{number} {unit}iB")).unwrap_or(0), bytes(&format!("{number} {decimal}")).unwrap_or(0));
    format!(
        "write \"{number} {unit}iB\" ({} bytes) or \"{number} {decimal}\" ({})",
        format::number(binary_bytes),
        format::number(decimal_bytes)
    )
}

/// `"90s"`, `"10m"`, `"2h"`, `"1h 30m"`; seconds.
pub fn seconds(text: &str) -> Result<u64, String> {
    let help = || "write \"90s\", \"10m\", \"2h\" or \"1h 30m\"".to_owned();
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(help());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().map_err(|_| help())?;
        let tail = rest[digits..].trim_start();
        let unit = tail.chars().next().ok_or_else(help)?;
        let scale = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(help()),
        };
        total = number.checked_mul(scale).and_then(|n| total.checked_add(n)).ok_or_else(help)?;
        rest = &tail[1..];
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(help());
        }
        rest = rest.trim_start();
    }
    Ok(total)
}

/// `"0.1%"` as 0.001.
pub fn share(text: &str) -> Result<f64, String> {
    let help = || "write a share such as \"0.1%\"".to_owned();
    let number = text.trim().strip_suffix('%').ok_or_else(help)?;
    let percent: f64 = number.trim().parse().map_err(|_| help())?;
    if percent.is_finite() && percent >= 0.0 { Ok(percent / 100.0) } else { Err(help()) }
}

fn split(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    if end == 0 {
        return Err("write a size such as \"4 GiB\"".to_owned());
    }
    Ok((&text[..end], text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |text: &str, want: Result<u64, &str>| {
            assert_eq!(bytes(text).map_err(|e| e.to_string()), want.map_err(str::to_owned), "{text}");
        };
        check("4 GiB", Ok(4 << 30));
        check("4GiB", Ok(4 << 30));
        check("1.5 GiB", Ok(3 << 29));
        check("256 MB", Ok(256_000_000));
        check("7 B", Ok(7));
        check("4G", Err("write \"4 GiB\" (4,294,967,296 bytes) or \"4 GB\" (4,000,000,000)"));
        check("4", Err("write a unit: \"4 GiB\" or \"4 MB\""));
        check("-1 GB", Err("write a size such as \"4 GiB\""));
        check("1.0000000001 B", Err("not a whole number of bytes"));
        check("4 GIB", Err("units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"));
    }

    #[test]
    fn durations() {
        let check = |text: &str, want: Option<u64>| assert_eq!(seconds(text).ok(), want, "{text}");
        check("90s", Some(90));
        check("10m", Some(600));
        check("2h", Some(7200));
        check("1h 30m", Some(5400));
        check("1h30m", Some(5400));
        check("10", None);
        check("10ms", None);
        check("", None);
        check("-1s", None);
        check("99999999999999999999h", None);
    }

    #[test]
    fn shares() {
        assert_eq!(share("0.1%"), Ok(0.001));
        assert_eq!(share("40 %"), Ok(0.4));
        assert!(share("0.1").is_err() && share("-1%").is_err() && share("NaN%").is_err());
    }
}
