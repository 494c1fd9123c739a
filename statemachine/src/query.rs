//! JSONata as Step Functions uses it: JSON with `{% expression %}` strings. Expressions may read `$states` and
//! variables and use operators, but call no function: what is not a variable is refused at parse, so `$now()` or
//! `$random()` cannot slip in. A result that JSON cannot hold (nothing, a function, infinity) is an error, as on AWS.
//! Numbers are floats: an integer past 2^53 loses digits, so ids travel as strings. It keeps no state.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bumpalo::Bump;
use jsonata_rs::{JsonAta, Value as Jsonata};
use serde_json::{Map, Value};

/// JSON in which some strings are expressions; each parses and reads only what its place offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    json: Value,
    reads: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("the expression `{expression}` failed: {problem}")]
    Failed { expression: String, problem: String },
    #[error("the expression `{expression}` returned nothing, or something that JSON cannot hold")]
    NoValue { expression: String },
    #[error("the value must be {wanted}, and is {got}")]
    WrongType { wanted: &'static str, got: Value },
}

/// What `$states` offers where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before or without a task: input and context.
    Plain,
    /// The arguments of a task that waits for its token.
    TokenArguments,
    /// After success: the result too.
    Result,
    /// In a catcher: the error too.
    Caught,
}

/// Names that JSONata or Step Functions gives to functions; a variable of such a name is one or the other, depending on
/// who evaluates it.
const FUNCTIONS: &str = " abs append assert average base64decode base64encode boolean ceil clone contains count \
    decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error eval exists filter floor formatBase \
    formatInteger formatNumber fromMillis hash join keys length lookup lowercase map match max merge millis min not now \
    number pad parse parseInteger partition power random range reduce replace reverse round shuffle sift single sort \
    split spread sqrt states string substring substringAfter substringBefore sum toMillis trim type uppercase uuid zip ";

pub(crate) fn is_function_name(name: &str) -> bool {
    FUNCTIONS.contains(&format!(" {name} "))
}

impl Template {
    pub(crate) fn parse(json: Value, place: Place) -> Result<Self, String> {
        let mut reads = BTreeSet::new();
        check(&json, place, &mut reads)?;
        Ok(Self { json, reads })
    }

    /// The variables it reads.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(String::as_str)
    }

    pub fn evaluate(&self, states: &Value, variables: &BTreeMap<String, Value>) -> Result<Value, QueryError> {
        let mut bindings: HashMap<&str, &Value> = HashMap::from([("states", states)]);
        bindings.extend(variables.iter().map(|(name, value)| (name.as_str(), value)));
        fill(&self.json, &bindings)
    }
}

fn expression_of(text: &str) -> Result<Option<&str>, String> {
    match (text.starts_with("{%"), text.ends_with("%}")) {
        (true, true) if text.len() >= 4 => Ok(Some(text[2..text.len() - 2].trim())),
        (false, false) => Ok(None),
        _ => Err(format!("opens or closes an expression by halves: `{text}`")),
    }
}

fn check(json: &Value, place: Place, reads: &mut BTreeSet<String>) -> Result<(), String> {
    match json {
        Value::String(text) => match expression_of(text)? {
            Some(expression) => check_expression(expression, place, reads),
            None => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check(item, place, reads)),
        Value::Object(fields) => fields.values().try_for_each(|field| check(field, place, reads)),
        _ => Ok(()),
    }
}

fn check_expression(expression: &str, place: Place, reads: &mut BTreeSet<String>) -> Result<(), String> {
    JsonAta::new(expression, &Bump::new()).map_err(|problem| format!("`{expression}` is no JSONata: {problem}"))?;
    for reference in references(expression) {
        let (name, path) = reference.split_once('.').unwrap_or((reference, ""));
        if name != "states" {
            if is_function_name(name) || name.is_empty() {
                return Err(format!("`{expression}` uses `${name}`, outside the subset: no functions, no bare `$`"));
            }
            reads.insert(name.to_owned());
        } else if !offers(place, path) {
            return Err(format!("`{expression}` reads `${reference}`, which is not offered here"));
        }
    }
    Ok(())
}

fn offers(place: Place, path: &str) -> bool {
    let under = |root: &str| path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    under("input")
        || place == Place::Result && under("result")
        || place == Place::Caught && under("errorOutput")
        || place == Place::TokenArguments && path == "context.Task.Token"
        || ["Execution.Id", "Execution.Name", "State.Name", "State.RetryCount"]
            .iter()
            .any(|allowed| path.strip_prefix("context.") == Some(allowed))
        || under("context.Execution.Input")
}

/// Every `$name.path` of an expression, without the `$`; text in quotes is skipped.
fn references(expression: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(['$', '\'', '"', '`']) {
        let (quote, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        if quote == b'$' {
            let end = after.find(|c| !word(c) && c != '.').unwrap_or(after.len());
            found.push(after[..end].trim_end_matches('.'));
            rest = &after[end..];
        } else {
            // An escaped quote does not end the text.
            let mut end = 0;
            let bytes = after.as_bytes();
            while end < bytes.len() && bytes[end] != quote {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            rest = after.get(end + 1..).unwrap_or("");
        }
    }
    found
}

fn fill(json: &Value, bindings: &HashMap<&str, &Value>) -> Result<Value, QueryError> {
    Ok(match json {
        Value::String(text) => match expression_of(text) {
            Ok(Some(expression)) => evaluate(expression, bindings)?,
            _ => json.clone(),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, bindings)).collect::<Result<_, _>>()?,
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, field)| Ok((name.clone(), fill(field, bindings)?)));
            Value::Object(filled.collect::<Result<_, _>>()?)
        }
        _ => json.clone(),
    })
}

fn evaluate(expression: &str, bindings: &HashMap<&str, &Value>) -> Result<Value, QueryError> {
    let arena = Bump::new();
    let failed = |problem: jsonata_rs::Error| QueryError::Failed {
        expression: expression.to_owned(),
        problem: problem.to_string(),
    };
    let query = JsonAta::new(expression, &arena).map_err(failed)?;
    let value = query.evaluate(None, Some(bindings)).map_err(failed)?;
    to_json(value).ok_or_else(|| QueryError::NoValue { expression: expression.to_owned() })
}

/// Our own conversion: the library's writes nothing for nothing, `null` for infinity, and orders keys by chance.
fn to_json<'a>(value: &'a Jsonata<'a>) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    Some(match value {
        Jsonata::Null => Value::Null,
        Jsonata::Bool(flag) => Value::Bool(*flag),
        Jsonata::String(text) => Value::String(text.as_str().to_owned()),
        Jsonata::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => Value::from(*number as i64),
        Jsonata::Number(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        Jsonata::Array(..) | Jsonata::Range(..) => value.members().map(to_json).collect::<Option<Vec<_>>>()?.into(),
        Jsonata::Object(..) => {
            let mut entries: Vec<_> = value.entries().map(|(name, field)| (name.as_str(), *field)).collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            let fields = entries.into_iter().map(|(name, field)| Some((name.to_owned(), to_json(field)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}
