//! Change sets: they show what a template would change before anything is changed.

use super::{AwsError, Stacks};
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{self, Capability, ChangeSetType};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is asked of a stack.
#[derive(Clone, Debug)]
pub struct Changes {
    pub stack: String,
    /// There is none yet.
    pub create: bool,
    /// Where S3 serves the template.
    pub template_url: String,
    pub parameters: BTreeMap<String, String>,
    /// Parameters that stay as they are.
    pub unchanged: Vec<String>,
    pub tags: BTreeMap<String, String>,
    /// Names the change set; another one for each try.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    pub id: String,
    /// The stack's id.
    pub stack: String,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import`.
    pub action: String,
    pub resource: String,
    pub kind: String,
    /// `True`, `Conditional`, `False`; empty where it makes no sense.
    pub replacement: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    Changes(ChangeSet),
    /// The stack is as the template describes it.
    Nothing,
    /// CloudFormation does not take the template or its parameters, and gives the reason.
    Refused(String),
}

/// The transform and the check of every resource take a while.
const PREPARED_WITHIN: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_secs(1);

impl Stacks {
    pub async fn prepare(&self, changes: &Changes) -> Result<Prepared, AwsError> {
        let kind = if changes.create { ChangeSetType::Create } else { ChangeSetType::Update };
        let mut call = self.client.create_change_set().stack_name(&changes.stack).change_set_name(&changes.name);
        call = call.change_set_type(kind).template_url(&changes.template_url);
        call = call.capabilities(Capability::CapabilityNamedIam).capabilities(Capability::CapabilityAutoExpand);
        for (key, value) in &changes.parameters {
            call = call.parameters(types::Parameter::builder().parameter_key(key).parameter_value(value).build());
        }
        for key in &changes.unchanged {
            call = call.parameters(types::Parameter::builder().parameter_key(key).use_previous_value(true).build());
        }
        for (key, value) in &changes.tags {
            call = call.tags(types::Tag::builder().key(key).value(value).build());
        }
        let made = call.send().await.map_err(|e| {
            AwsError::of(&format!("preparing stack {}", changes.stack), "cloudformation:CreateChangeSet", e)
        })?;
        let (id, stack) = (made.id.unwrap_or_default(), made.stack_id.unwrap_or_default());
        let end = Instant::now() + PREPARED_WITHIN;
        loop {
            let (found, rows) = self.described(&id).await?;
            let status = found.status.map(|s| s.as_str().to_owned()).unwrap_or_default();
            let reason = found.status_reason.unwrap_or_default();
            match status.as_str() {
                "CREATE_COMPLETE" => return Ok(Prepared::Changes(ChangeSet { id, stack, changes: rows })),
                "FAILED" => {
                    self.discard(&id).await?;
                    return Ok(if unchanged(&reason) { Prepared::Nothing } else { Prepared::Refused(reason) });
                }
                _ if Instant::now() > end => {
                    let what = format!("the change set is {status} after {} s", PREPARED_WITHIN.as_secs());
                    return Err(AwsError::Transient { what, source: reason.into() });
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Begins to carry it out.
    pub async fn execute(&self, set: &ChangeSet) -> Result<(), AwsError> {
        let done = self.client.execute_change_set().change_set_name(&set.id).send().await;
        done.map(drop).map_err(|e| AwsError::of("changing the stack", "cloudformation:ExecuteChangeSet", e))
    }

    pub async fn discard(&self, change_set: &str) -> Result<(), AwsError> {
        let done = self.client.delete_change_set().change_set_name(change_set).send().await;
        done.map(drop).map_err(|e| AwsError::of("discarding a change set", "cloudformation:DeleteChangeSet", e))
    }

    async fn described(&self, id: &str) -> Result<(DescribeChangeSetOutput, Vec<Change>), AwsError> {
        let mut rows = Vec::new();
        let mut next = None;
        loop {
            let call = self.client.describe_change_set().change_set_name(id).set_next_token(next.take());
            let mut page = call
                .send()
                .await
                .map_err(|e| AwsError::of("looking at the change set", "cloudformation:DescribeChangeSet", e))?;
            rows.extend(page.changes.take().unwrap_or_default().into_iter().filter_map(|c| c.resource_change).map(row));
            next = page.next_token.take().filter(|t| !t.is_empty());
            if next.is_none() {
                return Ok((page, rows));
            }
        }
    }
}

fn row(change: types::ResourceChange) -> Change {
    Change {
        action: change.action.map(|a| a.as_str().to_owned()).unwrap_or_default(),
        resource: change.logical_resource_id.unwrap_or_default(),
        kind: change.resource_type.unwrap_or_default(),
        replacement: change.replacement.map(|r| r.as_str().to_owned()).unwrap_or_default(),
    }
}

fn unchanged(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

#[cfg(test)]
mod tests {
    use super::unchanged;

    #[test]
    fn no_change_is_no_failure() {
        assert!(unchanged(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(unchanged("No updates are to be performed."));
        assert!(!unchanged("Template format error: Unresolved resource dependencies [Bucket]"));
    }
}
