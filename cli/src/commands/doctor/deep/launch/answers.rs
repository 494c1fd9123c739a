//! What EC2 answered to dry runs: whether a launch would be carried out, and who or what forbids it. Pure.

use super::super::super::finding::{Finding, problem, unchecked};
use super::WHAT;
use serde_json::Value;
use spotmill_platform::aws::fleets::{Dry, remedy};

/// Nothing where EC2 would do it.
pub(super) fn judge(action: &str, subject: &str, answer: &Dry) -> Option<Finding> {
    match answer {
        Dry::Fine => None,
        Dry::Denied { message, decoded } => Some(denied(action, subject, message, decoded.as_deref())),
        Dry::Refused { code, message } => {
            Some(problem(WHAT, format!("{subject}: EC2 answered {code}: {message}"), remedy(code)))
        }
        Dry::Unanswered { message } => Some(unchecked(WHAT, format!("{subject}: {message}"), "run it again")),
    }
}

fn denied(action: &str, subject: &str, message: &str, decoded: Option<&str>) -> Finding {
    let hint = decoded.and_then(Hint::read);
    let on = hint.as_ref().map_or(String::new(), |hint| format!("{} on {}", hint.action, hint.resource));
    match hint {
        Some(hint) if hint.explicit => {
            let by =
                if hint.statements.is_empty() { String::new() } else { format!(" ({})", hint.statements.join(", ")) };
            let text = format!("{subject}: {on} is denied expressly{by}");
            problem(
                WHAT,
                text,
                "an SCP or a boundary that denies you mostly denies the stack's roles too: have them excepted",
            )
        }
        Some(_) => {
            let remedy = format!("the functions' role was asked about above; to try it yourself, be allowed {action}");
            unchecked(WHAT, format!("needs {action} ({subject}: no policy of yours allows {on})"), remedy)
        }
        None => {
            let remedy = format!("be allowed {action}, and sts:DecodeAuthorizationMessage to see by which policy");
            unchecked(WHAT, format!("needs {action} ({subject}: {message})"), remedy)
        }
    }
}

/// What STS decodes of a denial.
struct Hint {
    explicit: bool,
    action: String,
    resource: String,
    statements: Vec<String>,
}

impl Hint {
    fn read(text: &str) -> Option<Self> {
        let of: Value = serde_json::from_str(text).ok()?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let statements = of["matchedStatements"]["items"].as_array().into_iter().flatten();
        Some(Self {
            explicit: of["explicitDeny"].as_bool()?,
            action: text(&of["context"]["action"]),
            resource: text(&of["context"]["resource"]),
            statements: statements.map(|s| text(&s["statementId"])).filter(|id| !id.is_empty()).collect(),
        })
    }
}

/// Tries with the same answer are one, with their subjects.
pub(super) fn grouped(answers: Vec<(&'static str, String, Dry)>) -> Vec<(&'static str, String, Dry)> {
    let mut all: Vec<(&'static str, Vec<String>, Dry)> = Vec::new();
    for (action, subject, answer) in answers {
        match all.iter_mut().find(|(a, _, same)| *a == action && *same == answer) {
            Some((_, subjects, _)) => subjects.push(subject),
            None => all.push((action, vec![subject], answer)),
        }
    }
    all.into_iter().map(|(action, subjects, answer)| (action, subjects.join(", "), answer)).collect()
}
