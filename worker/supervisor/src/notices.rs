//! Waiting for the word that this machine will be taken away.

use spotmill_core::bounds::NOTICE_POLL_SECS;
use spotmill_platform::ports::{Instance, InstanceError};
use std::time::Duration;

/// When the machine goes, in milliseconds since 1970. What cannot be read is told and asked again: without notices items
/// are lost later, not worse.
pub async fn noticed(instance: &dyn Instance, trouble: impl Fn(&InstanceError)) -> u64 {
    loop {
        match instance.notice().await {
            Ok(Some(deadline_ms)) => return deadline_ms,
            Ok(None) => {}
            Err(e) => trouble(&e),
        }
        tokio::time::sleep(Duration::from_secs(NOTICE_POLL_SECS)).await;
    }
}
