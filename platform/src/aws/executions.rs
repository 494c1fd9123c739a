//! Executions and task tokens of Step Functions. A token that is closed, timed out or of a previous try is `Closed`:
//! whoever sent it is done. What cannot be an execution of Step Functions (`local:…`) is not found, without asking.

use super::error::RequestError;
use crate::ports::{ExecutionError, ExecutionState, Executions, TokenReply};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use spotmill_core::ids::ExecutionId;

/// Characters of an error's name, and of its cause, that Step Functions takes.
const ERROR_CHARS: usize = 256;
const CAUSE_CHARS: usize = 32_768;

const CLOSED: &[&str] = &["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"];
const ABSENT: &[&str] = &["ExecutionDoesNotExist", "InvalidArn"];

#[derive(Clone, Debug)]
pub struct SfnExecutions {
    client: Client,
}

impl SfnExecutions {
    pub fn new(config: &SdkConfig) -> SfnExecutions {
        SfnExecutions { client: Client::new(config) }
    }
}

#[async_trait]
impl Executions for SfnExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        if !execution.as_str().starts_with("arn:") {
            return Ok(ExecutionState::NotFound);
        }
        match self
            .client
            .describe_execution()
            .execution_arn(execution.as_str())
            .send()
            .await
            .map_err(RequestError::from)
        {
            Ok(found) => Ok(state_of(found.status())),
            Err(e) if e.is(ABSENT) => Ok(ExecutionState::NotFound),
            Err(e) => Err(failed(&format!("the state of {execution}"), e)),
        }
    }

    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        let sent = self.client.send_task_success().task_token(token).output("{}").send().await;
        reply("success", sent.map(drop).map_err(RequestError::from))
    }

    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        let send = self.client.send_task_failure().task_token(token);
        let send = send.error(cut(error, ERROR_CHARS)).cause(cut(cause, CAUSE_CHARS));
        reply("failure", send.send().await.map(drop).map_err(RequestError::from))
    }

    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        let sent = self.client.send_task_heartbeat().task_token(token).send().await;
        reply("heartbeat", sent.map(drop).map_err(RequestError::from))
    }
}

/// A status of tomorrow counts as running: nothing is taken from an execution that may still act.
fn state_of(status: &ExecutionStatus) -> ExecutionState {
    match status {
        ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Aborted | ExecutionStatus::TimedOut => {
            ExecutionState::Ended
        }
        _ => ExecutionState::Running,
    }
}

fn reply(what: &str, sent: Result<(), RequestError>) -> Result<TokenReply, ExecutionError> {
    match sent {
        Ok(()) => Ok(TokenReply::Accepted),
        Err(e) if e.is(CLOSED) => Ok(TokenReply::Closed),
        Err(e) => Err(failed(&format!("a task's {what}"), e)),
    }
}

fn failed(what: &str, e: RequestError) -> ExecutionError {
    ExecutionError { what: format!("{what}: {}", e.text("Step Functions")), source: e.source }
}

fn cut(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_causes_are_cut_between_characters() {
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("", 3), "");
        assert_eq!(cut(&"é".repeat(40_000), CAUSE_CHARS).chars().count(), CAUSE_CHARS);
    }

    #[test]
    fn only_a_closed_execution_has_ended() {
        use ExecutionState::{Ended, Running};
        for (status, expected) in [
            ("RUNNING", Running),
            ("PENDING_REDRIVE", Running),
            ("SOMETHING_NEW", Running),
            ("SUCCEEDED", Ended),
            ("FAILED", Ended),
            ("TIMED_OUT", Ended),
            ("ABORTED", Ended),
        ] {
            assert_eq!(state_of(&ExecutionStatus::from(status)), expected, "{status}");
        }
    }
}
