//! The texts a pipeline is made of, and where in them a key of the parsed pipeline stands.

use super::problem::{Place, Problem};
use super::tree::Node;
use spotmill_core::model::{Pipeline, Transform};
use std::collections::BTreeMap;
use std::ops::Range;

/// What the caller read: the pipeline file and the SQL files it names, by the names it uses.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// As messages show it.
    pub path: String,
    pub toml: String,
    pub sql_files: BTreeMap<String, String>,
}

impl Sources {
    /// A SQL file's path as messages show it.
    pub fn shown(&self, sql_file: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((dir, _)) => format!("{dir}/{sql_file}"),
            None => sql_file.to_owned(),
        }
    }

    /// The text of a file named as messages show it.
    pub fn text(&self, shown: &str) -> Option<&str> {
        if shown == self.path {
            return Some(&self.toml);
        }
        self.sql_files.iter().find(|(name, _)| self.shown(name) == shown).map(|(_, text)| text.as_str())
    }
}

/// A pipeline without problems, and where its parts stand.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub pipeline: Pipeline,
    pub warnings: Vec<Problem>,
    pub sources: Sources,
    root: Node,
    /// Place in the file of each step of `pipeline.steps`.
    order: Vec<usize>,
}

impl Parsed {
    pub(super) fn new(
        pipeline: Pipeline,
        warnings: Vec<Problem>,
        sources: Sources,
        root: Node,
        order: Vec<usize>,
    ) -> Self {
        Self { pipeline, warnings, sources, root, order }
    }

    /// Where a key of a step stands: `input.path`, `output.destination`, `input.columns.carrier`. The nearest
    /// thing around it if it is not written; none if there is no such step.
    pub fn locate(&self, step: &str, key: &str) -> Option<Place> {
        let base = self.base(step)?;
        let path = match key.split_once("columns.") {
            Some((before, column)) => self.column(&format!("{base}.{before}columns"), column),
            None => format!("{base}.{key}"),
        };
        Some(self.place(self.root.spot_near(&path).value))
    }

    /// The element `text` of a list, or the list.
    pub fn locate_element(&self, step: &str, key: &str, text: &str) -> Option<Place> {
        let path = format!("{}.{key}", self.base(step)?);
        let items = self.root.find(&path).map(Node::items).unwrap_or_default();
        let is_it = |n: &Node| {
            let named = n.get("column").and_then(|e| e.node.text());
            n.text().map(|t| t.trim_start_matches('-')).or(named) == Some(text)
        };
        match items.iter().find(|n| is_it(n)) {
            Some(item) => Some(self.place(item.span.clone())),
            None => self.locate(step, key),
        }
    }

    /// A range of the text that a key of a step holds.
    pub(super) fn locate_inside(&self, step: &str, key: &str, range: Range<usize>) -> Option<Place> {
        let path = format!("{}.{key}", self.base(step)?);
        Some(self.place(inside(&self.sources.toml, &self.root, &path, range)))
    }

    /// Where a key outside of steps stands: `pipeline.name`, `params.date`.
    pub fn locate_top(&self, key: &str) -> Place {
        self.place(self.root.spot_near(key).value)
    }

    /// 1-based line of a place.
    pub fn line(&self, place: &Place) -> usize {
        let text = self.sources.text(&place.file).unwrap_or_default();
        text[..place.span.start.min(text.len())].matches('\n').count() + 1
    }

    /// A range of a step's SQL as a place in the file that holds the SQL.
    pub(super) fn sql_place(&self, step: &str, range: Range<usize>) -> Option<Place> {
        let found = self.pipeline.step(step)?;
        let Transform::Sql { file, .. } = &found.transform else { return None };
        match file {
            Some(file) => Some(Place { file: self.sources.shown(file), span: range }),
            None => {
                Some(self.place(inside(&self.sources.toml, &self.root, &format!("{}.sql", self.base(step)?), range)))
            }
        }
    }

    fn base(&self, step: &str) -> Option<String> {
        let index = self.pipeline.steps.iter().position(|s| s.name == step)?;
        Some(format!("step.{}", self.order[index]))
    }

    fn column(&self, columns: &str, name: &str) -> String {
        let items = self.root.find(columns).map(Node::items).unwrap_or_default();
        let is_it = |n: &Node| {
            let text = n.text().and_then(|t| t.split_whitespace().next());
            text.or_else(|| n.get("name")?.node.text()) == Some(name)
        };
        match items.iter().position(is_it) {
            Some(i) => format!("{columns}.{i}"),
            None => columns.to_owned(),
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place { file: self.sources.path.clone(), span }
    }
}

/// A range of a string's value as a range of the file; the whole value when escapes make that impossible.
pub(super) fn inside(toml: &str, root: &Node, path: &str, range: Range<usize>) -> Range<usize> {
    let span = root.spot_near(path).value;
    let Some(text) = root.find(path).and_then(Node::text) else { return span };
    match toml[span.clone()].find(text) {
        Some(at) => span.start + at + range.start..span.start + at + range.end,
        None => span,
    }
}
