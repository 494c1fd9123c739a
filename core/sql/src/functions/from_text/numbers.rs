//! Numbers in text: `12`, `-1_000`, `.5`, `1.5e3`, and whole ones as `0xff` and `0b101`. Digits that a type does not have
//! are rounded, halves away from zero, without a float in between.

/// A number as its digits; `_` may stand between two.
pub struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// Exponents beyond it are as large: no digit of such a number can be kept.
const LARGEST: i64 = 1 << 20;

pub fn number(text: &str) -> Option<Number<'_>> {
    let (negative, rest) = signed(text);
    let (whole, rest) = digits(rest)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest)?,
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(rest) => {
            let (negative, rest) = signed(rest);
            let all = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
            let value = rest.parse().unwrap_or(LARGEST).min(LARGEST);
            all.then_some(if negative { -value } else { value })?
        }
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(Number { negative, whole, fraction, exponent })
}

/// The number times ten to the power of `scale`.
pub fn scaled(text: &str, scale: i64) -> Option<i128> {
    let Number { negative, whole, fraction, exponent } = number(text)?;
    let mut left = values(whole).count() as i64 + exponent + scale;
    let mut value: i128 = 0;
    for digit in values(whole).chain(values(fraction)) {
        if left <= 0 {
            // The first digit that is left out; below it there are zeros.
            value = value.checked_add(i128::from(left == 0 && digit >= 5))?;
            left = -1;
            break;
        }
        value = value.checked_mul(10)?.checked_add(digit)?;
        left -= 1;
    }
    if value != 0 && left > 0 {
        value = value.checked_mul(10i128.checked_pow(left.try_into().ok()?)?)?;
    }
    Some(if negative { -value } else { value })
}

fn values(digits: &str) -> impl Iterator<Item = i128> + '_ {
    digits.bytes().filter(u8::is_ascii_digit).map(|b| i128::from(b - b'0'))
}

/// The number as a whole one.
pub fn whole(text: &str) -> Option<i128> {
    let by_base = |prefixes: [&str; 2], base| {
        let digits = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let is_number = divided(digits) && !digits.starts_with(['-', '+']);
        is_number.then(|| i128::from_str_radix(&digits.replace('_', ""), base).ok())?
    };
    by_base(["0x", "0X"], 16).or_else(|| by_base(["0b", "0B"], 2)).or_else(|| scaled(text, 0))
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The digits that the text begins with, which may be none, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    divided(digits).then_some((digits, rest))
}

/// Whether each `_` stands alone between two digits.
fn divided(digits: &str) -> bool {
    !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__")
}
