//! From keys as written to the model: defaults filled in, shorthand expanded, units read. Every reader reports what
//! it refuses and goes on with a stand-in, so that one run finds all problems.

mod catalog;
mod columns;
mod fleet;
mod output;
mod pipeline;
mod read;
mod resources;
mod schedule;
mod step;
mod values;
mod wait;

pub use pipeline::{pipeline, reserved};

use super::locate::{Sources, inside};
use super::problem::{Place, Problem};
use super::template::{Piece, TemplateError, pattern_problem, pieces};
use super::tree::Node;
use spotmill_core::model::{Param, ParamType};
use std::collections::BTreeMap;
use std::ops::Range;

/// What lowering and the checks after it share: the texts, the tree, the problems found so far.
pub struct Ctx<'a> {
    pub sources: &'a Sources,
    pub root: &'a Node,
    pub problems: Vec<Problem>,
    /// Names of declared params with their types; also those whose declaration is wrong.
    pub params: BTreeMap<String, Option<ParamType>>,
}

impl<'a> Ctx<'a> {
    pub fn new(sources: &'a Sources, root: &'a Node) -> Self {
        let declared = root.find("params").map(Node::entries).unwrap_or_default();
        let params = declared.iter().map(|e| (e.key.clone(), None)).collect();
        Self { sources, root, problems: Vec::new(), params }
    }

    /// Whether the user wrote the key, even if its value was refused.
    pub fn has(&self, path: &str) -> bool {
        self.root.find(path).is_some()
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place { file: self.sources.path.clone(), span }
    }
    pub fn key(&self, path: &str) -> Place {
        self.place(self.root.spot_near(path).key)
    }
    pub fn value(&self, path: &str) -> Place {
        self.place(self.root.spot_near(path).value)
    }
    /// `key = value` as a whole.
    pub fn pair(&self, path: &str) -> Place {
        let spot = self.root.spot_near(path);
        self.place(spot.key.start..spot.value.end.max(spot.key.end))
    }
    pub fn inside(&self, path: &str, range: Range<usize>) -> Place {
        self.place(inside(&self.sources.toml, self.root, path, range))
    }
    pub fn line(&self, path: &str) -> usize {
        let start = self.root.spot_near(path).key.start;
        self.sources.toml[..start].matches('\n').count() + 1
    }

    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
    pub fn error(&mut self, name: &'static str, title: impl Into<String>, place: Place, label: impl Into<String>) {
        self.problems.push(Problem::error(name, title).at(place, label));
    }

    /// `params: date, out, src`, for labels.
    pub fn param_list(&self) -> String {
        let names: Vec<&str> = self.params.keys().map(String::as_str).collect();
        if names.is_empty() {
            "there are no params; declare it in [params]".to_owned()
        } else {
            format!("params: {}", names.join(", "))
        }
    }

    pub fn unknown_param(&mut self, name: &str, place: Place) {
        let list = self.param_list();
        self.error("unknown-param", format!("there is no param `{name}`"), place, list);
    }

    /// Checks a path template; its params exist and their patterns can be formatted.
    pub fn template(&mut self, path: &str, template: &str) {
        let parts = match pieces(template) {
            Ok(parts) => parts,
            Err(error) => return self.bad_template(path, &error),
        };
        for part in &parts {
            let Piece::Param { name, pattern, span } = part else { continue };
            let place = self.inside(path, span.clone());
            match (self.params.get(name).copied(), pattern) {
                (None, _) => self.unknown_param(name, place),
                (Some(Some(ty)), Some(pattern)) => self.pattern(ty, pattern, name, place),
                _ => {}
            }
        }
        if template.split('/').any(|s| s == "..") {
            let place = self.value(path);
            self.error("bad-path", "`..` is not allowed in a path", place, "write the path without it");
        }
        if template.trim().is_empty() {
            let place = self.value(path);
            self.error("bad-path", "the path is empty", place, "name files, or a prefix");
        }
    }

    fn pattern(&mut self, ty: ParamType, pattern: &str, name: &str, place: Place) {
        let is_date = ty == ParamType::Date;
        if !is_date && ty != ParamType::Timestamp {
            let title = format!("`{name}` is no date or timestamp, so it takes no pattern");
            self.error("bad-template", title, place, format!("write {{{name}}}"));
        } else if let Some(reason) = pattern_problem(pattern, is_date) {
            self.error("bad-template", format!("`{pattern}` cannot be formatted"), place, reason);
        }
    }

    fn bad_template(&mut self, path: &str, error: &TemplateError) {
        let place = match error {
            TemplateError::Unbalanced(span) | TemplateError::BadName(_, span) => self.inside(path, span.clone()),
            _ => self.value(path),
        };
        self.error("bad-template", error.to_string(), place, "a param is written {name}, or {date:%Y/%m}");
    }
}

/// Whether a declared param is a number.
pub fn is_numeric(param: &Param) -> bool {
    use ParamType::{Float64, Int8, Int16, Int32, Int64};
    matches!(param.ty, Int8 | Int16 | Int32 | Int64 | Float64)
}

/// Refuses a key where it means nothing.
fn misplaced(ctx: &mut Ctx<'_>, path: &str, wrong: bool, why: &str) {
    if wrong && ctx.has(path) {
        let key = path.rsplit('.').next().unwrap_or_default();
        let place = ctx.key(path);
        ctx.error("misplaced-key", format!("`{key}` has no meaning here"), place, why);
    }
}
