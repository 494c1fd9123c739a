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
    let action = |pattern: &str| Some(like(&asked.action.to_lowercase(), &pattern.to_lowercase()));
    let resource = |pattern: &str| (!has_variable(pattern)).then(|| like(&asked.resource, pattern));
    let who = match (&of["Principal"], &of["NotPrincipal"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !is_principal(not, asked),
        (these, _) => is_principal(these, asked),
    };
    let on = names(of, "Resource", "NotResource", &resource);
    if !who || names(of, "Action", "NotAction", &action) == Some(false) || on == Some(false) {
        return Applies::No;
    }
    match (conditions(&of["Condition"], asked), on) {
        (Applies::Yes, None) => Applies::Perhaps(vec!["Resource".to_owned()]),
        (Applies::Perhaps(mut depends), None) => {
            depends.insert(0, "Resource".to_owned());
            Applies::Perhaps(depends)
        }
        (applies, _) => applies,
    }
}

/// Does a list of patterns, or its opposite, name what is asked about? Nothing where one that decides cannot be told.
fn names(of: &Value, name: &str, not: &str, matches: &dyn Fn(&str) -> Option<bool>) -> Option<bool> {
    let any = |of: &Value| any(texts(of).iter().map(|t| matches(t)));
    match (&of[name], &of[not]) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Null, not) => any(not).map(|found| !found),
        (these, _) => any(these),
    }
}

/// One that certainly is decides; otherwise one that cannot be told leaves it open.
fn any(of: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(false);
    for one in of {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => found = None,
        }
    }
    found
}

/// `${aws:PrincipalTag/team}`: AWS puts a value there. What stands for a plain character (`${*}`) is left to it too.
fn has_variable(text: &str) -> bool {
    text.contains("${")
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
    if operator.contains(':') {
        // `ForAllValues:` and `ForAnyValue:` are of keys with many values, and hold of none or do not.
        return None;
    }
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
    let compare = |w: &str, by: fn(f64, f64) -> bool| number(value).zip(number(w)).is_some_and(|(a, b)| by(a, b));
    let matches = |w: &str| {
        Some(match operator.as_str() {
            "StringEquals" => w == value,
            "StringEqualsIgnoreCase" | "Bool" => w.eq_ignore_ascii_case(value),
            "StringLike" | "ArnLike" | "ArnEquals" => like(value, w),
            "NumericEquals" => compare(w, |a, b| a == b),
            "NumericLessThan" => compare(w, |a, b| a < b),
            "NumericLessThanEquals" => compare(w, |a, b| a <= b),
            "NumericGreaterThan" => compare(w, |a, b| a > b),
            "NumericGreaterThanEquals" => compare(w, |a, b| a >= b),
            _ => return None,
        })
    };
    let found = any(wanted.iter().map(|w| if has_variable(w) { None } else { matches(w) }))?;
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
