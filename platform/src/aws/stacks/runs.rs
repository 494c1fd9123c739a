//! Executions as a person starts, watches and stops them.

use super::AwsError;
use crate::aws::error::RequestError;
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use spotmill_core::calls::innermost;
use spotmill_core::ids::ExecutionId;

#[derive(Clone, Debug)]
pub struct Runs {
    pub(super) client: Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// An execution as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunNow {
    pub status: RunStatus,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub started_ms: u64,
    pub stopped_ms: Option<u64>,
    /// How often it was redriven, and when last.
    pub redrives: u32,
    pub redriven_ms: Option<u64>,
}

/// An execution that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub execution: ExecutionId,
    pub name: String,
    pub started_ms: u64,
}

/// Something in an execution's history that a person wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub at_ms: u64,
    pub what: String,
}

impl Runs {
    pub fn new(config: &SdkConfig) -> Runs {
        Runs { client: Client::new(config) }
    }

    /// `machine`: an alias or a machine. The same name and input a second time is the same execution while it runs,
    /// so that a start whose reply was lost may be repeated.
    pub async fn start(&self, machine: &str, name: &str, input: &str) -> Result<ExecutionId, AwsError> {
        let asked = self.client.start_execution().state_machine_arn(machine).name(name).input(input).send().await;
        match asked.map_err(RequestError::from) {
            Ok(started) => Ok(ExecutionId::new(started.execution_arn)),
            Err(e) if e.is(&["ExecutionAlreadyExists"]) => match self.same(machine, name, input).await? {
                Some(execution) => Ok(execution),
                None => Err(AwsError::of(&format!("starting {name}"), "states:StartExecution", e)),
            },
            Err(e) => Err(AwsError::of(&format!("starting {name}"), "states:StartExecution", e)),
        }
    }

    /// The execution of that name that runs on that input.
    async fn same(&self, machine: &str, name: &str, input: &str) -> Result<Option<ExecutionId>, AwsError> {
        let Some(found) = self.running(machine).await?.into_iter().find(|e| e.name == name) else { return Ok(None) };
        let described = self.client.describe_execution().execution_arn(found.execution.as_str()).send().await;
        let described =
            described.map_err(|e| AwsError::of(&format!("looking at {name}"), "states:DescribeExecution", e))?;
        Ok((described.input.as_deref() == Some(input)).then_some(found.execution))
    }

    pub async fn describe(&self, execution: &ExecutionId) -> Result<Option<RunNow>, AwsError> {
        if !execution.as_str().starts_with("arn:") {
            return Ok(None);
        }
        match self
            .client
            .describe_execution()
            .execution_arn(execution.as_str())
            .send()
            .await
            .map_err(RequestError::from)
        {
            Ok(found) => Ok(Some(RunNow {
                status: status(&found.status),
                error: found.error,
                cause: found.cause,
                started_ms: millis(Some(&found.start_date)),
                stopped_ms: found.stop_date.as_ref().map(|at| millis(Some(at))),
                redrives: found.redrive_count.and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
                redriven_ms: found.redrive_date.as_ref().map(|at| millis(Some(at))),
            })),
            Err(e) if e.is(&["ExecutionDoesNotExist", "InvalidArn"]) => Ok(None),
            Err(e) => Err(AwsError::of(&format!("looking at {execution}"), "states:DescribeExecution", e)),
        }
    }

    /// What it was started with; nothing if it does not exist.
    pub async fn input(&self, execution: &ExecutionId) -> Result<Option<String>, AwsError> {
        let asked = self.client.describe_execution().execution_arn(execution.as_str()).send().await;
        match asked.map_err(RequestError::from) {
            Ok(found) => Ok(found.input),
            Err(e) if e.is(&["ExecutionDoesNotExist"]) => Ok(None),
            Err(e) => Err(AwsError::of(&format!("looking at {execution}"), "states:DescribeExecution", e)),
        }
    }

    /// Executions of a machine that have not ended.
    pub async fn running(&self, machine: &str) -> Result<Vec<Started>, AwsError> {
        let call = self.client.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("looking for executions", "states:ListExecutions", e))?;
            all.extend(page.executions.into_iter().map(|e| Started {
                started_ms: millis(Some(&e.start_date)),
                execution: ExecutionId::new(e.execution_arn),
                name: e.name,
            }));
        }
        Ok(all)
    }

    /// The last states that were entered and what failed, oldest first, of at most `most` events.
    pub async fn history(&self, execution: &ExecutionId, most: i32) -> Result<Vec<Happened>, AwsError> {
        let call = self.client.get_execution_history().execution_arn(execution.as_str()).reverse_order(true);
        let page = call.max_results(most).include_execution_data(true).send().await;
        let page = page.map_err(|e| AwsError::of("looking at the history", "states:GetExecutionHistory", e))?;
        let mut events: Vec<Happened> = page.events.iter().filter_map(happened).collect();
        events.reverse();
        Ok(events)
    }

    /// Goes on with an execution that failed, at the state that did. One that runs again is as good.
    pub async fn redrive(&self, execution: &ExecutionId) -> Result<(), AwsError> {
        let asked = self.client.redrive_execution().execution_arn(execution.as_str()).send().await;
        asked.map(drop).map_err(|e| AwsError::of(&format!("redriving {execution}"), "states:RedriveExecution", e))
    }

    /// Ended already is fine.
    pub async fn stop(&self, execution: &ExecutionId, error: &str, cause: &str) -> Result<(), AwsError> {
        let stopped = self.client.stop_execution().execution_arn(execution.as_str()).error(error).cause(cause);
        match stopped.send().await.map_err(RequestError::from) {
            Ok(_) => Ok(()),
            Err(e) if e.is(&["ExecutionDoesNotExist"]) => Ok(()),
            Err(e) => Err(AwsError::of(&format!("stopping {execution}"), "states:StopExecution", e)),
        }
    }
}

/// A status of tomorrow counts as running: whoever waits goes on waiting.
fn status(status: &ExecutionStatus) -> RunStatus {
    match status {
        ExecutionStatus::Succeeded => RunStatus::Succeeded,
        ExecutionStatus::Failed => RunStatus::Failed,
        ExecutionStatus::TimedOut => RunStatus::TimedOut,
        ExecutionStatus::Aborted => RunStatus::Aborted,
        _ => RunStatus::Running,
    }
}

fn happened(event: &HistoryEvent) -> Option<Happened> {
    let failed = |error: Option<&str>, cause: Option<&str>| {
        // A function's own message, which Lambda wraps.
        let (_, cause) = innermost(String::new(), cause.unwrap_or_default().to_owned());
        format!("{}: {}", error.unwrap_or("failed"), cause.lines().next().unwrap_or_default())
    };
    let what = if let Some(entered) = event.state_entered_event_details() {
        entered.name().to_owned()
    } else if let Some(e) = event.task_failed_event_details() {
        failed(e.error(), e.cause())
    } else if let Some(e) = event.lambda_function_failed_event_details() {
        failed(e.error(), e.cause())
    } else if let Some(e) = event.task_timed_out_event_details() {
        failed(e.error(), e.cause())
    } else if let Some(e) = event.execution_failed_event_details() {
        failed(e.error(), e.cause())
    } else {
        return None;
    };
    Some(Happened { at_ms: millis(Some(event.timestamp())), what })
}

fn millis(at: Option<&aws_sdk_sfn::primitives::DateTime>) -> u64 {
    at.and_then(|at| at.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default()
}
