//! How the executions of other processes stand, by their records.

use super::own::{Present, Rhythm};
use crate::local::executions::LocalExecutions;
use async_trait::async_trait;
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_core::keys;
use spotmill_platform::ports::{
    Clock, ExecutionError, ExecutionState, Executions, Store, StoreError, Swapped, TokenReply,
};
use spotmill_platform::records::{self, RecordError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Executions of this process, and those of others by their records.
pub struct SharedExecutions {
    pub own: Arc<LocalExecutions>,
    pub store: Arc<dyn Store>,
    pub root: Uri,
    pub rhythm: Rhythm,
    pub note: Box<dyn Fn(String) + Send + Sync>,
}

impl SharedExecutions {
    async fn other(&self, execution: &ExecutionId) -> Result<ExecutionState, RecordError> {
        let key = keys::present(&self.root, execution);
        let Some((mut found, mut etag)) = records::load::<Present>(&*self.store, &key).await? else {
            return Ok(ExecutionState::NotFound);
        };
        if found.ended.is_some() {
            return Ok(ExecutionState::Ended);
        }
        let gone = found.process.is_gone();
        if !gone {
            let secs = self.rhythm.silence.as_secs();
            (self.note)(format!(
                "process {} of {} holds the run: waiting up to {secs} s for a sign of it",
                found.process.pid, found.process.host
            ));
        }
        let began = Instant::now();
        while !gone && began.elapsed() < self.rhythm.silence {
            tokio::time::sleep(self.rhythm.beat.min(Duration::from_secs(1))).await;
            match records::load::<Present>(&*self.store, &key).await? {
                None => return Ok(ExecutionState::Ended),
                Some((now, _)) if now.ended.is_some() => return Ok(ExecutionState::Ended),
                Some((now, _)) if now.beat != found.beat => return Ok(ExecutionState::Running),
                Some((now, now_etag)) => (found, etag) = (now, now_etag),
            }
        }
        let why = if gone { "its process is gone" } else { "it gave no sign" };
        let ended = Present { ended: Some(why.to_owned()), ..found };
        // Whoever was first, the record says what holds: it is read again.
        match records::swap(&*self.store, &key, &etag, &ended).await {
            Ok(Swapped::Yes(_)) => Ok(ExecutionState::Ended),
            Ok(Swapped::No) | Err(RecordError::Store(StoreError::Unknown { .. })) => {
                let now = records::load::<Present>(&*self.store, &key).await?;
                let ended = now.is_none_or(|(now, _)| now.ended.is_some());
                Ok(if ended { ExecutionState::Ended } else { ExecutionState::Running })
            }
            Err(e) => Err(e),
        }
    }
}

#[async_trait]
impl Executions for SharedExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        if self.own.state(execution).await? == ExecutionState::Running {
            return Ok(ExecutionState::Running);
        }
        let failed = |e: RecordError| ExecutionError { what: format!("how {execution} stands"), source: e.into() };
        self.other(execution).await.map_err(failed)
    }

    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_success(token).await
    }

    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_failure(token, error, cause).await
    }

    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_heartbeat(token).await
    }
}

/// For commands that only read: they wait for nobody and write nothing.
pub struct SeenExecutions {
    pub store: Arc<dyn Store>,
    pub root: Uri,
}

impl SeenExecutions {
    /// One that is silent is as good as not found: it may be asleep, and only a start may take its place.
    pub(super) async fn seen(&self, execution: &ExecutionId) -> Result<ExecutionState, RecordError> {
        let found = records::load::<Present>(&*self.store, &keys::present(&self.root, execution)).await?;
        let now_ms = spotmill_platform::local::clock::SystemClock.now_ms();
        let recent = |at_ms: u64| now_ms.saturating_sub(at_ms) < 2 * Rhythm::ORDINARY.silence.as_millis() as u64;
        Ok(match found {
            None => ExecutionState::NotFound,
            Some((found, _)) if found.ended.is_some() || found.process.is_gone() => ExecutionState::Ended,
            Some((found, _)) if recent(found.at_ms) => ExecutionState::Running,
            Some(_) => ExecutionState::NotFound,
        })
    }
}

#[async_trait]
impl Executions for SeenExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        let failed = |e: RecordError| ExecutionError { what: format!("how {execution} stands"), source: e.into() };
        self.seen(execution).await.map_err(failed)
    }

    async fn send_success(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }

    async fn send_failure(&self, _token: &str, _error: &str, _cause: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }

    async fn send_heartbeat(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }
}
