//! The state machines' definitions as they stand, validated by Step Functions, and the roles' policies as they stand, linted by
//! Access Analyzer.

use super::super::finding::{Finding, fine, problem, unasked, warning};
use super::Deep;
use spotmill_platform::aws::stacks::{AwsError, Flaw};
use std::collections::BTreeMap;

pub(super) async fn check(of: &Deep<'_>, resources: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, machine) in [("pipeline", &of.world.pipeline_machine), ("step", &of.world.step_machine)] {
        match validated(of, machine).await {
            Ok(flaws) => found.extend(judge("definitions", name, &flaws, &of.deploy())),
            Err(e) => found.push(unasked("definitions", e)),
        }
    }
    found.extend(policies(of, resources).await);
    found
}

async fn validated(of: &Deep<'_>, machine: &str) -> Result<Vec<Flaw>, AwsError> {
    let definition = of.world.runs.definition(machine).await?;
    of.world.runs.validate(&definition).await
}

async fn policies(of: &Deep<'_>, resources: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut documents = BTreeMap::new();
    for role in resources.iter().filter(|(name, _)| name.ends_with("Role")).map(|(_, physical)| physical) {
        match of.account().policies_of(role).await {
            Ok(all) => documents.extend(all),
            Err(e) => return vec![unasked("policies", e)],
        }
    }
    let (linter, mut found) = (of.world.aws.linter(), Vec::new());
    let count = documents.len();
    for (name, document) in documents {
        match linter.policy(&document).await {
            Ok(flaws) => found.extend(flawed("policies", &name, &flaws, &of.deploy())),
            Err(e) => {
                found.push(unasked("policies", e));
                break;
            }
        }
    }
    if found.is_empty() {
        found.push(fine("policies", format!("Access Analyzer finds nothing wrong in {count}")));
    }
    found
}

fn judge(what: &'static str, name: &str, flaws: &[Flaw], deploy: &str) -> Vec<Finding> {
    let found = flawed(what, name, flaws, deploy);
    if found.is_empty() { vec![fine(what, format!("{name} is valid"))] } else { found }
}

fn flawed(what: &'static str, name: &str, flaws: &[Flaw], deploy: &str) -> Vec<Finding> {
    let one = |flaw: &Flaw| {
        let place = if flaw.place.is_empty() { String::new() } else { format!(" at {}", flaw.place) };
        let text = format!("{name}{place}: {}: {}", flaw.code, flaw.message);
        match flaw.error {
            true => problem(what, text, deploy),
            false => warning(what, text, "it works as it is; please report it"),
        }
    };
    flaws.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;

    #[test]
    fn errors_are_problems_and_hints_are_warnings() {
        let flaw = |error| Flaw {
            error,
            code: "SCHEMA_VALIDATION_FAILED".to_owned(),
            message: "no Next".to_owned(),
            place: "/States/Copy".to_owned(),
        };
        let found = judge("definitions", "step", &[flaw(true), flaw(false)], "spotmill deploy");
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [Grade::Problem, Grade::Warning]);
        assert_eq!(found[0].text, "step at /States/Copy: SCHEMA_VALIDATION_FAILED: no Next");
        assert_eq!(judge("definitions", "step", &[], "")[0].grade, Grade::Fine);
    }
}
