//! Would IAM let a role make its calls? Asked of IAM itself, for roles as they stand in the account: their policies, their
//! boundary, and what the organization allows. Nothing is called, and policies of resources are not part of the answer.

use super::{Account, AwsError};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType as Answer};

/// Actions that are each tried on each of some resources, by one role and with one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub actions: Vec<String>,
    /// ARNs; `*` for actions that know no resource.
    pub resources: Vec<String>,
    /// What the request bears: a condition key and its value.
    pub context: Vec<(String, String)>,
}

/// IAM's answer for one action on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    pub action: String,
    pub resource: String,
    pub allowed: bool,
    /// A statement denies it; otherwise none allows it.
    pub denied: bool,
    /// Whether the role's permissions boundary lets it through, where there is one.
    pub boundary: Option<bool>,
    /// Whether the organization's policies let it through, where there is an organization.
    pub organization: Option<bool>,
    /// Condition keys that a policy asks for and the trial does not bear.
    pub missing: Vec<String>,
    /// The policies whose statements decided.
    pub policies: Vec<String>,
}

/// Answers of one page; IAM takes up to 1,000.
const PAGE: i32 = 1_000;

impl Account {
    pub async fn simulate(&self, role: &str, trial: &Trial) -> Result<Vec<Simulated>, AwsError> {
        let entry = |(key, value): &(String, String)| {
            let kind = match value.as_str() {
                "true" | "false" => ContextKeyTypeEnum::Boolean,
                _ => ContextKeyTypeEnum::String,
            };
            let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
            entry.context_key_type(kind).build()
        };
        let call = self.iam.simulate_principal_policy().policy_source_arn(role).max_items(PAGE);
        let call = call.set_action_names(Some(trial.actions.clone())).set_resource_arns(Some(trial.resources.clone()));
        let call = call.set_context_entries(Some(trial.context.iter().map(entry).collect()));
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| {
                AwsError::of(&format!("simulating the policies of {role}"), "iam:SimulatePrincipalPolicy", e)
            })?;
            all.extend(page.evaluation_results.unwrap_or_default().into_iter().flat_map(answers));
        }
        Ok(all)
    }
}

/// By resource where IAM answers so, which it does whenever resources were named; else for all of them.
fn answers(of: EvaluationResult) -> Vec<Simulated> {
    let organization = of.organizations_decision_detail.as_ref().map(|d| d.allowed_by_organizations);
    let boundary = of.permissions_boundary_decision_detail.as_ref().map(|d| d.allowed_by_permissions_boundary);
    let policies = |statements: &[aws_sdk_iam::types::Statement]| {
        let mut named: Vec<String> = statements.iter().filter_map(|s| s.source_policy_id.clone()).collect();
        named.dedup();
        named
    };
    let whole = Simulated {
        action: of.eval_action_name.clone(),
        resource: of.eval_resource_name.clone().unwrap_or_else(|| "*".to_owned()),
        allowed: of.eval_decision == Answer::Allowed,
        denied: of.eval_decision == Answer::ExplicitDeny,
        boundary,
        organization,
        missing: of.missing_context_values().to_vec(),
        policies: policies(of.matched_statements()),
    };
    let specific: Vec<Simulated> = of
        .resource_specific_results()
        .iter()
        .map(|one| Simulated {
            resource: one.eval_resource_name.clone(),
            allowed: one.eval_resource_decision == Answer::Allowed,
            denied: one.eval_resource_decision == Answer::ExplicitDeny,
            boundary: one
                .permissions_boundary_decision_detail
                .as_ref()
                .map(|d| d.allowed_by_permissions_boundary)
                .or(boundary),
            missing: one.missing_context_values().to_vec(),
            policies: policies(one.matched_statements()),
            ..whole.clone()
        })
        .collect();
    if specific.is_empty() { vec![whole] } else { specific }
}
