//! Patterns as DuckDB reads them (the syntax of RE2), in that of the crate `regex`: `\w`, `\d`, `\s` and `\b` are of
//! ASCII, a class knows no operators, and what RE2 refuses is refused.

use datafusion_common::{Result, exec_err};
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0C\r ";
const CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// The pattern for the crate `regex`.
pub fn translated(pattern: &str) -> Result<String> {
    let mut reader =
        Reader { rest: pattern.chars().peekable(), out: String::with_capacity(pattern.len() + 8), pattern };
    reader.all()?;
    Ok(reader.out)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    pattern: &'a str,
}

impl Reader<'_> {
    fn refused<T>(&self, what: &str) -> Result<T> {
        exec_err!("the pattern `{}`: {what}", self.pattern)
    }

    fn all(&mut self) -> Result<()> {
        let mut repeated = false;
        while let Some(c) = self.rest.next() {
            let repeats = match c {
                '*' | '+' | '?' => true,
                '{' => self.bounds(),
                _ => false,
            };
            if repeats && repeated {
                return self.refused("a repetition is repeated: put the inner one in parentheses");
            }
            repeated = repeats;
            match c {
                '*' | '+' | '?' => self.out.push(c),
                '{' if repeats => self.repetition()?,
                '{' | '}' => self.out.extend(['\\', c]),
                ']' => self.out.push_str("\\]"),
                '[' => self.class()?,
                '(' => self.group()?,
                '\\' => self.escape()?,
                other => self.out.push(other),
            }
            if repeats && self.rest.next_if_eq(&'?').is_some() {
                self.out.push('?');
            }
        }
        Ok(())
    }

    /// Whether `n}`, `n,}` or `n,m}` follows; any other brace is itself.
    fn bounds(&self) -> bool {
        let text: String = self.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.rest.clone().nth(text.chars().count()) == Some('}');
        let (least, most) = text.split_once(',').unwrap_or((&text, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        closed && !least.is_empty() && digits(least) && digits(most)
    }

    fn repetition(&mut self) -> Result<()> {
        let text: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
        if text.split(',').any(|n| n.len() > 4 || n.parse::<u32>().is_ok_and(|n| n > 1000)) {
            return self.refused("more than 1000 repetitions");
        }
        self.out.push_str(&format!("{{{text}}}"));
        Ok(())
    }

    /// `(`, or `(?flags)`, `(?flags:`, `(?P<name>`.
    fn group(&mut self) -> Result<()> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        let named = self.rest.next_if_eq(&'P').is_some();
        if named {
            self.out.push('P');
        }
        if self.rest.peek() == Some(&'<') {
            let ahead = self.rest.clone().nth(1);
            return match ahead {
                Some('=' | '!') => self.refused("look-behind is not supported"),
                _ => Ok(()),
            };
        }
        if named {
            return self.refused("`(?P` wants a name in angle brackets");
        }
        while let Some(c) = self.rest.next() {
            match c {
                'i' | 'm' | 's' | 'U' | '-' => self.out.push(c),
                ':' | ')' => {
                    self.out.push(c);
                    return Ok(());
                }
                '=' | '!' => return self.refused("look-ahead is not supported"),
                other => return self.refused(&format!("there is no flag `{other}`")),
            }
        }
        self.refused("a parenthesis is open")
    }

    fn escape(&mut self) -> Result<()> {
        let Some(c) = self.rest.next() else { return self.refused("it ends with a backslash") };
        match c {
            'd' => self.class_of(DIGIT, false),
            'D' => self.class_of(DIGIT, true),
            'w' => self.class_of(WORD, false),
            'W' => self.class_of(WORD, true),
            's' => self.class_of(SPACE, false),
            'S' => self.class_of(SPACE, true),
            'b' => self.out.push_str(r"(?-u:\b)"),
            'A' | 'z' => self.out.extend(['\\', c]),
            'Q' => self.quoted(),
            'p' | 'P' => self.property(c)?,
            _ => {
                let character = self.character(c)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    fn class_of(&mut self, members: &str, negated: bool) {
        self.out.push_str(if negated { "[^" } else { "[" });
        self.out.push_str(members);
        self.out.push(']');
    }

    /// `\Q…\E`: what is between is itself.
    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(c);
        }
    }

    fn property(&mut self, letter: char) -> Result<()> {
        self.out.extend(['\\', letter]);
        match self.rest.next() {
            Some('{') => {
                let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                self.out.push_str(&format!("{{{name}}}"));
                Ok(())
            }
            Some(c) if c.is_ascii_alphabetic() => {
                self.out.push(c);
                Ok(())
            }
            _ => self.refused("`\\p` wants the name of a property"),
        }
    }

    /// The character that stands for itself after a backslash.
    fn character(&mut self, c: char) -> Result<char> {
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0C',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0B',
            'x' => {
                let digits: String = match self.rest.next_if_eq(&'{') {
                    Some(_) => self.rest.by_ref().take_while(|c| *c != '}').collect(),
                    None => self.rest.by_ref().take(2).collect(),
                };
                match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                    Some(c) => c,
                    None => return self.refused("`\\x` wants two hexadecimal digits, or more in braces"),
                }
            }
            c if c.is_ascii_punctuation() || c == ' ' => c,
            other => return self.refused(&format!("there is no `\\{other}`")),
        })
    }

    fn literal(&mut self, c: char) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "\\x{{{:X}}}", u32::from(c));
    }

    fn class(&mut self) -> Result<()> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.next() else { return self.refused("a bracket is open") };
            match c {
                ']' if !first => break,
                '[' if self.rest.peek() == Some(&':') => self.posix()?,
                '\\' if matches!(self.rest.peek(), Some('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'p' | 'P')) => {
                    self.escape()?;
                }
                other => self.range(other)?,
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn posix(&mut self) -> Result<()> {
        let name: String = self.rest.by_ref().take_while(|c| *c != ']').collect();
        let bare = name.trim_matches(':');
        if !name.ends_with(':') || !CLASSES.contains(&bare.trim_start_matches('^')) {
            return self.refused(&format!("there is no class `[{name}]`"));
        }
        self.out.push_str(&format!("[:{bare}:]"));
        Ok(())
    }

    /// One character of a class, or two with a hyphen between.
    fn range(&mut self, c: char) -> Result<()> {
        let low = self.member(c)?;
        self.literal(low);
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            self.rest.next();
            let Some(c) = self.rest.next() else { return self.refused("a bracket is open") };
            let high = self.member(c)?;
            self.out.push('-');
            self.literal(high);
        }
        Ok(())
    }

    fn member(&mut self, c: char) -> Result<char> {
        match c {
            '\\' => match self.rest.next() {
                Some(c) => self.character(c),
                None => self.refused("it ends with a backslash"),
            },
            other => Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::translated;

    #[track_caller]
    fn matches(pattern: &str, text: &str, expected: bool) {
        let translated = translated(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        let regex = regex::Regex::new(&translated).unwrap_or_else(|e| panic!("{pattern} as {translated}: {e}"));
        assert_eq!(regex.is_match(text), expected, "{pattern} as {translated} on {text:?}");
    }

    #[test]
    fn letters_of_classes_are_ascii() {
        matches(r"\w", "é", false);
        matches(r"\W", "é", true);
        matches(r"[^\w]", "a", false);
        matches(r"[\d-]", "-", true);
        matches(r"\d", "٣", false);
        matches(r"\s", "\u{a0}", false);
        matches(r"\bb", "a b", true);
        matches(r"\b", "é", false);
    }

    #[test]
    fn classes_have_no_operators() {
        matches("[a&&b]", "&", true);
        matches("[+--]", "-", true);
        matches("[a~~b]", "~", true);
        matches("[[]", "[", true);
        matches("[]a]", "]", true);
        matches("[[:alpha:]x]", "x", true);
        matches(r"[a\-z]", "-", true);
    }

    #[test]
    fn what_is_no_repetition_is_itself() {
        matches("a{", "a{", true);
        matches("a{,2}", "a{,2}", true);
        matches("a{2}", "aa", true);
        matches(r"\Qa.\E", "ab", false);
        matches(r"\<", "<", true);
        matches("^a$", "a\n", false);
    }

    #[test]
    fn what_the_reference_refuses_is_refused() {
        for pattern in [
            r"a(?=b)",
            r"(a)\1",
            r"\Z",
            r"\B",
            "(?x)a",
            "a**",
            "a++",
            "a{1001}",
            "[a",
            "[[:foo:]]",
            r"\é",
            "(?<=a)b",
            "a\\",
        ] {
            assert!(translated(pattern).is_err(), "{pattern}");
        }
    }
}
