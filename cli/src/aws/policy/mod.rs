//! A policy of a bucket or a key, and whether it denies or allows a call of ours: as much of IAM's language as such policies
//! use. What depends on something that only AWS knows (an address, an endpoint) is "perhaps", never "no". Pure.

use serde_json::Value;
use std::collections::BTreeMap;

/// A call: who makes it, what it does to what, and the condition keys whose values are certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// ARN of the role.
    pub role: String,
    pub account: String,
    pub action: String,
    pub resource: String,
    /// Keys that the request bears; an empty value: certainly not.
    pub context: BTreeMap<String, String>,
}

/// Does a statement apply?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applies {
    Yes,
    No,
    /// It depends on these keys.
    Perhaps(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The statement's name, or its place.
    pub statement: String,
    /// Empty where it certainly applies.
    pub depends: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Value>,
}

impl Policy {
    pub fn read(text: &str) -> Option<Self> {
        let of: Value = serde_json::from_str(text).ok()?;
        match &of["Statement"] {
            Value::Array(all) => Some(Self { statements: all.clone() }),
            one @ Value::Object(_) => Some(Self { statements: vec![one.clone()] }),
            _ => None,
        }
    }

    /// The first statement of this effect that applies, certainly or perhaps; one that certainly does comes first.
    pub fn hit(&self, effect: &str, asked: &Asked) -> Option<Hit> {
        let named = |at: usize, of: &Value| {
            let sid = of["Sid"].as_str().filter(|sid| !sid.is_empty()).map(str::to_owned);
            sid.unwrap_or_else(|| format!("statement {}", at + 1))
        };
        let mut perhaps = None;
        for (at, of) in self.statements.iter().enumerate().filter(|(_, of)| of["Effect"] == effect) {
            match applies(of, asked) {
                Applies::Yes => return Some(Hit { statement: named(at, of), depends: Vec::new() }),
                Applies::Perhaps(depends) if perhaps.is_none() => {
                    perhaps = Some(Hit { statement: named(at, of), depends });
                }
                _ => {}
            }
        }
        perhaps
    }
}

fn applies(of: &Value, asked: &Asked) -> Applies {
    let is = |name: &str, not: &str, matches: &dyn Fn(&str) -> bool| match (&of[name], &of[not]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !texts(not).iter().any(|t| matches(t)),
        (these, _) => texts(these).iter().any(|t| matches(t)),
    };
    let action = |pattern: &str| like(&asked.action.to_lowercase(), &pattern.to_lowercase());
    let resource = |pattern: &str| like(&asked.resource, pattern);
    let who = match (&of["Principal"], &of["NotPrincipal"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !is_principal(not, asked),
        (these, _) => is_principal(these, asked),
    };
    if !who || !is("Action", "NotAction", &action) || !is("Resource", "NotResource", &resource) {
        return Applies::No;
    }
    conditions(&of["Condition"], asked)
}

fn texts(of: &Value) -> Vec<String> {
    let text = |v: &Value| match v {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match of {
        Value::Array(all) => all.iter().map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)],
    }
}

/// `"*"`, or `{"AWS": …}`. A service is none of our roles.
fn is_principal(of: &Value, asked: &Asked) -> bool {
    let named = match of {
        Value::Object(kinds) => kinds.get("AWS").map(texts).unwrap_or_default(),
        other => texts(other),
    };
    named.iter().any(|who| {
        who == "*"
            || *who == asked.role
            || *who == asked.account
            || (who.contains(":iam::") && who.ends_with(&format!(":{}:root", asked.account)))
    })
}

/// All of them have to hold; one that certainly does not decides.
fn conditions(of: &Value, asked: &Asked) -> Applies {
    let mut depends = Vec::new();
    for (operator, keys) in of.as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            match holds(operator, key, &texts(wanted), asked) {
                Some(true) => {}
                Some(false) => return Applies::No,
                None => depends.push(key.clone()),
            }
        }
    }
    if depends.is_empty() { Applies::Yes } else { Applies::Perhaps(depends) }
}

/// Nothing where it cannot be told.
fn holds(operator: &str, key: &str, wanted: &[String], asked: &Asked) -> Option<bool> {
    let value = asked.context.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str())?;
    let absent = value.is_empty();
    if operator == "Null" {
        return Some(wanted.iter().any(|w| (w == "true") == absent));
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (operator, not) = match operator.split_once("Not") {
        Some((kind, rest)) => (format!("{kind}{rest}"), true),
        None => (operator.to_owned(), false),
    };
    if absent {
        // A key that is not there equals nothing.
        return Some(if_exists || not);
    }
    let number = |text: &str| text.parse::<f64>().ok();
    let compare =
        |by: fn(f64, f64) -> bool| wanted.iter().any(|w| number(value).zip(number(w)).is_some_and(|(a, b)| by(a, b)));
    let found = match operator.as_str() {
        "StringEquals" => wanted.iter().any(|w| w == value),
        "StringEqualsIgnoreCase" | "Bool" => wanted.iter().any(|w| w.eq_ignore_ascii_case(value)),
        "StringLike" | "ArnLike" | "ArnEquals" => wanted.iter().any(|w| like(value, w)),
        "NumericEquals" => compare(|a, b| a == b),
        "NumericLessThan" => compare(|a, b| a < b),
        "NumericLessThanEquals" => compare(|a, b| a <= b),
        "NumericGreaterThan" => compare(|a, b| a > b),
        "NumericGreaterThanEquals" => compare(|a, b| a >= b),
        _ => return None,
    };
    Some(found != not)
}

/// IAM's patterns: `*` is any part, `?` any character.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (t, p) = (t + 1, p + 1);
        } else if let Some((at, from)) = star {
            // The star takes one character more.
            (p, t) = (at + 1, from + 1);
            star = Some((at, t));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
