//! The machine this process is on, through the instance metadata service (version 2).
//! `AWS_EC2_METADATA_SERVICE_ENDPOINT` is its address, if not the usual one.

use crate::ports::{Identity, Instance, InstanceError};
use async_trait::async_trait;
use aws_config::imds::Client;
use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;

/// 404 until an interruption has been decided.
const NOTICE: &str = "/latest/meta-data/spot/instance-action";

pub struct ImdsInstance {
    client: Client,
}

/// `{"action": "terminate", "time": "2026-11-22T07:11:48Z"}`
#[derive(Deserialize)]
struct Action {
    time: String,
}

impl ImdsInstance {
    pub(super) fn new(config: &ProviderConfig) -> ImdsInstance {
        ImdsInstance { client: Client::builder().configure(config).build() }
    }

    async fn get(&self, path: &str) -> Result<String, InstanceError> {
        self.client.get(path).await.map(Into::into).map_err(|e| failed(format!("{path} cannot be read"), e))
    }
}

#[async_trait]
impl Instance for ImdsInstance {
    async fn identity(&self) -> Result<Identity, InstanceError> {
        Ok(Identity {
            id: self.get("/latest/meta-data/instance-id").await?,
            kind: self.get("/latest/meta-data/instance-type").await?,
            zone: self.get("/latest/meta-data/placement/availability-zone-id").await?,
            region: self.get("/latest/meta-data/placement/region").await?,
        })
    }

    async fn notice(&self) -> Result<Option<u64>, InstanceError> {
        match self.client.get(NOTICE).await {
            Ok(body) => deadline_ms(body.as_ref()).map(Some),
            Err(ImdsError::ErrorResponse(e)) if e.response().status().as_u16() == 404 => Ok(None),
            Err(e) => Err(failed(format!("{NOTICE} cannot be read"), e)),
        }
    }
}

/// When the machine goes away, from the metadata service's answer.
fn deadline_ms(body: &str) -> Result<u64, InstanceError> {
    let wrong = |what: &str| format!("{NOTICE} says `{body}`, {what}");
    let action: Action = serde_json::from_str(body).map_err(|e| failed(wrong("which is no notice"), e))?;
    let at = DateTime::from_str(&action.time, Format::DateTime).map_err(|e| failed(wrong("whose time is none"), e))?;
    let millis = at.to_millis().map_err(|e| failed(wrong("whose time is out of range"), e))?;
    Ok(u64::try_from(millis).unwrap_or(0))
}

fn failed(what: String, source: impl std::error::Error + Send + Sync + 'static) -> InstanceError {
    InstanceError { what, source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::deadline_ms;

    #[test]
    fn a_notice_names_its_moment() {
        let notice = r#"{"action": "terminate", "time": "2017-09-18T08:22:00Z"}"#;
        assert_eq!(deadline_ms(notice).expect("a time"), 1_505_722_920_000);
        for wrong in ["", "{}", r#"{"time": "soon"}"#] {
            let message = deadline_ms(wrong).expect_err("no notice").to_string();
            assert!(message.contains(&format!("`{wrong}`")), "{message}");
        }
    }
}
