//! The promises of executions. A world of the adapter's own (`Waiting`) starts an execution that waits for a token;
//! the suite answers it.

use crate::ports::{ExecutionState, Executions, TokenReply};
use async_trait::async_trait;
use spotmill_core::ids::ExecutionId;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// An execution may take this long to be seen as ended.
const SOON: Duration = Duration::from_secs(30);

/// Where executions can be started.
#[async_trait]
pub trait Waiting: Send + Sync {
    /// Starts an execution that waits in a task, and returns it with the task's token.
    async fn start(&self) -> (ExecutionId, String);
    /// How it ended: its output, or its error and cause.
    async fn ending(&self, execution: &ExecutionId) -> Result<String, (String, String)>;
    /// An execution's id that nobody has.
    fn nobody(&self) -> ExecutionId;
}

/// The whole suite.
pub async fn all(executions: &(impl Executions + ?Sized), world: &(impl Waiting + ?Sized)) {
    nobody(executions, world).await;
    success(executions, world).await;
    failure(executions, world).await;
    no_token(executions).await;
}

async fn nobody(executions: &(impl Executions + ?Sized), world: &(impl Waiting + ?Sized)) {
    for id in [world.nobody(), ExecutionId::new("local:4711"), ExecutionId::new("")] {
        assert_eq!(executions.state(&id).await.expect("state"), ExecutionState::NotFound, "{id}");
    }
}

async fn success(executions: &(impl Executions + ?Sized), world: &(impl Waiting + ?Sized)) {
    let (id, token) = world.start().await;
    assert_eq!(executions.state(&id).await.expect("state"), ExecutionState::Running);
    assert_eq!(executions.send_heartbeat(&token).await.expect("heartbeat"), TokenReply::Accepted);
    assert_eq!(executions.send_success(&token).await.expect("success"), TokenReply::Accepted);
    ended(executions, &id).await;
    assert_eq!(world.ending(&id).await.map(|output| output.trim().to_owned()), Ok("{}".to_owned()));
    closed(executions, &token).await;
}

async fn failure(executions: &(impl Executions + ?Sized), world: &(impl Waiting + ?Sized)) {
    let (id, token) = world.start().await;
    let (error, cause) = ("E".repeat(300), "ü".repeat(40_000));
    let sent = executions.send_failure(&token, &error, &cause).await;
    assert_eq!(sent.expect("too long an error is cut"), TokenReply::Accepted);
    ended(executions, &id).await;
    let (reported, why) = world.ending(&id).await.expect_err("it failed");
    assert!(error.starts_with(&reported) && reported.len() >= 200, "{reported}");
    assert!(cause.starts_with(&why) && why.chars().count() >= 32_000, "{} characters", why.chars().count());
    closed(executions, &token).await;
}

/// Nobody waits any more: whoever sends is done.
async fn closed(executions: &(impl Executions + ?Sized), token: &str) {
    assert_eq!(executions.send_success(token).await.expect("success"), TokenReply::Closed);
    assert_eq!(executions.send_failure(token, "E", "c").await.expect("failure"), TokenReply::Closed);
    assert_eq!(executions.send_heartbeat(token).await.expect("heartbeat"), TokenReply::Closed);
}

async fn no_token(executions: &(impl Executions + ?Sized)) {
    closed(executions, "a-token-that-nobody-gave").await;
}

async fn ended(executions: &(impl Executions + ?Sized), id: &ExecutionId) {
    let start = Instant::now();
    while executions.state(id).await.expect("state") == ExecutionState::Running {
        assert!(start.elapsed() < SOON, "{id} still runs");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(executions.state(id).await.expect("state"), ExecutionState::Ended);
}
