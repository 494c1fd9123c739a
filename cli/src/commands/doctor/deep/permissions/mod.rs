//! Each role of the stack against the calls that it makes: IAM is asked, and what it does not answer is no "yes".

mod judge;

use super::super::finding::{Finding, fine, problem, unasked};
use super::Deep;
use super::roles::Roles;
use judge::{Remedies, judge};
use spotmill_platform::aws::stacks::{Account, AwsError, Simulated, Trial};
use spotmill_platform::several::several;
use std::convert::Infallible;

const WHAT: &str = "permissions";
/// Roles that are asked about at once; IAM allows few requests a second.
const AT_ONCE: usize = 4;

pub(super) async fn check(of: &Deep<'_>, roles: &Roles) -> Vec<Finding> {
    let is_scheduled = of.parameter("Pipeline").is_some();
    let lacking = roles.absent.iter().filter(|name| absent(name, is_scheduled));
    let mut found: Vec<Finding> =
        lacking.map(|name| problem(WHAT, format!("the stack has no {name}"), of.deploy())).collect();
    let asked =
        roles.all.iter().map(|role| (subject(&role.name, &role.callers), role.arn.clone(), role.trials.clone()));
    let outcomes = several(AT_ONCE, asked, |(subject, arn, trials)| {
        let account = of.account();
        // A role that cannot be asked about does not end the others.
        async move { Ok::<_, Infallible>(simulated(&account, &arn, trials).await.map(|answers| (subject, answers))) }
    });
    let Ok(outcomes) = outcomes.await;
    let mut answered = 0;
    for outcome in outcomes {
        match outcome {
            Ok((subject, answers)) => {
                answered += answers.iter().map(|(t, _)| t.actions.len() * t.resources.len()).sum::<usize>();
                found.extend(judge(&subject, &answers, &remedies(of)));
            }
            // Once for all: who may not ask about one role may not about another.
            Err(e) => {
                let finding = unasked(WHAT, e);
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
    }
    found.sort_by(|a, b| a.text.cmp(&b.text));
    if found.is_empty() {
        found.push(fine(WHAT, format!("IAM allows all {answered} calls of {} roles", roles.all.len())));
    }
    found
}

async fn simulated(
    account: &Account,
    role: &str,
    trials: Vec<Trial>,
) -> Result<Vec<(Trial, Vec<Simulated>)>, AwsError> {
    let mut answers = Vec::new();
    for trial in trials {
        let answer = account.simulate(role, &trial).await?;
        answers.push((trial, answer));
    }
    Ok(answers)
}

/// Only a stack with a daily start has a role for it.
fn absent(role: &str, scheduled: bool) -> bool {
    role != "ScheduleRole" || scheduled
}

/// `FleetRole (launch-fleet, kill-fleet)`
fn subject(role: &str, callers: &[String]) -> String {
    if callers.is_empty() { role.to_owned() } else { format!("{role} ({})", callers.join(", ")) }
}

fn remedies(of: &Deep<'_>) -> Remedies {
    let boundary = of.parameter("PermissionsBoundary").unwrap_or("the roles' permissions boundary");
    Remedies {
        deploy: format!("the stack's policies are not this release's: {}", of.deploy()),
        boundary: format!("allow it in {boundary}, or give another: {}", of.given("PermissionsBoundary=…")),
    }
}

#[cfg(test)]
mod tests;
