//! What a check found, and how it is reported.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::ui::format::plural;
use spotmill_platform::aws::stacks::{AwsError, Identity};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    Fine,
    Warning,
    /// It could not be checked, which is no "fine".
    Unchecked,
    Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) grade: Grade,
    pub(super) text: String,
    pub(super) remedy: Option<String>,
}

fn finding(what: &'static str, grade: Grade, text: impl Into<String>, remedy: Option<String>) -> Finding {
    Finding { what, grade, text: text.into(), remedy }
}

pub(super) fn fine(what: &'static str, text: impl Into<String>) -> Finding {
    finding(what, Grade::Fine, text, None)
}

pub(super) fn warning(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    finding(what, Grade::Warning, text, Some(remedy.into()))
}

pub(super) fn problem(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    finding(what, Grade::Problem, text, Some(remedy.into()))
}

pub(super) fn unchecked(what: &'static str, why: impl std::fmt::Display, remedy: impl Into<String>) -> Finding {
    finding(what, Grade::Unchecked, format!("could not be checked: {why}"), Some(remedy.into()))
}

/// A check whose call did not answer: the right that is missing is named.
pub(super) fn unasked(what: &'static str, e: AwsError) -> Finding {
    let needs = match &e {
        AwsError::Denied { needs, .. } => Some(format!("needs {needs}")),
        _ => None,
    };
    let stop = Stop::from(e);
    let remedy = stop.remedy.unwrap_or_else(|| "check it by hand".to_owned());
    unchecked(what, needs.unwrap_or(stop.message), remedy)
}

/// What a start would meet, by what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Works,
    /// By which checks.
    Refused(Vec<&'static str>),
    /// Nothing forbids it, and these could not be checked.
    Unknown(Vec<&'static str>),
}

pub(super) fn start_of(found: &[Finding]) -> Start {
    let of = |grade| {
        let mut named = Vec::new();
        for f in found.iter().filter(|f| f.grade == grade) {
            if !named.contains(&f.what) {
                named.push(f.what);
            }
        }
        named
    };
    match (of(Grade::Problem), of(Grade::Unchecked)) {
        (problems, _) if !problems.is_empty() => Start::Refused(problems),
        (_, unchecked) if !unchecked.is_empty() => Start::Unknown(unchecked),
        _ => Start::Works,
    }
}

impl Start {
    fn name(&self) -> &'static str {
        match self {
            Start::Works => "works",
            Start::Refused(_) => "refused",
            Start::Unknown(_) => "unknown",
        }
    }

    fn text(&self) -> String {
        match self {
            Start::Works => "`start` would work".to_owned(),
            Start::Refused(by) => format!("`start` would be refused: {}", by.join(", ")),
            Start::Unknown(by) => format!("`start` may work: {} could not be checked", by.join(", ")),
        }
    }
}

/// Prints all, and gives the exit code: only what a deep check found nothing against, and left nothing out of, is done.
pub(super) fn report(global: &Global, identity: &Identity, found: &[Finding], deep: bool) -> Code {
    let count = |grade| found.iter().filter(|f| f.grade == grade).count();
    let (problems, warnings) = (count(Grade::Problem), count(Grade::Warning));
    let unchecked = count(Grade::Unchecked);
    let start = deep.then(|| start_of(found));
    found.iter().for_each(|f| print(global, f));
    if global.json {
        let Identity { account, arn } = identity.clone();
        let start = start.as_ref().map(|s| s.name().to_owned());
        Event::Examined { account, identity: arn, problems, warnings, unchecked, start }.print();
    } else {
        let mut counts = vec![plural(problems as u64, "problem"), plural(warnings as u64, "warning")];
        counts.extend((unchecked > 0).then(|| format!("{unchecked} not checked")));
        let end = if !deep && problems > 0 { ": runs would fail or wait" } else { "" };
        say!("{}{end}", counts.join(", "));
        start.iter().for_each(|start| say!("{}", start.text()));
    }
    match start {
        None if problems == 0 => Code::Done,
        Some(Start::Works) => Code::Done,
        _ => Code::Permission,
    }
}

fn print(global: &Global, f: &Finding) {
    let (sign, grade) = match f.grade {
        Grade::Fine => ("✓", "fine"),
        Grade::Warning => ("!", "warning"),
        Grade::Unchecked => ("?", "unchecked"),
        Grade::Problem => ("✗", "problem"),
    };
    if global.json {
        let (what, grade) = (f.what.to_owned(), grade.to_owned());
        return Event::Finding { what, grade, message: f.text.clone(), remedy: f.remedy.clone() }.print();
    }
    say!("{sign} {:13} {}", f.what, f.text);
    f.remedy.iter().for_each(|remedy| say!("  {:13} {remedy}", ""));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_works_only_where_everything_was_checked_and_nothing_found() {
        let (good, odd) = (fine("images", "both"), warning("pools", "few", "more"));
        let (bad, dark) =
            (problem("routes", "none", "make one"), unchecked("keys", "needs kms:GetKeyPolicy", "grant it"));
        let of = |found: &[&Finding]| start_of(&found.iter().map(|f| (*f).clone()).collect::<Vec<_>>());
        for (found, expected, text) in [
            (&[&good, &odd][..], Start::Works, "`start` would work"),
            (&[&good, &dark], Start::Unknown(vec!["keys"]), "`start` may work: keys could not be checked"),
            (&[&dark, &bad, &bad], Start::Refused(vec!["routes"]), "`start` would be refused: routes"),
        ] {
            assert_eq!((of(found), of(found).text()), (expected, text.to_owned()));
        }
    }

    #[test]
    fn a_call_that_is_not_permitted_is_a_finding_that_names_the_right() {
        let e = AwsError::Denied { needs: "iam:SimulatePrincipalPolicy".to_owned(), source: "no".into() };
        let found = unasked("permissions", e);
        assert_eq!(found.grade, Grade::Unchecked);
        assert_eq!(found.text, "could not be checked: needs iam:SimulatePrincipalPolicy");
        assert!(found.remedy.is_some());
    }
}
