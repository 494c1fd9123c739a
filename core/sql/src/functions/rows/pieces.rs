//! The formats of `strftime` and `strptime` in pieces: one table of what stands after a per cent sign, as DuckDB has it.

use datafusion_common::{Result, plan_err};

/// A piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(char),
    /// The letter after the sign, and whether a hyphen takes leading zeros away.
    Field(char, bool),
}

/// The pieces of a format; `%c`, `%x` and `%X` are spelled out.
pub fn pieces(format: &str) -> Result<Vec<Piece>> {
    if format.is_empty() {
        return plan_err!("the format of a time is empty");
    }
    let mut pieces = Vec::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            pieces.push(Piece::Literal(c));
            continue;
        }
        let (short, letter) = match rest.next() {
            Some('-') => (true, rest.next()),
            letter => (false, letter),
        };
        match (short, letter) {
            (false, Some('c')) => pieces.extend(self::pieces("%Y-%m-%d %H:%M:%S")?),
            (false, Some('x')) => pieces.extend(self::pieces("%Y-%m-%d")?),
            (false, Some('X')) => pieces.extend(self::pieces("%H:%M:%S")?),
            (false, Some('%')) => pieces.push(Piece::Literal('%')),
            (false, Some(letter)) if "aAwudbBmyYHIpMSfgnzZjUWGV".contains(letter) => {
                pieces.push(Piece::Field(letter, false));
            }
            (true, Some(letter)) if "dmyHIMSj".contains(letter) => pieces.push(Piece::Field(letter, true)),
            _ => {
                let sign = if short { "%-" } else { "%" };
                let letter = letter.map(String::from).unwrap_or_default();
                return plan_err!(
                    "the format `{format}` has no field `{sign}{letter}`: see `spotmill functions strftime`"
                );
            }
        }
    }
    Ok(pieces)
}
