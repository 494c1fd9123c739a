//! A queue that only counts and now and then refuses, executions of which one has died, and fleets of which nothing becomes.

use async_trait::async_trait;
use spotmill_core::ids::ExecutionId;
use spotmill_platform::ports::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In one of so many batches a message is refused.
const REFUSED: u64 = 100;

/// What was sent, and what came of it.
#[derive(Default)]
pub struct Sent {
    batches: AtomicU64,
    messages: AtomicU64,
    /// Messages that were refused once.
    pub resent: AtomicU64,
    pub failures: AtomicU64,
}

impl Sent {
    /// Messages since this was asked before.
    pub fn take(&self) -> u64 {
        self.messages.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Queue for Sent {
    async fn create(&self, _queue: &str) -> Result<(), QueueError> {
        Ok(())
    }
    async fn remove(&self, _queue: &str) -> Result<(), QueueError> {
        Ok(())
    }
    async fn send(&self, _queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        assert!(bodies.len() <= 10);
        let refused = self.batches.fetch_add(1, Ordering::SeqCst).is_multiple_of(REFUSED) && bodies.len() > 1;
        let refused: Vec<usize> = if refused { vec![1] } else { Vec::new() };
        self.resent.fetch_add(refused.len() as u64, Ordering::SeqCst);
        self.messages.fetch_add((bodies.len() - refused.len()) as u64, Ordering::SeqCst);
        Ok(refused)
    }
    async fn receive(&self, _: &str, _: usize, _: Duration, _: Duration) -> Result<Vec<Message>, QueueError> {
        Ok(Vec::new())
    }
    async fn extend(&self, _: &str, _: &str, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }
    async fn delete(&self, _: &str, _: &str) -> Result<(), QueueError> {
        Ok(())
    }
}

#[async_trait]
impl Executions for Sent {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        Ok(if execution.as_str() == "died" { ExecutionState::Ended } else { ExecutionState::Running })
    }
    async fn send_success(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
    async fn send_failure(&self, _token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        println!("{error}: {cause}");
        self.failures.fetch_add(1, Ordering::SeqCst);
        Ok(TokenReply::Accepted)
    }
    async fn send_heartbeat(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
}

#[async_trait]
impl Fleets for Sent {
    async fn launch(&self, _request: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn end(&self, _request: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        Ok(Vec::new())
    }
}
