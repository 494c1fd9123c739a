//! Spot interruptions on order, by AWS's Fault Injection Service: a template that names one machine, an experiment made of it,
//! and the template's end. A template costs nothing and does nothing; only what `start` starts takes a machine away. Each bears
//! the tag that it was made for, so that a later program finds what an earlier one left.

use super::AwsError;
use crate::aws::error::RequestError;
use crate::aws::signed::{Ask, ask};
use aws_config::SdkConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Of a query, what is not of RFC 3986's unreserved characters is escaped.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The service, by its few calls.
#[derive(Clone, Debug)]
pub struct Faults {
    pub(super) config: SdkConfig,
}

/// How an experiment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// `running`, `completed`, `failed`, `stopped`.
    pub status: String,
    pub reason: String,
}

impl Experiment {
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "stopped" | "cancelled")
    }
}

impl Faults {
    /// A template that takes the machine with this ARN away two minutes after a notice. `role`: by which the service acts.
    /// The same token a second time is the same template.
    pub async fn prepare(&self, token: &str, role: &str, machine: &str, tag: (&str, &str)) -> Result<String, AwsError> {
        let body = json!({
            "clientToken": token,
            "description": "Takes one spot machine of a smoke test away",
            "roleArn": role,
            "stopConditions": [{"source": "none"}],
            "targets": {"machine": {
                "resourceType": "aws:ec2:spot-instance",
                "resourceArns": [machine],
                "selectionMode": "ALL",
            }},
            "actions": {"interrupt": {
                "actionId": "aws:ec2:send-spot-instance-interruptions",
                "parameters": {"durationBeforeInterruption": "PT2M"},
                "targets": {"SpotInstances": "machine"},
            }},
            "tags": {tag.0: tag.1},
        });
        let made = self.send("POST", "/experimentTemplates", &body).await;
        let made =
            made.map_err(|e| AwsError::of("making an experiment's template", "fis:CreateExperimentTemplate", e))?;
        id(&made["experimentTemplate"]["id"])
    }

    /// Starts the experiment of a template.
    pub async fn start(&self, token: &str, template: &str, tag: (&str, &str)) -> Result<String, AwsError> {
        let body = json!({"clientToken": token, "experimentTemplateId": template, "tags": {tag.0: tag.1}});
        let made = self.send("POST", "/experiments", &body).await;
        let made = made.map_err(|e| AwsError::of("starting an experiment", "fis:StartExperiment", e))?;
        id(&made["experiment"]["id"])
    }

    pub async fn experiment(&self, id: &str) -> Result<Experiment, AwsError> {
        let found = self.send("GET", &format!("/experiments/{id}"), &Value::Null).await;
        let found = found.map_err(|e| AwsError::of("looking at an experiment", "fis:GetExperiment", e))?;
        let state = &found["experiment"]["state"];
        let text = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
        Ok(Experiment { status: text("status"), reason: text("reason") })
    }

    /// Templates that bear this tag.
    pub async fn templates(&self, tag: (&str, &str)) -> Result<Vec<String>, AwsError> {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = self.send("GET", &format!("/experimentTemplates?maxResults=100{next}"), &Value::Null).await;
            let page =
                page.map_err(|e| AwsError::of("looking for experiments' templates", "fis:ListExperimentTemplates", e))?;
            let found = page["experimentTemplates"].as_array().into_iter().flatten();
            let ours = found.filter(|of| of["tags"][tag.0].as_str() == Some(tag.1));
            all.extend(ours.filter_map(|of| of["id"].as_str().map(str::to_owned)));
            match page["nextToken"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => next = format!("&nextToken={}", escaped(token)),
                None => return Ok(all),
            }
        }
    }

    /// Absent is fine.
    pub async fn remove(&self, template: &str) -> Result<(), AwsError> {
        match self.send("DELETE", &format!("/experimentTemplates/{template}"), &Value::Null).await {
            Ok(_) => Ok(()),
            Err(e) if e.is(&["ResourceNotFoundException"]) || e.status == Some(404) => Ok(()),
            Err(e) => Err(AwsError::of("removing an experiment's template", "fis:DeleteExperimentTemplate", e)),
        }
    }

    async fn send(&self, method: &'static str, path: &str, body: &Value) -> Result<Value, RequestError> {
        ask(&self.config, &Ask { service: "fis", method, path, target: None, body }).await
    }
}

fn id(found: &Value) -> Result<String, AwsError> {
    found.as_str().map(str::to_owned).ok_or_else(|| {
        let source = "the answer has no id".into();
        AwsError::Refused { what: "Fault Injection Service does not answer as documented".to_owned(), source }
    })
}

/// For a query: whatever is not plain as its bytes.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped() {
        assert_eq!(escaped("arn:aws:sns:a b/ü"), "arn%3Aaws%3Asns%3Aa%20b%2F%C3%BC");
    }

    #[test]
    fn an_experiment_is_over_once_nothing_of_it_is_to_come() {
        let of = |status: &str| Experiment { status: status.to_owned(), reason: String::new() }.is_over();
        assert_eq!(
            ["pending", "initiating", "running", "completed", "failed", "stopping", "stopped"].map(of),
            [false, false, false, true, true, false, true]
        );
    }
}
