//! What the account may have of EC2 and Lambda, as Service Quotas has it.

use super::error::RequestError;
use aws_sdk_servicequotas::Client;

/// The answer for a quota that the account never asked to change, or that the region does not have.
const ABSENT: &[&str] = &["NoSuchResourceException"];

/// The account's value, or AWS's default where it never asked for another.
pub async fn ec2(client: &Client, code: &str) -> Result<Option<f64>, RequestError> {
    of(client, "ec2", code).await
}

/// The same of another service.
pub async fn of(client: &Client, service: &str, code: &str) -> Result<Option<f64>, RequestError> {
    let own = client.get_service_quota().service_code(service).quota_code(code).send().await;
    match own.map_err(RequestError::from) {
        Err(e) if e.is(ABSENT) => {}
        found => return Ok(found?.quota.and_then(|q| q.value)),
    }
    let default = client.get_aws_default_service_quota().service_code(service).quota_code(code).send().await;
    match default.map_err(RequestError::from) {
        Err(e) if e.is(ABSENT) => Ok(None),
        found => Ok(found?.quota.and_then(|q| q.value)),
    }
}
