//! What a check found, and how it is reported.

use crate::args::Global;
use crate::event::Event;
use crate::exit::Stop;
use crate::ui::format::plural;
use spotmill_platform::aws::stacks::{AwsError, Identity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    Fine,
    Warning,
    Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) grade: Grade,
    pub(super) text: String,
    pub(super) remedy: Option<String>,
}

pub(super) fn fine(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Fine, text: text.into(), remedy: None }
}

pub(super) fn warning(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Warning, text: text.into(), remedy: Some(remedy.into()) }
}

pub(super) fn problem(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Problem, text: text.into(), remedy: Some(remedy.into()) }
}

/// A check that could not be made.
pub(super) fn unasked(what: &'static str, e: AwsError) -> Finding {
    let stop = Stop::from(e);
    let remedy = stop.remedy.unwrap_or_else(|| "check it by hand".to_owned());
    warning(what, format!("not checked: {}", stop.message), remedy)
}

pub(super) fn report(global: &Global, identity: &Identity, found: &[Finding]) {
    let count = |grade| found.iter().filter(|f| f.grade == grade).count();
    let (problems, warnings) = (count(Grade::Problem), count(Grade::Warning));
    for f in found {
        let grade = match f.grade {
            Grade::Fine => ("✓", "fine"),
            Grade::Warning => ("!", "warning"),
            Grade::Problem => ("✗", "problem"),
        };
        if global.json {
            let (what, grade) = (f.what.to_owned(), grade.1.to_owned());
            Event::Finding { what, grade, message: f.text.clone(), remedy: f.remedy.clone() }.print();
            continue;
        }
        say!("{} {:13} {}", grade.0, f.what, f.text);
        f.remedy.iter().for_each(|remedy| say!("  {:13} {remedy}", ""));
    }
    if global.json {
        let Identity { account, arn } = identity.clone();
        return Event::Examined { account, identity: arn, problems, warnings }.print();
    }
    let end = if problems > 0 { ": runs would fail or wait" } else { "" };
    say!("{}, {}{end}", plural(problems as u64, "problem"), plural(warnings as u64, "warning"));
}
