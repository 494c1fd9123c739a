//! What went wrong with a request, reduced to what our code reacts to: the service's code, the HTTP status, and
//! whether the request may have been carried out although it failed.

use crate::ports::BoxError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never left this machine: no credentials, no region, nobody listens.
    Unsent,
    /// The service answered that it did not do it.
    Refused,
    /// No answer, half an answer, or an internal error: it may have been done, or still be done.
    Perhaps,
}

#[derive(Debug)]
pub struct RequestError {
    pub fate: Fate,
    pub status: Option<u16>,
    /// The service's name for it; empty if it gave none.
    pub code: String,
    pub message: String,
    /// The bucket's region, as S3 reports it.
    pub region: Option<String>,
    pub source: BoxError,
}

/// Codes that mean "later", whatever the status.
const THROTTLES: &[&str] = &[
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
];

/// Nobody has such credentials, or what was signed by them does not fit.
#[cfg(feature = "fleets")]
pub(super) const UNKNOWN: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidAccessKeyId",
];

impl RequestError {
    pub fn throttled(&self) -> bool {
        self.status == Some(429) || THROTTLES.contains(&self.code.as_str())
    }

    pub fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str())
    }

    /// The session of the credentials is over; whoever renews them gets on.
    pub fn expired(&self) -> bool {
        self.is(&["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"])
    }

    /// What was asked for is in another region (`region`, where the answer names it).
    pub fn elsewhere(&self) -> bool {
        self.is(&["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"])
            || matches!(self.status, Some(301 | 307))
    }

    /// For people, without the cause.
    pub fn text(&self, service: &str) -> String {
        match (self.fate, self.status) {
            (Fate::Unsent, _) => format!("no request could be sent to {service}"),
            (_, None) => format!("no answer from {service}"),
            (_, Some(status)) if self.code.is_empty() => format!("{service} answered with status {status}"),
            _ => format!("{service} answered {}: {}", self.code, self.message),
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for RequestError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(e: SdkError<E, HttpResponse>) -> RequestError {
        let raw = e.raw_response();
        let status = raw.map(|r| r.status().as_u16());
        let region = raw.and_then(|r| r.headers().get("x-amz-bucket-region")).map(str::to_owned);
        let (code, message) = e.as_service_error().map(ProvideErrorMetadata::meta).map_or_else(Default::default, |m| {
            (bare(m.code().unwrap_or_default()).to_owned(), m.message().unwrap_or_default().to_owned())
        });
        let unsent = matches!(e, SdkError::ConstructionFailure(_)) || nobody_listens(&e);
        let mut found = RequestError { fate: Fate::Unsent, status, code, message, region, source: Box::new(e) };
        if !unsent {
            found.fate = fate(&found);
        }
        found
    }
}

/// `com.amazonaws.sqs#QueueDoesNotExist`, `AWS.SimpleQueueService.NonExistentQueue`: the last word is the name.
pub(super) fn bare(code: &str) -> &str {
    code.rsplit(['#', '.']).next().unwrap_or(code)
}

/// What became of a request that was sent, by its status and code.
pub(super) fn fate(of: &RequestError) -> Fate {
    match of.status {
        // "I could not read you in time", and a success that could not be read, do not show what was done.
        None | Some(408 | 200..300) => Fate::Perhaps,
        Some(_) if of.throttled() => Fate::Refused,
        // What a service does not have it does not do, however often it is asked.
        Some(501) => Fate::Refused,
        Some(500..) => Fate::Perhaps,
        Some(_) if of.is(&["RequestTimeout", "InternalError"]) => Fate::Perhaps,
        Some(_) => Fate::Refused,
    }
}

fn nobody_listens(e: &(dyn Error + 'static)) -> bool {
    let mut next = Some(e);
    while let Some(e) = next {
        if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = e.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate_of(status: Option<u16>, code: &str) -> Fate {
        let (code, message) = (bare(code).to_owned(), String::new());
        fate(&RequestError { fate: Fate::Unsent, status, code, message, region: None, source: "x".into() })
    }

    #[test]
    fn only_a_clear_refusal_is_one() {
        use Fate::{Perhaps, Refused};
        for (status, code, expected) in [
            (None, "", Perhaps),
            (Some(200), "InternalError", Perhaps),
            (Some(400), "RequestTimeout", Perhaps),
            (Some(408), "", Perhaps),
            (Some(500), "InternalError", Perhaps),
            (Some(501), "NotImplemented", Refused),
            (Some(503), "ServiceUnavailable", Perhaps),
            (Some(503), "SlowDown", Refused),
            (Some(429), "", Refused),
            (Some(400), "com.amazonaws.sqs#RequestThrottled", Refused),
            (Some(403), "AccessDenied", Refused),
            (Some(409), "ConditionalRequestConflict", Refused),
            (Some(412), "PreconditionFailed", Refused),
        ] {
            assert_eq!(fate_of(status, code), expected, "{status:?} {code}");
        }
    }

    #[test]
    fn codes_of_all_protocols_have_one_name() {
        for code in
            ["QueueDoesNotExist", "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.QueueDoesNotExist"]
        {
            assert_eq!(bare(code), "QueueDoesNotExist");
        }
    }
}
