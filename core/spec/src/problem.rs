//! A problem in the user's files: a stable name, one sentence, a place and what to do. Rendered as a compiler
//! renders its errors, or serialized for programs.

use super::Sources;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use schemars::JsonSchema;
use serde::Serialize;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Problem {
    /// Stable; documented by this name.
    pub name: &'static str,
    pub severity: Severity,
    pub title: String,
    /// As a person would open it: the pipeline file, or a SQL file beside it.
    pub file: String,
    /// Bytes in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// 1-based, of the span's start; columns count characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    pub label: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

/// A place in one of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub span: Range<usize>,
}

impl Problem {
    pub fn error(name: &'static str, title: impl Into<String>) -> Self {
        Self {
            name,
            severity: Severity::Error,
            title: title.into(),
            file: String::new(),
            span: None,
            line: None,
            column: None,
            label: String::new(),
            help: Vec::new(),
        }
    }

    pub fn warning(name: &'static str, title: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(name, title) }
    }

    pub fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.file = place.file;
        self.span = Some(place.span);
        self.label = label.into();
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Fills in line and column, and the pipeline file where none was given.
    pub(super) fn located(mut self, sources: &Sources) -> Self {
        if self.file.is_empty() {
            self.file.clone_from(&sources.path);
        }
        if let (Some(span), Some(text)) = (&self.span, sources.text(&self.file)) {
            let before = &text[..span.start.min(text.len())];
            let line_start = before.rfind('\n').map_or(0, |i| i + 1);
            self.line = Some(before.matches('\n').count() + 1);
            self.column = Some(before[line_start..].chars().count() + 1);
        }
        self
    }
}

/// Errors first as they stand in the files, each once.
pub fn arrange(mut problems: Vec<Problem>, sources: &Sources) -> Vec<Problem> {
    problems = problems.into_iter().map(|p| p.located(sources)).collect();
    problems.sort_by_key(|p| (p.file != sources.path, p.file.clone(), p.span.as_ref().map_or(0, |s| s.start)));
    problems.dedup();
    problems
}

/// The problem as text for a terminal.
pub fn render(problem: &Problem, sources: &Sources, color: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(&problem.title)
        .id(problem.name)
        .elements(Vec::<Snippet<'_, annotate_snippets::Annotation<'_>>>::new());
    match (&problem.span, sources.text(&problem.file)) {
        (Some(span), Some(text)) => {
            let span = visible(text, span.clone());
            let mark = AnnotationKind::Primary.span(span).label(&problem.label);
            group = group.element(Snippet::source(text).path(&problem.file).annotation(mark));
        }
        _ => {
            group = group.element(Origin::path(&problem.file));
            if !problem.label.is_empty() {
                group = group.element(Level::HELP.message(&problem.label));
            }
        }
    }
    for help in &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// Within the text, on one line, and never empty where a character stands.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let start = span.start.min(text.len());
    let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    let end = span.end.clamp(start, line_end);
    let next = text[start..line_end].chars().next().map_or(start, |c| start + c.len_utf8());
    start..end.max(next)
}
