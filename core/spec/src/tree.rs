//! The pipeline file as a tree in which every key and value knows its place. Paths such as `step.1.input.columns`
//! (numbers count array elements) lead to a node.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

#[derive(Clone, Debug)]
pub struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(toml::value::Datetime),
    Array(Vec<Node>),
    /// In the order of the file.
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub node: Node,
}

/// Where a key and its value stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The tree, and what does not parse as (message, place).
pub fn parse(text: &str) -> (Node, Vec<(String, Range<usize>)>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut failures: Vec<_> = errors.iter().map(|e| (e.message().to_owned(), e.span().unwrap_or(0..0))).collect();
    let root = Node { span: 0..0, kind: table_of(table.get_ref(), &mut failures) };
    (root, failures)
}

fn table_of(table: &DeTable<'_>, failures: &mut Vec<(String, Range<usize>)>) -> Kind {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            node: node_of(value.get_ref(), value.span(), failures),
        })
        .collect();
    entries.sort_by_key(|e| e.key_span.start);
    Kind::Table(entries)
}

fn node_of(value: &DeValue<'_>, span: Range<usize>, failures: &mut Vec<(String, Range<usize>)>) -> Node {
    let kind = match value {
        DeValue::String(s) => Kind::String(s.to_string()),
        DeValue::Integer(i) => Kind::Integer(i64::from_str_radix(i.as_str(), i.radix()).unwrap_or_else(|_| {
            failures.push(("the number does not fit 64 bits".to_owned(), span.clone()));
            0
        })),
        DeValue::Float(f) => Kind::Float(f.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(b) => Kind::Boolean(*b),
        DeValue::Datetime(d) => Kind::Datetime(*d),
        DeValue::Array(items) => Kind::Array(items.iter().map(|i| node_of(i.get_ref(), i.span(), failures)).collect()),
        DeValue::Table(table) => table_of(table, failures),
    };
    Node { span, kind }
}

impl Node {
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(s) => Some(s),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The deepest node on the path that exists, and whether it is the whole path.
    fn walk(&self, path: &str) -> (Spot, &Node, bool) {
        let mut spot = Spot { key: self.span.clone(), value: self.span.clone() };
        let mut node = self;
        for segment in path.split('.').filter(|s| !s.is_empty()) {
            let next = match &node.kind {
                Kind::Table(_) => node.get(segment).map(|e| (e.key_span.clone(), &e.node)),
                Kind::Array(items) => {
                    segment.parse().ok().and_then(|i: usize| items.get(i)).map(|n| (n.span.clone(), n))
                }
                _ => None,
            };
            let Some((key, found)) = next else { return (spot, node, false) };
            spot = Spot { key, value: found.span.clone() };
            node = found;
        }
        (spot, node, true)
    }

    pub fn find(&self, path: &str) -> Option<&Node> {
        let (_, node, whole) = self.walk(path);
        whole.then_some(node)
    }

    /// The place of the path, or of the nearest thing around it.
    pub fn spot_near(&self, path: &str) -> Spot {
        self.walk(path).0
    }

    /// As TOML without places.
    pub fn value(&self) -> toml::Value {
        match &self.kind {
            Kind::String(s) => toml::Value::String(s.clone()),
            Kind::Integer(i) => toml::Value::Integer(*i),
            Kind::Float(f) => toml::Value::Float(*f),
            Kind::Boolean(b) => toml::Value::Boolean(*b),
            Kind::Datetime(d) => toml::Value::Datetime(*d),
            Kind::Array(items) => toml::Value::Array(items.iter().map(Node::value).collect()),
            Kind::Table(entries) => {
                toml::Value::Table(entries.iter().map(|e| (e.key.clone(), e.node.value())).collect())
            }
        }
    }

    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::String(_) => "a string",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::Boolean(_) => "true or false",
            Kind::Datetime(_) => "a date",
            Kind::Array(_) => "an array",
            Kind::Table(_) => "a table",
        }
    }
}
