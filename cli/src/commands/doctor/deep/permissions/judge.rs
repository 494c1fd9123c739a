//! What IAM answered of a role's calls: what is refused, by what, and what it leaves open. Pure.

use super::super::super::finding::{Finding, problem, unchecked};
use super::WHAT;
use spotmill_platform::aws::stacks::{Simulated, Trial};
use std::collections::BTreeMap;

/// Resources that a finding names.
const NAMED: usize = 3;
/// Keys that AWS itself puts into requests; only it knows their values.
const OF_AWS: &str = "aws:";
/// Among them those that are of the request or its resource all the same.
const OF_REQUESTS: [&str; 3] = ["aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys"];

pub(super) struct Remedies {
    /// Where the stack's own policies lack something.
    pub(super) deploy: String,
    pub(super) boundary: String,
}

/// Why a call would not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Denied,
    NotAllowed,
    Boundary,
    Organization,
    Unanswered,
    /// It depends on keys whose values only AWS knows.
    Depends,
}

/// What IAM answered of every call of a role: what is refused, and what it left open, a finding for each action and reason.
pub(super) fn judge(subject: &str, answers: &[(Trial, Vec<Simulated>)], remedies: &Remedies) -> Vec<Finding> {
    let mut refused: BTreeMap<(Why, &str, String), Vec<&str>> = BTreeMap::new();
    for (trial, answers) in answers {
        let pairs = trial.actions.iter().flat_map(|action| trial.resources.iter().map(move |on| (action, on)));
        for (action, resource) in pairs {
            let of_it =
                |a: &&Simulated| a.action.eq_ignore_ascii_case(action) && (resource == "*" || a.resource == *resource);
            let (why, details) = match answers.iter().find(of_it) {
                None => (Why::Unanswered, String::new()),
                Some(answer) => match why(answer) {
                    None => continue,
                    Some(why) => (why, details(why, answer)),
                },
            };
            // The same resource may be asked about under several contexts.
            let named = refused.entry((why, action, details)).or_default();
            if !named.contains(&resource.as_str()) {
                named.push(resource);
            }
        }
    }
    let each = refused.into_iter();
    each.map(|((why, action, details), on)| refusal(subject, why, action, &details, &on, remedies)).collect()
}

fn why(answer: &Simulated) -> Option<Why> {
    if answer.allowed {
        return None;
    }
    Some(match answer {
        Simulated { organization: Some(false), .. } => Why::Organization,
        Simulated { denied: true, .. } => Why::Denied,
        Simulated { missing, .. } if !missing.is_empty() && missing.iter().all(|key| is_of_aws(key)) => Why::Depends,
        Simulated { boundary: Some(false), .. } => Why::Boundary,
        _ => Why::NotAllowed,
    })
}

fn is_of_aws(key: &str) -> bool {
    key.starts_with(OF_AWS) && !OF_REQUESTS.iter().any(|own| key.starts_with(own))
}

fn details(why: Why, answer: &Simulated) -> String {
    match why {
        Why::Denied => answer.policies.join(", "),
        Why::Depends | Why::NotAllowed | Why::Boundary => answer.missing.join(", "),
        Why::Organization | Why::Unanswered => String::new(),
    }
}

fn refusal(subject: &str, why: Why, action: &str, details: &str, on: &[&str], remedies: &Remedies) -> Finding {
    let more = if on.len() > NAMED { format!(" and {} more", on.len() - NAMED) } else { String::new() };
    let on = format!("{}{more}", on[..on.len().min(NAMED)].join(", "));
    let bears = if details.is_empty() {
        String::new()
    } else {
        format!(" (a policy asks for {details}, which the call does not bear)")
    };
    let may_not = format!("{subject} may not {action} on {on}");
    match why {
        Why::Denied => {
            let by = if details.is_empty() { "a statement".to_owned() } else { details.to_owned() };
            problem(WHAT, format!("{may_not}: {by} denies it"), format!("take the denial out of {by}"))
        }
        Why::NotAllowed => problem(WHAT, format!("{may_not}: no policy allows it{bears}"), &*remedies.deploy),
        Why::Boundary => {
            problem(WHAT, format!("{may_not}: its permissions boundary does not allow it{bears}"), &*remedies.boundary)
        }
        Why::Organization => {
            let remedy = "ask whoever governs the organization for an exception for the stack's roles";
            problem(WHAT, format!("{may_not}: a policy of the organization (SCP) forbids it"), remedy)
        }
        Why::Unanswered => {
            let why = format!("IAM does not say whether {subject} may {action} on {on}");
            unchecked(WHAT, why, "run it again")
        }
        Why::Depends => {
            let why = format!("whether {subject} may {action} on {on} depends on {details}");
            unchecked(WHAT, why, "read the role's policies and boundary for that condition")
        }
    }
}
