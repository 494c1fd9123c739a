//! Whether a test passed: what the worker did against what was expected of it. A step that is rejected, fails or breaks its
//! own expectations where the test says nothing of it does not pass, whatever its rows.

use crate::MOST_ROWS;
use crate::diff::{Diff, diff};
use crate::file::ExpectedError;
use crate::read::{Expect, Rejected};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::format::count;
use spotmill_core::item::{FailureClass, ItemFailure, RejectedRow, Violation};
use spotmill_core::types::Column;

/// What became of the item.
#[derive(Clone, Debug)]
pub enum Ran {
    Made(Made),
    Failed(ItemFailure),
    /// The process ended without an outcome; in words.
    Broke(String),
}

#[derive(Clone, Debug, Default)]
pub struct Made {
    pub columns: Vec<Column>,
    /// As text, NULL as none; at most `MOST_ROWS`.
    pub rows: Vec<Vec<Option<String>>>,
    pub total: u64,
    pub rejected: Vec<RejectedRow>,
    pub violations: Vec<Violation>,
    /// Violations warn, and publish all the same.
    pub warn_only: bool,
}

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
}

/// Nothing where the test passed.
pub fn judge(expect: &Expect, ran: &Ran) -> Vec<Finding> {
    match (expect.error, ran) {
        (_, Ran::Broke(how)) => vec![plain(how.clone())],
        (None, Ran::Failed(failure)) => vec![plain(failed(failure))],
        (None, Ran::Made(made)) => of_rows(expect, made),
        (Some(wanted), ran) => of_error(expect, wanted, ran).into_iter().map(plain).collect(),
    }
}

fn plain(message: String) -> Finding {
    Finding { message, diff: None }
}

fn failed(failure: &ItemFailure) -> String {
    let remedy = failure.remedy.as_ref().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
    format!("the step failed: {}{remedy}", failure.message)
}

fn of_rows(expect: &Expect, made: &Made) -> Vec<Finding> {
    let mut found: Vec<Finding> = rejected(&expect.rejected, &made.rejected).into_iter().map(plain).collect();
    if !made.warn_only {
        found.extend(made.violations.iter().map(|violation| plain(violated(violation))));
    }
    let Some(wanted) = &expect.rows else { return found };
    if made.total > MOST_ROWS {
        let (made, most) = (count(made.total, "row"), count(MOST_ROWS, "row"));
        found.push(plain(format!("the step made {made}; a test compares at most {most}: give it less")));
    } else if let Some(diff) = diff(wanted, &made.columns, &made.rows) {
        found.push(Finding { message: summary(&diff, wanted.subset), diff: Some(diff) });
    }
    found
}

fn summary(diff: &Diff, subset: bool) -> String {
    let (expected, made) = (count(diff.expected as u64, "row"), count(diff.made as u64, "row"));
    match (diff.differ, subset) {
        (1, false) => format!("1 row differs: expected {expected}, made {made}"),
        (n, false) => format!("{n} rows differ: expected {expected}, made {made}"),
        (1, true) => format!("1 of {expected} is not among the {made} that were made"),
        (n, true) => format!("{n} of {expected} are not among the {made} that were made"),
    }
}

fn violated(violation: &Violation) -> String {
    let example = violation.example.as_ref().map(|row| format!(", such as {row}")).unwrap_or_default();
    format!("{} does not hold of {}{example}", violation.expectation, count(violation.rows, "row"))
}

/// Each expected rejection has a row of its own, and there are no others.
fn rejected(expected: &[Rejected], rows: &[RejectedRow]) -> Vec<String> {
    let is_it = |e: usize, m: usize| {
        let (wanted, row) = (&expected[e], &rows[m]);
        wanted.line.is_none_or(|line| line == row.line)
            && wanted.column.as_ref().is_none_or(|column| row.column.as_ref() == Some(column))
            && wanted.reason.as_ref().is_none_or(|reason| row.reason.contains(reason))
    };
    let pairs = crate::matching::in_any_order(expected.len(), rows.len(), is_it);
    let missing = pairs.iter().zip(expected).filter(|(pair, _)| pair.is_none());
    let mut found: Vec<String> = missing.map(|(_, wanted)| format!("{} was not rejected", described(wanted))).collect();
    let others = (0..rows.len()).filter(|m| !pairs.contains(&Some(*m)));
    found.extend(others.map(|m| {
        let row = &rows[m];
        let column = row.column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default();
        format!("a row was rejected that the test does not list: line {}{column}: {}", row.line, row.reason)
    }));
    found
}

fn described(wanted: &Rejected) -> String {
    let line = wanted.line.map(|line| format!(" on line {line}")).unwrap_or_default();
    let column = wanted.column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default();
    let reason = wanted.reason.as_ref().map(|r| format!(", for \"{r}\"")).unwrap_or_default();
    format!("a row{line}{column}{reason}")
}

/// Why the error is not the expected one.
fn of_error(expect: &Expect, wanted: ExpectedError, ran: &Ran) -> Vec<String> {
    let (found, message) = match ran {
        Ran::Failed(failure) => (class(failure.class), failure.message.clone()),
        Ran::Made(made) if !made.violations.is_empty() => {
            let all: Vec<String> = made.violations.iter().map(violated).collect();
            (Some(ExpectedError::Expectation), all.join("; "))
        }
        Ran::Made(made) => {
            return vec![format!("expected {}; the step made {}", named(wanted), count(made.total, "row"))];
        }
        Ran::Broke(how) => (None, how.clone()),
    };
    if found != Some(wanted) {
        return vec![format!("expected {}; the step failed otherwise: {message}", named(wanted))];
    }
    match &expect.message {
        Some(text) if !message.contains(text) => {
            vec![format!("expected a message with \"{text}\"; it is: {message}")]
        }
        _ => Vec::new(),
    }
}

/// The error by which a test names the failure, where it can.
fn class(class: FailureClass) -> Option<ExpectedError> {
    match class {
        FailureClass::BadData => Some(ExpectedError::BadData),
        FailureClass::Transform => Some(ExpectedError::Transform),
        _ => None,
    }
}

fn named(error: ExpectedError) -> &'static str {
    match error {
        ExpectedError::BadData => "the error `bad_data`",
        ExpectedError::Transform => "the error `transform`",
        ExpectedError::Expectation => "the error `expectation`",
    }
}
