//! Executions of this process: who waits for which task token, and which executions still run. An execution of
//! another process has ended by the time this one asks, because this one holds its run's lock.

use async_trait::async_trait;
use spotmill_core::ids::ExecutionId;
use spotmill_platform::ports::{ExecutionError, ExecutionState, Executions, TokenReply};
use spotmill_statemachine::{Answer, Event};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use tokio::sync::{mpsc, oneshot};

/// An event for an execution, and where its answer is awaited.
pub type Posted = (Event, Option<oneshot::Sender<Answer>>);

#[derive(Default)]
pub struct LocalExecutions {
    live: Mutex<HashSet<String>>,
    tokens: Mutex<HashMap<String, mpsc::UnboundedSender<Posted>>>,
}

impl LocalExecutions {
    pub fn started(&self, id: &str) {
        lock(&self.live).insert(id.to_owned());
    }

    pub fn ended(&self, id: &str) {
        lock(&self.live).remove(id);
    }

    pub fn register(&self, token: &str, to: mpsc::UnboundedSender<Posted>) {
        lock(&self.tokens).insert(token.to_owned(), to);
    }

    async fn post(&self, token: &str, event: Event) -> TokenReply {
        let to = lock(&self.tokens).get(token).cloned();
        let (answer, answered) = oneshot::channel();
        match to {
            Some(to) if to.send((event, Some(answer))).is_ok() => match answered.await {
                Ok(Answer::Taken) => TokenReply::Accepted,
                _ => TokenReply::Closed,
            },
            _ => TokenReply::Closed,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[async_trait]
impl Executions for LocalExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        let running = lock(&self.live).contains(execution.as_str());
        Ok(if running { ExecutionState::Running } else { ExecutionState::Ended })
    }

    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        let event = Event::TokenSuccess { token: token.to_owned(), output: serde_json::json!({}) };
        Ok(self.post(token, event).await)
    }

    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        let event = Event::TokenFailure {
            token: token.to_owned(),
            error: Some(error.to_owned()),
            cause: Some(cause.to_owned()),
        };
        Ok(self.post(token, event).await)
    }

    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(self.post(token, Event::TokenHeartbeat { token: token.to_owned() }).await)
    }
}
