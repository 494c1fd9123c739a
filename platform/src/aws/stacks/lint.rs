//! What AWS itself says of definitions and policies, beyond whether it takes them: the validation of Step Functions, and Access
//! Analyzer's linter. And the value that a public parameter has now.

use super::{Account, AwsError, Runs};
use crate::aws::signed::{Ask, ask};
use crate::aws::store::address::decoded;
use aws_config::SdkConfig;
use serde_json::{Value, json};

/// Something that AWS finds wrong, or worth a thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// It does not work; otherwise it does, and might be better.
    pub error: bool,
    pub code: String,
    pub message: String,
    /// Where in the text, if that is told: `/States/Copy`.
    pub place: String,
}

impl Runs {
    /// The definition of a state machine, as its next execution takes it.
    pub async fn definition(&self, machine: &str) -> Result<String, AwsError> {
        let found = self.client.describe_state_machine().state_machine_arn(machine).send().await;
        let found = found.map_err(|e| AwsError::of("reading a definition", "states:DescribeStateMachine", e))?;
        Ok(found.definition)
    }

    pub async fn validate(&self, definition: &str) -> Result<Vec<Flaw>, AwsError> {
        let found = self.client.validate_state_machine_definition().definition(definition).send().await;
        let found =
            found.map_err(|e| AwsError::of("validating a definition", "states:ValidateStateMachineDefinition", e))?;
        let failed = found.result.as_str() == "FAIL";
        let mut flaws: Vec<Flaw> = found
            .diagnostics
            .into_iter()
            .map(|d| Flaw {
                error: d.severity.as_str() == "ERROR",
                code: d.code,
                message: d.message,
                place: d.location.unwrap_or_default(),
            })
            .collect();
        if failed && !flaws.iter().any(|f| f.error) {
            let (code, message) = ("FAIL".to_owned(), "it is refused without a reason".to_owned());
            flaws.push(Flaw { error: true, code, message, place: String::new() });
        }
        Ok(flaws)
    }
}

/// What reads and judges texts for us.
#[derive(Clone, Debug)]
pub struct Linter {
    pub(super) config: SdkConfig,
}

impl Linter {
    /// Of a policy of a role.
    pub async fn policy(&self, document: &str) -> Result<Vec<Flaw>, AwsError> {
        let body = json!({"policyDocument": document, "policyType": "IDENTITY_POLICY"});
        let path = "/policy/validation";
        let found =
            ask(&self.config, &Ask { service: "access-analyzer", method: "POST", path, target: None, body: &body })
                .await;
        let found = found.map_err(|e| AwsError::of("having a policy linted", "access-analyzer:ValidatePolicy", e))?;
        let Some(findings) = found["findings"].as_array() else {
            let source = "the answer has no findings".into();
            return Err(AwsError::Refused { what: "Access Analyzer does not answer as documented".to_owned(), source });
        };
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Ok(findings
            .iter()
            .map(|f| Flaw {
                error: matches!(f["findingType"].as_str(), Some("ERROR" | "SECURITY_WARNING")),
                code: text(&f["issueCode"]),
                message: text(&f["findingDetails"]),
                place: String::new(),
            })
            .collect())
    }

    /// The value of a parameter of Systems Manager; nothing if there is none.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>, AwsError> {
        let ask_for = Ask {
            service: "ssm",
            method: "POST",
            path: "/",
            target: Some("AmazonSSM.GetParameter"),
            body: &json!({"Name": name}),
        };
        match ask(&self.config, &ask_for).await {
            Ok(found) => Ok(found["Parameter"]["Value"].as_str().map(str::to_owned)),
            Err(e) if e.is(&["ParameterNotFound"]) => Ok(None),
            Err(e) => Err(AwsError::of(&format!("looking for parameter {name}"), "ssm:GetParameter", e)),
        }
    }
}

impl Account {
    /// The documents of a role's policies, inline and attached, those of AWS left out: their names, and their JSON.
    pub async fn policies_of(&self, role: &str) -> Result<Vec<(String, String)>, AwsError> {
        let doing = format!("reading the policies of {role}");
        let mut all = Vec::new();
        let inline = self.iam.list_role_policies().role_name(role).send().await;
        let inline = inline.map_err(|e| AwsError::of(&doing, "iam:ListRolePolicies", e))?;
        for name in inline.policy_names {
            let found = self.iam.get_role_policy().role_name(role).policy_name(&name).send().await;
            let found = found.map_err(|e| AwsError::of(&doing, "iam:GetRolePolicy", e))?;
            all.push((format!("{role}/{name}"), plain(&found.policy_document)));
        }
        let attached = self.iam.list_attached_role_policies().role_name(role).send().await;
        let attached = attached.map_err(|e| AwsError::of(&doing, "iam:ListAttachedRolePolicies", e))?;
        for policy in attached.attached_policies.unwrap_or_default() {
            let arn = policy.policy_arn.unwrap_or_default();
            if arn.contains(":iam::aws:policy/") {
                continue;
            }
            let found = self.iam.get_policy().policy_arn(&arn).send().await;
            let found = found.map_err(|e| AwsError::of(&doing, "iam:GetPolicy", e))?;
            let version = found.policy.and_then(|p| p.default_version_id).unwrap_or_default();
            let found = self.iam.get_policy_version().policy_arn(&arn).version_id(version).send().await;
            let found = found.map_err(|e| AwsError::of(&doing, "iam:GetPolicyVersion", e))?;
            let document = found.policy_version.and_then(|v| v.document).unwrap_or_default();
            all.push((arn, plain(&document)));
        }
        Ok(all)
    }
}

/// IAM hands documents out as in a URL.
fn plain(text: &str) -> String {
    decoded(text).unwrap_or_else(|| text.to_owned())
}
