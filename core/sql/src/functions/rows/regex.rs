//! Regular expressions, with DuckDB's options: `c` minds case, `i` does not, `l` takes the pattern for a plain text, `s`
//! lets `.` match a newline, `g` replaces every match.

use super::super::rowwise::{Kept, Made, RowWise, Step, Takes, Value};
use super::pattern::translated;
use super::{Named, TEXT, shape, unexpected};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_datafusion_err, exec_err};
use regex::{Captures, Regex};
use std::collections::HashMap;

use Takes::{Integer, Text};

/// So many patterns are kept compiled; a column of patterns may have more.
const KEPT: usize = 1000;

pub fn all() -> Vec<Named> {
    let tests = |names: &'static [&'static str], step: fn() -> Step| {
        let shapes =
            vec![shape(&[Text, Text], DataType::Boolean, step), shape(&[Text, Text, Text], DataType::Boolean, step)];
        (names, RowWise::checked(names[0], shapes, pattern_is_right))
    };
    let extract = vec![
        shape(&[Text, Text], TEXT, extract_step),
        shape(&[Text, Text, Integer], TEXT, extract_step),
        shape(&[Text, Text, Text], TEXT, extract_step),
        shape(&[Text, Text, Integer, Text], TEXT, extract_step),
    ];
    let replace =
        vec![shape(&[Text, Text, Text], TEXT, replace_step), shape(&[Text, Text, Text, Text], TEXT, replace_step)];
    vec![
        tests(&["regexp_matches", "regexp_like"], || test_step(false)),
        tests(&["regexp_full_match"], || test_step(true)),
        (&["regexp_extract"], RowWise::checked("regexp_extract", extract, pattern_is_right)),
        (&["regexp_replace"], RowWise::checked("regexp_replace", replace, pattern_is_right)),
    ]
}

/// A pattern beside the option `l` is checked when the function runs.
fn pattern_is_right(literals: &[Option<&str>]) -> Result<()> {
    match literals {
        [_, Some(pattern)] | [_, Some(pattern), None] => Compiled::new(pattern, "", false, false).map(drop),
        [_, Some(pattern), Some(other)] if !other.contains('l') => Compiled::new(pattern, "", false, false).map(drop),
        _ => Ok(()),
    }
}

/// What the options ask for.
#[derive(Clone, Copy, Default)]
struct Options {
    any_case: bool,
    literal: bool,
    newline: bool,
    everywhere: bool,
}

impl Options {
    fn read(text: &str, replaces: bool) -> Result<Self> {
        let mut options = Self::default();
        for c in text.chars() {
            match c {
                'c' => options.any_case = false,
                'i' => options.any_case = true,
                'l' => options.literal = true,
                's' => options.newline = true,
                'm' | 'n' | 'p' => options.newline = false,
                'g' if replaces => options.everywhere = true,
                c if c.is_ascii_whitespace() => {}
                other => return exec_err!("there is no option `{other}` here: c, i, l, s, and g of regexp_replace"),
            }
        }
        Ok(options)
    }
}

/// Compiled patterns, with the options that they were last used with.
#[derive(Default)]
struct Patterns(HashMap<String, Compiled>);

struct Compiled {
    written: String,
    regex: Regex,
    options: Options,
}

impl Patterns {
    fn of(&mut self, pattern: &str, options: &str, whole: bool, replaces: bool) -> Result<&Compiled> {
        if self.0.get(pattern).is_none_or(|compiled| compiled.written != options) {
            if self.0.len() >= KEPT {
                self.0.clear();
            }
            self.0.insert(pattern.to_owned(), Compiled::new(pattern, options, whole, replaces)?);
        }
        self.0.get(pattern).ok_or_else(|| exec_datafusion_err!("the pattern `{pattern}` is lost"))
    }
}

impl Compiled {
    fn new(pattern: &str, written: &str, whole: bool, replaces: bool) -> Result<Self> {
        let options = Options::read(written, replaces)?;
        let text = if options.literal { regex::escape(pattern) } else { translated(pattern)? };
        let text = if whole { format!(r"\A(?:{text})\z") } else { text };
        let regex = regex::RegexBuilder::new(&text)
            .case_insensitive(options.any_case)
            .dot_matches_new_line(options.newline)
            .build()
            .map_err(|e| exec_datafusion_err!("the pattern `{pattern}`: {}", short(&e)))?;
        Ok(Self { written: written.to_owned(), regex, options })
    }
}

/// The last line states what is wrong; those before draw the pattern as it was translated.
fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn test_step(whole: bool) -> Step {
    let mut patterns = Patterns::default();
    Box::new(move |row| {
        let (text, pattern, options) = match row {
            [Value::Text(text), Value::Text(pattern)] => (text, pattern, ""),
            [Value::Text(text), Value::Text(pattern), Value::Text(options)] => (text, pattern, *options),
            _ => return unexpected(row),
        };
        Ok(Made::Bool(patterns.of(pattern, options, whole, false)?.regex.is_match(text)))
    })
}

/// The text of the match or of a group of it; empty where there is none.
fn extract_step() -> Step {
    let mut patterns = Patterns::default();
    Box::new(move |row| {
        let (text, pattern, group, options) = match row {
            [Value::Text(t), Value::Text(p)] => (t, p, 0, ""),
            [Value::Text(t), Value::Text(p), Value::Integer(g)] => (t, p, *g, ""),
            [Value::Text(t), Value::Text(p), Value::Text(o)] => (t, p, 0, *o),
            [Value::Text(t), Value::Text(p), Value::Integer(g), Value::Text(o)] => (t, p, *g, *o),
            _ => return unexpected(row),
        };
        let Some(group) = usize::try_from(group).ok().filter(|g| *g <= 9) else {
            return exec_err!("the group is 0 (the whole match) to 9, not {group}");
        };
        let regex = &patterns.of(pattern, options, false, false)?.regex;
        let found = regex.captures(text).and_then(|c| c.get(group).map(|m| m.as_str().to_owned()));
        Ok(Made::Text(found.unwrap_or_default()))
    })
}

fn replace_step() -> Step {
    let mut patterns = Patterns::default();
    let mut replacements = Kept::default();
    Box::new(move |row| {
        let (text, pattern, replacement, options) = match row {
            [Value::Text(t), Value::Text(p), Value::Text(r)] => (t, p, r, ""),
            [Value::Text(t), Value::Text(p), Value::Text(r), Value::Text(o)] => (t, p, r, *o),
            _ => return unexpected(row),
        };
        let Compiled { regex, options, .. } = patterns.of(pattern, options, false, true)?;
        let parts = replacements.of(replacement, Part::all)?;
        Part::check_groups(parts, regex.captures_len(), replacement)?;
        let limit = usize::from(!options.everywhere);
        let made = regex.replacen(text, limit, |found: &Captures<'_>| {
            parts.iter().map(|part| part.text(found)).collect::<String>()
        });
        Ok(Made::Text(made.into_owned()))
    })
}

/// A part of a replacement.
enum Part {
    Text(String),
    Group(usize),
}

impl Part {
    /// `\0` to `\9` are groups, `\\` is a backslash.
    fn all(replacement: &str) -> Result<Vec<Self>> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = replacement.chars();
        while let Some(c) = rest.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match rest.next().map(|c| (c, c.to_digit(10))) {
                Some((_, Some(group))) => {
                    parts.push(Self::Text(std::mem::take(&mut text)));
                    parts.push(Self::Group(group as usize));
                }
                Some(('\\', _)) => text.push('\\'),
                _ => {
                    return exec_err!("`{replacement}`: after a backslash stands the number of a group or a backslash");
                }
            }
        }
        parts.push(Self::Text(text));
        Ok(parts)
    }

    /// Checks that the pattern has every group that the replacement names.
    fn check_groups(parts: &[Self], groups: usize, replacement: &str) -> Result<()> {
        let unknown = parts.iter().find_map(|part| match part {
            Self::Group(group) if *group >= groups => Some(group),
            _ => None,
        });
        match unknown {
            Some(group) => exec_err!("`{replacement}`: the pattern has no group {group}"),
            None => Ok(()),
        }
    }

    fn text<'a>(&'a self, found: &'a Captures<'_>) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Group(group) => found.get(*group).map_or("", |m| m.as_str()),
        }
    }
}
