//! Waiting for the notice that this machine will be taken away.

use spotmill_core::bounds::NOTICE_POLL_SECS;
use spotmill_platform::ports::{Instance, InstanceError};
use std::time::Duration;

/// When the machine goes, in milliseconds since 1970. An error is reported, and the question is repeated: without
/// notices items are lost later, not worse.
pub async fn noticed(instance: &dyn Instance, on_error: impl Fn(&InstanceError)) -> u64 {
    loop {
        match instance.notice().await {
            Ok(Some(deadline_ms)) => return deadline_ms,
            Ok(None) => {}
            Err(e) => on_error(&e),
        }
        tokio::time::sleep(Duration::from_secs(NOTICE_POLL_SECS)).await;
    }
}
