//! The engine's errors in terms of the SQL that a person wrote. The engine gives text and no positions; this module
//! depends on its wording (of the pinned version).

use crate::failure::{first_lines, root};
use crate::functions::Functions;
use crate::sql::SqlError;
use polars::prelude::PolarsError;
use spotmill_core::item::{CheckProblem, Spot};
use spotmill_core::nearest::nearest;
use spotmill_spec::sql::Lines;
use spotmill_sql::Refusal;
use spotmill_sql::refusal::Kind;

/// What is wrong with the SQL, as the planner or the engine reports it.
pub fn sql_problem(text: &str, error: SqlError, available: &[String], functions: &Functions) -> CheckProblem {
    let refusal = match error {
        SqlError::Engine(error) => return problem_of(&error, available, functions),
        SqlError::Refused(refusal) => refusal,
    };
    let Refusal { kind, message, span, subject } = refusal;
    let span = span.filter(|s| !s.is_empty());
    let subject = span.clone().and_then(|s| text.get(s)).map(str::to_owned).or(subject);
    let problem = match kind {
        Kind::UnknownColumn { column, available: near } => {
            let all = if near.is_empty() { available.to_vec() } else { near };
            CheckProblem::UnknownColumn { column, available: all }
        }
        Kind::UnknownFunction { function } => {
            let similar = similar_function(&function, functions);
            CheckProblem::UnknownFunction { function, similar }
        }
        Kind::DuplicateColumn { column } => CheckProblem::DuplicateColumn { column },
        Kind::Type => CheckProblem::TypeMismatch { subject, message },
        Kind::Other => CheckProblem::Other { subject, message },
    };
    match span {
        Some(span) => {
            let (line, column) = Lines::new(text).location(span.start);
            CheckProblem::Placed { at: Spot { sql: text.to_owned(), line, column }, problem: Box::new(problem) }
        }
        None => problem,
    }
}

/// For "did you mean".
fn similar_function(name: &str, functions: &Functions) -> Option<String> {
    let built_in = crate::builtin::names();
    let existing = functions.udfs.keys().map(String::as_str).chain(built_in.iter().map(String::as_str));
    nearest(name, existing).map(str::to_owned)
}

pub fn problem_of(error: &PolarsError, available: &[String], functions: &Functions) -> CheckProblem {
    let message = first_lines(error);
    match root(error) {
        PolarsError::ColumnNotFound(text) | PolarsError::SchemaFieldNotFound(text) => {
            let column = quoted(text).unwrap_or_else(|| text.to_string());
            CheckProblem::UnknownColumn { column: bare(&column), available: available.to_vec() }
        }
        PolarsError::Duplicate(text) => match quoted(text) {
            Some(column) => CheckProblem::DuplicateColumn { column },
            None => CheckProblem::Other { subject: None, message },
        },
        // Our own error, for what has no translation.
        PolarsError::SQLInterface(text) => {
            CheckProblem::Other { subject: quoted(text), message: text.trim().to_owned() }
        }
        PolarsError::SchemaMismatch(_) | PolarsError::InvalidOperation(_) => {
            CheckProblem::TypeMismatch { subject: subject(error, &message, available, functions), message }
        }
        PolarsError::ComputeError(text) if is_type_error(text) => {
            CheckProblem::TypeMismatch { subject: subject(error, &message, available, functions), message }
        }
        _ => CheckProblem::Other { subject: subject(error, &message, available, functions), message },
    }
}

fn is_type_error(text: &str) -> bool {
    ["cannot compare", "cannot cast", "not supported for dtype", "expected type", "cannot do arithmetic"]
        .iter()
        .any(|t| text.contains(t))
}

/// `t.column` without its table.
fn bare(column: &str) -> String {
    column.rsplit('.').next().unwrap_or(column).to_owned()
}

/// The first text in quotes of any kind.
fn quoted(text: &str) -> Option<String> {
    all_quoted(text).into_iter().next()
}

fn all_quoted(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['\'', '"', '`']) {
        let quote = &rest[open..=open];
        let after = &rest[open + 1..];
        let Some(close) = after.find(quote) else { break };
        out.push(after[..close].to_owned());
        rest = &after[close + 1..];
    }
    out
}

/// A column or function that stands in the SQL: from the message, or from the expression that was evaluated.
fn subject(error: &PolarsError, message: &str, available: &[String], functions: &Functions) -> Option<String> {
    if let Some(name) = functions.udfs.keys().find(|name| message.starts_with(&format!("{name}("))) {
        return Some(name.clone());
    }
    let expression = innermost_expression(error).unwrap_or_default();
    all_quoted(message).into_iter().chain(all_quoted(&expression)).find(|q| available.contains(q))
}

fn innermost_expression(error: &PolarsError) -> Option<String> {
    match error {
        PolarsError::ExprContext { error, expr } => innermost_expression(error).or_else(|| Some(expr.to_string())),
        PolarsError::Context { error, .. } => innermost_expression(error),
        _ => None,
    }
}
