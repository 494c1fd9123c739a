//! Tables of AWS Glue. Each call is one request; what it means is decided by whoever reads the table again.

use super::error::{Fate, RequestError};
use super::signed::{Ask, ask};
use crate::ports::{CatalogError, Catalogs};
use async_trait::async_trait;
use aws_config::SdkConfig;
use serde_json::Value;

/// Others wrote at the same time, or this call was made before and its answer lost.
const CHANGED: &[&str] =
    &["AlreadyExistsException", "ConcurrentModificationException", "ConcurrentRunsExceededException"];
/// The service's own trouble.
const PASSING: &[&str] = &["InternalServiceException", "OperationTimeoutException", "ResourceNotReadyException"];
const TARGETS: &[(&str, &str)] = &[
    ("GetTable", "AWSGlue.GetTable"),
    ("CreateTable", "AWSGlue.CreateTable"),
    ("UpdateTable", "AWSGlue.UpdateTable"),
    ("GetPartition", "AWSGlue.GetPartition"),
    ("CreatePartition", "AWSGlue.CreatePartition"),
    ("BatchUpdatePartition", "AWSGlue.BatchUpdatePartition"),
];

#[derive(Clone, Debug)]
pub struct Glue {
    config: SdkConfig,
}

impl Glue {
    pub fn new(config: &SdkConfig) -> Glue {
        Glue { config: config.clone() }
    }
}

#[async_trait]
impl Catalogs for Glue {
    async fn region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }

    async fn call(&self, action: &str, body: &Value) -> Result<Value, CatalogError> {
        let Some((_, target)) = TARGETS.iter().find(|(name, _)| *name == action) else {
            let what = format!("glue:{action} is none of the calls that a table needs");
            return Err(CatalogError::Refused { source: what.clone().into(), what });
        };
        let asked = Ask { service: "glue", method: "POST", path: "/", target: Some(target), body };
        let answer = ask(&self.config, &asked).await.map_err(|e| failed(action, e))?;
        // A batch answers well whatever becomes of what is in it.
        match &answer["Errors"][0]["ErrorDetail"] {
            Value::Null => Ok(answer),
            detail => Err(failed(action, of_batch(detail))),
        }
    }
}

/// `{"ErrorCode": "EntityNotFoundException", "ErrorMessage": "…"}`
fn of_batch(detail: &Value) -> RequestError {
    let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
    let (code, message) = (text("ErrorCode"), text("ErrorMessage"));
    let source = format!("{code}: {message}").into();
    RequestError { fate: Fate::Refused, status: Some(400), code, message, region: None, source }
}

fn failed(action: &str, e: RequestError) -> CatalogError {
    let what = format!("glue:{action}: {}", e.text("Glue"));
    if e.is(&["EntityNotFoundException"]) {
        return CatalogError::NotFound(e.message);
    }
    if e.is(CHANGED) {
        return CatalogError::Changed(what);
    }
    let source = e.source;
    match e.fate {
        Fate::Refused if !(e.status == Some(429) || PASSING.contains(&e.code.as_str()) || is_throttle(&e.code)) => {
            CatalogError::Refused { what, source }
        }
        _ => CatalogError::Transient { what, source },
    }
}

fn is_throttle(code: &str) -> bool {
    code.contains("Throttl") || code.ends_with("LimitExceeded") || code == "TooManyRequestsException"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: u16, code: &str) -> String {
        let e = RequestError {
            fate: Fate::Refused,
            status: Some(status),
            code: code.into(),
            message: "m".into(),
            region: None,
            source: "x".into(),
        };
        match failed("GetTable", e) {
            CatalogError::NotFound(_) => "not found",
            CatalogError::Changed(_) => "changed",
            CatalogError::Transient { .. } => "transient",
            CatalogError::Refused { .. } => "refused",
        }
        .to_owned()
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        assert_eq!(found(400, "EntityNotFoundException"), "not found");
        assert_eq!(found(400, "AlreadyExistsException"), "changed");
        assert_eq!(found(400, "ConcurrentModificationException"), "changed");
        assert_eq!(found(400, "ThrottlingException"), "transient");
        assert_eq!(found(500, "InternalServiceException"), "transient");
        assert_eq!(found(400, "AccessDeniedException"), "refused");
        assert_eq!(found(400, "InvalidInputException"), "refused");
    }
}
