//! A CloudFormation stack: how it stands, what happens to it, and its end.

use super::AwsError;
use crate::aws::error::RequestError;
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Stacks {
    pub(super) client: Client,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackNow {
    /// An ARN; names the stack also after its end.
    pub id: String,
    /// As CloudFormation writes it: `UPDATE_COMPLETE`.
    pub status: String,
    pub reason: String,
    pub outputs: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// What can be done with a stack in a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No resource was ever made, or none is left: it can only be created.
    Empty,
    /// Something is under way.
    Busy,
    /// It can be updated.
    Settled,
    /// Its creation failed: it can only be deleted, and then be recreated.
    Dead,
    /// Its deletion, or the return from an update, failed: a person has to act.
    Stuck,
}

impl StackNow {
    pub fn phase(&self) -> Phase {
        phase(&self.status)
    }
}

pub(super) fn phase(status: &str) -> Phase {
    match status {
        "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Phase::Empty,
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => Phase::Dead,
        "DELETE_FAILED" | "UPDATE_ROLLBACK_FAILED" | "UPDATE_FAILED" | "IMPORT_ROLLBACK_FAILED" => Phase::Stuck,
        busy if busy.ends_with("_IN_PROGRESS") => Phase::Busy,
        _ => Phase::Settled,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEvent {
    pub id: String,
    pub at_ms: u64,
    /// `BeginFunction`
    pub resource: String,
    /// `AWS::Lambda::Function`
    pub kind: String,
    pub status: String,
    pub reason: String,
}

impl StackEvent {
    pub fn failed(&self) -> bool {
        self.status.ends_with("_FAILED")
    }
}

/// Between two checks of a stack that changes.
const LOOK: Duration = Duration::from_secs(2);

impl Stacks {
    pub fn new(config: &SdkConfig) -> Stacks {
        Stacks { client: Client::new(config) }
    }

    /// By name or id; by its name a deleted stack is absent.
    pub async fn find(&self, stack: &str) -> Result<Option<StackNow>, AwsError> {
        let needs = "cloudformation:DescribeStacks";
        match self.client.describe_stacks().stack_name(stack).send().await.map_err(RequestError::from) {
            Ok(found) => Ok(found.stacks.unwrap_or_default().into_iter().next().map(now)),
            Err(e) if e.message.contains("does not exist") => Ok(None),
            Err(e) => Err(AwsError::of(&format!("looking for stack {stack}"), needs, e)),
        }
    }

    /// What it is made of: the physical name of each resource by its name in the template.
    pub async fn resources(&self, stack: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let mut pages = self.client.list_stack_resources().stack_name(stack).into_paginator().send();
        let mut all = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| {
                AwsError::of(&format!("looking at what stack {stack} has"), "cloudformation:ListStackResources", e)
            })?;
            let found = page.stack_resource_summaries.unwrap_or_default().into_iter();
            all.extend(found.filter_map(|r| Some((r.logical_resource_id?, r.physical_resource_id?))));
        }
        Ok(all)
    }

    /// Begins to delete it.
    pub async fn delete(&self, stack: &str) -> Result<(), AwsError> {
        let deleted = self.client.delete_stack().stack_name(stack).send().await;
        let doing = format!("deleting stack {stack}");
        deleted.map(drop).map_err(|e| AwsError::of(&doing, "cloudformation:DeleteStack", e))
    }

    /// Reports what happens after `since_ms` until nothing is under way any more; the stack as it then stands, or
    /// nothing if it is gone. `id`: the stack's id, because a deleted one no longer answers to its name.
    pub async fn follow(
        &self,
        id: &str,
        since_ms: u64,
        mut report: impl FnMut(&StackEvent),
    ) -> Result<Option<StackNow>, AwsError> {
        let mut reported = HashSet::new();
        loop {
            let now = self.find(id).await?;
            for event in self.events(id, since_ms).await? {
                if reported.insert(event.id.clone()) {
                    report(&event);
                }
            }
            match now {
                Some(now) if now.phase() == Phase::Busy => tokio::time::sleep(LOOK).await,
                Some(now) if now.status == "DELETE_COMPLETE" => return Ok(None),
                now => return Ok(now),
            }
        }
    }

    /// Oldest first.
    async fn events(&self, id: &str, since_ms: u64) -> Result<Vec<StackEvent>, AwsError> {
        let mut pages = self.client.describe_stack_events().stack_name(id).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(RequestError::from) {
                Err(e) if e.message.contains("does not exist") => break,
                page => page.map_err(|e| {
                    AwsError::of("looking at the stack's events", "cloudformation:DescribeStackEvents", e)
                })?,
            };
            let events: Vec<StackEvent> = page.stack_events.unwrap_or_default().into_iter().map(event).collect();
            // Newest first: past the first that is too old, all are.
            let all_new = events.iter().all(|e| e.at_ms >= since_ms);
            found.extend(events.into_iter().filter(|e| e.at_ms >= since_ms));
            if !all_new {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }
}

fn now(stack: types::Stack) -> StackNow {
    let outputs = stack.outputs.unwrap_or_default().into_iter();
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    let tags = stack.tags.unwrap_or_default().into_iter();
    StackNow {
        id: stack.stack_id.unwrap_or_default(),
        status: stack.stack_status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        reason: stack.stack_status_reason.unwrap_or_default(),
        outputs: outputs.filter_map(|o| Some((o.output_key?, o.output_value?))).collect(),
        parameters: parameters.filter_map(|p| Some((p.parameter_key?, p.parameter_value?))).collect(),
        tags: tags.filter_map(|t| Some((t.key?, t.value?))).collect(),
    }
}

fn event(e: types::StackEvent) -> StackEvent {
    let at = e.timestamp.and_then(|t| t.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok());
    StackEvent {
        id: e.event_id.unwrap_or_default(),
        at_ms: at.unwrap_or_default(),
        resource: e.logical_resource_id.unwrap_or_default(),
        kind: e.resource_type.unwrap_or_default(),
        status: e.resource_status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        reason: e.resource_status_reason.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_can_be_done() {
        for (status, expected) in [
            ("REVIEW_IN_PROGRESS", Phase::Empty),
            ("CREATE_IN_PROGRESS", Phase::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Phase::Busy),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Phase::Busy),
            ("CREATE_COMPLETE", Phase::Settled),
            ("UPDATE_ROLLBACK_COMPLETE", Phase::Settled),
            ("IMPORT_COMPLETE", Phase::Settled),
            ("ROLLBACK_COMPLETE", Phase::Dead),
            ("CREATE_FAILED", Phase::Dead),
            ("UPDATE_ROLLBACK_FAILED", Phase::Stuck),
            ("DELETE_FAILED", Phase::Stuck),
        ] {
            assert_eq!(phase(status), expected, "{status}");
        }
    }
}
