//! The first check: every key exists, every value has its type, nothing required is missing. It follows the JSON
//! Schema, so it cannot disagree with the types. What is wrong is reported and left out, so that the checks of
//! meaning still see the rest.

use super::problem::{Place, Problem};
use super::tree::{Entry, Kind, Node};
use serde_json::Value;
use spotmill_core::nearest::nearest;
use std::ops::Range;

pub struct Shape<'a> {
    file: &'a str,
    /// What the whole file is, in messages: `a pipeline`.
    owner: &'a str,
    schema: &'a Value,
    pub problems: Vec<Problem>,
}

impl<'a> Shape<'a> {
    pub fn new(file: &'a str, owner: &'a str, schema: &'a Value) -> Self {
        Self { file, owner, schema, problems: Vec::new() }
    }

    /// The file without what is wrong in it.
    pub fn clean(&mut self, root: &Node) -> toml::Value {
        self.value(root, self.schema, "").unwrap_or_else(|| toml::Value::Table(toml::Table::new()))
    }

    fn report(&mut self, name: &'static str, title: String, span: Range<usize>, label: String) {
        let place = Place { file: self.file.to_owned(), span };
        self.problems.push(Problem::error(name, title).at(place, label));
    }

    fn value(&mut self, node: &Node, schema: &Value, path: &str) -> Option<toml::Value> {
        if let Some(allowed) = constants(schema) {
            return self.constant(node, &allowed, path);
        }
        let schema = self.choose(node, schema, path)?;
        if let Some(allowed) = constants(schema) {
            return self.constant(node, &allowed, path);
        }
        match &node.kind {
            Kind::Table(entries) => Some(self.table(node, entries, schema, path)),
            Kind::Array(items) => {
                let none = Value::Bool(true);
                let each = schema.get("items").unwrap_or(&none);
                Some(toml::Value::Array(items.iter().filter_map(|i| self.value(i, each, path)).collect()))
            }
            _ => self.in_range(node, schema, path).then(|| node.value()),
        }
    }

    /// The alternative of the schema that has the node's type.
    fn choose<'s>(&mut self, node: &Node, schema: &'s Value, path: &str) -> Option<&'s Value> {
        let choices = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice);
        let choices: Vec<&Value> = choices.map_or_else(|| vec![schema], |c| c.iter().collect());
        if let Some(fits) = choices.iter().find(|c| fits(node, c)) {
            return Some(fits);
        }
        let wanted: Vec<&str> = choices.iter().map(|c| type_name(c)).collect();
        let title = format!("`{}` takes {}", shown(path), wanted.join(" or "));
        self.report("wrong-type", title, node.span.clone(), format!("this is {}", node.kind_name()));
        None
    }

    fn constant(&mut self, node: &Node, allowed: &[&str], path: &str) -> Option<toml::Value> {
        let list = || allowed.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ");
        match node.text() {
            Some(text) if allowed.contains(&text) => return Some(node.value()),
            Some(text) => {
                let title = format!("`{}` cannot be \"{text}\"", shown(path));
                let near = nearest(text, allowed.iter().copied()).filter(|_| allowed.len() > 3);
                let label = near.map_or_else(|| format!("one of {}", list()), |n| format!("did you mean \"{n}\"?"));
                self.report("bad-value", title, node.span.clone(), label);
            }
            None => {
                let title = format!("`{}` takes one of {}", shown(path), list());
                self.report("wrong-type", title, node.span.clone(), format!("this is {}", node.kind_name()));
            }
        }
        None
    }

    fn in_range(&mut self, node: &Node, schema: &Value, path: &str) -> bool {
        let number = match node.kind {
            Kind::Integer(i) => i as f64,
            Kind::Float(f) => f,
            _ => return true,
        };
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let max = bound("maximum").or_else(|| (schema.get("format")? == "uint32").then_some(f64::from(u32::MAX)));
        // Where any value may stand, its reader says whether infinity may.
        let good = (number.is_finite() || types(schema).is_empty())
            && bound("minimum").is_none_or(|m| number >= m)
            && max.is_none_or(|m| number <= m);
        if !good {
            let title = format!("`{}` cannot be {number}", shown(path));
            self.report("bad-value", title, node.span.clone(), "out of range".to_owned());
        }
        good
    }

    fn table(&mut self, node: &Node, entries: &[Entry], schema: &Value, path: &str) -> toml::Value {
        let mut out = toml::Table::new();
        let declared = schema.get("properties").and_then(Value::as_object);
        let other = schema.get("additionalProperties");
        for entry in entries {
            let inner = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            let each = declared.and_then(|k| k.get(&entry.key)).or(other.filter(|o| **o != Value::Bool(false)));
            match (each, declared) {
                (Some(each), _) => {
                    if let Some(value) = self.value(&entry.node, each, &inner) {
                        out.insert(entry.key.clone(), value);
                    }
                }
                (None, Some(declared)) => self.unknown_key(entry, declared.keys().map(String::as_str).collect(), path),
                (None, None) => {
                    out.insert(entry.key.clone(), entry.node.value());
                }
            }
        }
        self.missing(node, entries, schema, path);
        toml::Value::Table(out)
    }

    fn unknown_key(&mut self, entry: &Entry, declared: Vec<&str>, path: &str) {
        let title = match path {
            "" => format!("{} has no key `{}`", self.owner, entry.key),
            path => format!("`{path}` has no key `{}`", entry.key),
        };
        let label = match nearest(&entry.key, declared.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match home(self.schema, &entry.key, "", path) {
                Some(table) => format!("it belongs in `[{table}]`"),
                None => format!("keys: {}", declared.join(", ")),
            },
        };
        self.report("unknown-key", title, entry.key_span.clone(), label);
    }

    fn missing(&mut self, node: &Node, entries: &[Entry], schema: &Value, path: &str) {
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if entries.iter().any(|e| e.key == key) {
                continue;
            }
            let (owner, span) = match path {
                "" => (self.owner.to_owned(), 0..0),
                path => (format!("`{path}`"), node.span.clone()),
            };
            self.report("missing-key", format!("{owner} needs `{key}`"), span, advice(path, key).to_owned());
        }
    }
}

fn advice(path: &str, key: &str) -> &'static str {
    match (path, key) {
        ("", "format") => "begin the file with `format = 1`",
        ("", "step") => "add a [[step]] with name, sql and input",
        ("", "pipeline") => "add [pipeline] with a name",
        ("step", "input") => "say what it reads: `input = { path = \"…\" }` or `{ step = \"…\", by = \"…\" }`",
        _ => "add it here",
    }
}

/// The table in which `key` would be valid, if there is exactly one that is near `from`.
fn home(schema: &Value, key: &str, at: &str, from: &str) -> Option<String> {
    let mut found = Vec::new();
    homes(schema, key, at, &mut found);
    let inside = |t: &&String| t.split('.').next() == from.split('.').next();
    let near: Vec<&String> = found.iter().filter(inside).collect();
    match (near.as_slice(), found.as_slice()) {
        ([only], _) => Some((*only).clone()),
        ([], [only]) => Some(only.clone()),
        _ => None,
    }
}

fn homes(schema: &Value, key: &str, at: &str, found: &mut Vec<String>) {
    let each =
        schema.get("items").into_iter().chain(schema.get("anyOf").and_then(Value::as_array).into_iter().flatten());
    each.for_each(|s| homes(s, key, at, found));
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if properties.contains_key(key) && !at.is_empty() && !found.iter().any(|f| f == at) {
        found.push(at.to_owned());
    }
    for (name, inner) in properties {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        homes(inner, key, &path, found);
    }
}

/// The fixed strings a schema allows, if that is what it is.
fn constants(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(Value::as_str).collect();
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value.as_str()?]);
    }
    let choices = schema.get("oneOf").and_then(Value::as_array)?;
    let lists: Option<Vec<_>> = choices.iter().map(constants).collect();
    Some(lists?.into_iter().flatten().collect())
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ if constants(schema).is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

fn fits(node: &Node, schema: &Value) -> bool {
    let types = types(schema);
    let is = |name: &str| types.contains(&name);
    types.is_empty()
        || match node.kind {
            Kind::String(_) => is("string"),
            Kind::Integer(_) => is("integer") || is("number"),
            Kind::Float(_) => is("number"),
            Kind::Boolean(_) => is("boolean"),
            Kind::Datetime(_) => false,
            Kind::Array(_) => is("array"),
            Kind::Table(_) => is("object"),
        }
}

fn type_name(schema: &Value) -> &'static str {
    match types(schema).first() {
        Some(&"string") => "a string",
        Some(&"integer") => "an integer",
        Some(&"number") => "a number",
        Some(&"boolean") => "true or false",
        Some(&"array") => "an array",
        _ => "a table",
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the file" } else { path }
}
