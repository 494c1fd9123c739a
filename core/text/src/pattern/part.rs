//! The parts that a pattern is made of, and how its text names them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Weekday,
    Hour,
    Hour12,
    Half,
    Minute,
    Second,
    /// Digits; of this width, or as many as there are.
    Fraction(Option<usize>),
    /// With the point before it, if it stands there.
    PointFraction(Option<usize>),
    Offset,
    Epoch,
    Space,
    Byte(u8),
}

impl Part {
    pub(super) fn is_number(&self) -> bool {
        use Part as P;
        matches!(self, P::Year | P::ShortYear | P::Month | P::Day | P::DayOfYear | P::Hour | P::Hour12 | P::Minute)
            || matches!(self, P::Second | P::Fraction(_) | P::Epoch)
    }

    /// What it determines of a text.
    pub(super) fn determines(&self) -> Option<&'static str> {
        use Part as P;
        Some(match self {
            P::Year | P::ShortYear => "the year",
            P::Month | P::MonthName => "the month",
            P::Day => "the day",
            P::DayOfYear => "the day of the year",
            P::Weekday => "the weekday",
            P::Hour | P::Hour12 => "the hour",
            P::Half => "the half of the day",
            P::Minute => "the minute",
            P::Second => "the second",
            P::Fraction(_) | P::PointFraction(_) => "a fraction",
            P::Offset => "an offset",
            P::Epoch => "an instant",
            P::Space | P::Byte(_) => return None,
        })
    }
}

pub(super) fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    use Part as P;
    let dashes = |list: [P; 3], between: u8| [list[0], P::Byte(between), list[1], P::Byte(between), list[2]];
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(byte) = rest.bytes().next() {
        if byte != b'%' {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            match byte {
                b' ' | b'\t' if parts.last() == Some(&P::Space) => {}
                b' ' | b'\t' => parts.push(P::Space),
                _ => parts.extend(rest[..length].bytes().map(P::Byte)),
            }
            rest = &rest[length..];
            continue;
        }
        let (name, length) = name(&rest[1..]);
        rest = &rest[1 + length..];
        match name {
            "Y" => parts.push(P::Year),
            "y" => parts.push(P::ShortYear),
            "m" | "-m" => parts.push(P::Month),
            "b" | "B" | "h" => parts.push(P::MonthName),
            "d" | "e" | "-d" => parts.push(P::Day),
            "j" => parts.push(P::DayOfYear),
            "a" | "A" => parts.push(P::Weekday),
            "H" | "k" | "-H" => parts.push(P::Hour),
            "I" | "l" | "-I" => parts.push(P::Hour12),
            "p" | "P" => parts.push(P::Half),
            "M" | "-M" => parts.push(P::Minute),
            "S" | "-S" => parts.push(P::Second),
            "f" => parts.push(P::Fraction(None)),
            "3f" | "6f" | "9f" => parts.push(P::Fraction(digit(name))),
            ".f" => parts.push(P::PointFraction(None)),
            ".3f" | ".6f" | ".9f" => parts.push(P::PointFraction(digit(&name[1..]))),
            "z" | ":z" => parts.push(P::Offset),
            "s" => parts.push(P::Epoch),
            "F" => parts.extend(dashes([P::Year, P::Month, P::Day], b'-')),
            "D" => parts.extend(dashes([P::Month, P::Day, P::ShortYear], b'/')),
            "T" => parts.extend(dashes([P::Hour, P::Minute, P::Second], b':')),
            "R" => parts.extend([P::Hour, P::Byte(b':'), P::Minute]),
            "%" => parts.push(P::Byte(b'%')),
            "Z" => {
                let why = "the letters of a zone are no offset: CST is three of them. Use %z where +hh:mm stands";
                return Err(format!("`{pattern}`: %Z cannot be read: {why}, or read the column as string"));
            }
            other => return Err(format!("`{pattern}`: there is no `%{other}` here; see the schema of `parse`")),
        }
    }
    Ok(parts)
}

/// The name of a part after its `%`.
fn name(text: &str) -> (&str, usize) {
    let longer = [".3f", ".6f", ".9f", ".f", "3f", "6f", "9f", ":z", "-m", "-d", "-H", "-I", "-M", "-S"];
    let length = match longer.iter().find(|k| text.starts_with(**k)) {
        Some(name) => name.len(),
        None => text.chars().next().map_or(0, char::len_utf8),
    };
    (&text[..length], length)
}

fn digit(name: &str) -> Option<usize> {
    name.bytes().next().map(|b| usize::from(b - b'0'))
}
