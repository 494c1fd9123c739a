//! Why a query is not planned, as a message and with a place: what DataFusion reports is read once, here.

use crate::wording::reworded;
use datafusion_common::{DataFusionError, SchemaError, Span};
use datafusion_expr::ScalarUDF;
use spotmill_spec::sql::{Complaint, Lines};
use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    UnknownColumn { column: String, available: Vec<String> },
    UnknownFunction { function: String },
    DuplicateColumn { column: String },
    Type,
    Other,
}

/// A query that is refused; `span` is a byte range in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: Kind,
    pub message: String,
    pub span: Option<Range<usize>>,
    /// A name that the message is about.
    pub subject: Option<String>,
}

impl Refusal {
    pub fn other(message: String) -> Self {
        Self { kind: Kind::Other, message, span: None, subject: None }
    }

    /// Two columns of one name.
    pub fn twice(column: &str) -> Self {
        Self {
            kind: Kind::DuplicateColumn { column: column.to_owned() },
            subject: Some(column.to_owned()),
            ..Self::other(format!("two columns are named `{column}`"))
        }
    }

    pub fn complaint(complaints: &[Complaint]) -> Self {
        let Some(first) = complaints.first() else { return Self::other("this SQL is refused".to_owned()) };
        let message = format!("{}: {}", first.title, first.label);
        Self { span: Some(first.span.clone()), ..Self::other(message) }
    }

    pub fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no message");
        Self::other(format!("this query cannot be planned: {text}; write it another way"))
    }

    pub fn of(error: &DataFusionError, text: &str, functions: &[Arc<ScalarUDF>]) -> Self {
        let span = error.diagnostic().and_then(|d| d.span).and_then(|span| bytes(text, span));
        let mut refusal = read(error, functions);
        refusal.span = refusal.span.or(span);
        refusal
    }
}

/// The place that the planner reports.
fn bytes(text: &str, span: Span) -> Option<Range<usize>> {
    let at = |l: datafusion_common::Location| sqlparser::tokenizer::Location { line: l.line, column: l.column };
    Lines::new(text).range(sqlparser::tokenizer::Span { start: at(span.start), end: at(span.end) })
}

fn read(error: &DataFusionError, functions: &[Arc<ScalarUDF>]) -> Refusal {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => read(inner, functions),
        DataFusionError::Shared(inner) => read(inner, functions),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => read(first, functions),
            None => Refusal::other("this query cannot be planned".to_owned()),
        },
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::Plan(message) => of_plan(message, functions),
        DataFusionError::NotImplemented(message) => Refusal::other(unplanned(&sentence(message))),
        DataFusionError::ArrowError(error, _) => {
            Refusal { kind: Kind::Type, ..Refusal::other(sentence(&error.to_string())) }
        }
        other => Refusal::other(sentence(&other.strip_backtrace())),
    }
}

/// What the planner does not plan; a syntax tree in its message helps nobody.
fn unplanned(message: &str) -> String {
    let tree = [" {", "(", "[", "{:?}"].iter().any(|mark| message.contains(mark));
    match tree {
        true => "this is not planned here: write it another way".to_owned(),
        false => format!("{message}: write it another way"),
    }
}

fn of_schema(error: &SchemaError) -> Refusal {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let column = field.name.clone();
            let available = valid_fields.iter().map(|f| f.name.clone()).collect();
            let message = format!("there is no column `{column}`");
            let kind = Kind::UnknownColumn { column: column.clone(), available };
            Refusal { kind, message, span: None, subject: Some(column) }
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Refusal::twice(name)
        }
        SchemaError::AmbiguousReference { field } => Refusal {
            kind: Kind::Other,
            message: format!("`{}` is a column of more than one table: write table.{}", field.name, field.name),
            span: None,
            subject: Some(field.name.clone()),
        },
    }
}

fn of_plan(message: &str, functions: &[Arc<ScalarUDF>]) -> Refusal {
    let message = sentence(message);
    if let Some(name) = message.strip_prefix("Invalid function '").and_then(|m| m.split('\'').next()) {
        let kind = Kind::UnknownFunction { function: name.to_owned() };
        let message = format!("there is no function `{name}`");
        return Refusal { kind, message, span: None, subject: Some(name.to_owned()) };
    }
    if message.starts_with("Projections require unique expression names") {
        let quoted = message.split('"').nth(1).unwrap_or_default();
        return Refusal::twice(quoted.rsplit(" AS ").next().unwrap_or(quoted).rsplit('.').next().unwrap_or(quoted));
    }
    if message.contains("must be in GROUP BY or an aggregate function")
        && let Some(column) = message.split("column \"").nth(1).and_then(|rest| rest.split('"').next())
    {
        let message = format!(
            "`{column}` is not grouped: add it to GROUP BY, or take one of its values with ANY_VALUE({column})"
        );
        return Refusal { subject: Some(column.to_owned()), ..Refusal::other(message) };
    }
    let own = functions.iter().map(|f| f.name()).find(|name| message.contains(&format!("{name}(")));
    Refusal { kind: Kind::Type, message, span: None, subject: own.map(str::to_owned) }
}

/// The message without the kinds of error that DataFusion and Arrow put before it.
fn without_prefixes(message: &str) -> &str {
    const PREFIXES: &[&str] = &[
        "Error during planning: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Internal error: ",
        "Arrow error: ",
        "Parser error: ",
        "Cast error: ",
        "Compute error: ",
        "Arithmetic overflow: ",
    ];
    let mut rest = message;
    while let Some(shorter) = PREFIXES.iter().find_map(|p| rest.strip_prefix(p)) {
        rest = shorter;
    }
    rest
}

/// The message of a function of a plan that fails when it runs, in the same form.
pub fn message(error: &DataFusionError) -> String {
    sentence(&error.strip_backtrace())
}

/// The message without DataFusion's prefixes and without lines that only a developer of it could use.
fn sentence(message: &str) -> String {
    let rest = without_prefixes(message.trim());
    // The message of a function of ours about its arguments stands inside DataFusion's message about the function.
    if let Some((_, inner)) = rest.split_once("coercion failed with: ") {
        let inner = inner.split(" No function matches the given name").next().unwrap_or(inner);
        return sentence(inner.trim_end_matches('.'));
    }
    let rest = rest.split("\n\nbacktrace:").next().unwrap_or(rest);
    let rest = rest.split("You might need to add explicit type casts").next().unwrap_or(rest);
    reworded(rest.split(".\nThis issue was likely caused by a bug").next().unwrap_or(rest).trim())
}
