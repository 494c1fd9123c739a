//! A request that failed, for whoever typed the command: no permission (which one), no credentials, nothing there,
//! refused, or later.

use crate::aws::error::{Fate, RequestError, UNKNOWN};
use crate::ports::BoxError;
use std::error::Error;

#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The caller may not: `needs` is the permission.
    #[error("no permission for {needs}")]
    Denied {
        needs: String,
        #[source]
        source: BoxError,
    },
    /// Nobody is signed in, or no longer.
    #[error("{what}")]
    SignedOut {
        what: String,
        #[source]
        source: BoxError,
    },
    #[error("there is no {0}")]
    Absent(String),
    /// Waiting does not help.
    #[error("{what}")]
    Refused {
        what: String,
        #[source]
        source: BoxError,
    },
    #[error("{what}")]
    Transient {
        what: String,
        #[source]
        source: BoxError,
    },
}

const DENIED: &[&str] = &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"];

impl AwsError {
    /// `needs`: the permission that the request takes, such as `states:StartExecution`; `doing` begins the message.
    pub(super) fn of(doing: &str, needs: &str, error: impl Into<RequestError>) -> AwsError {
        let error = error.into();
        if error.expired() || error.is(UNKNOWN) {
            let what = format!("AWS does not accept the credentials ({}: {})", error.code, error.message);
            return AwsError::SignedOut { what, source: error.source };
        }
        if error.is(DENIED) || error.status == Some(403) {
            let needs = permission(&error.message).unwrap_or(needs).to_owned();
            return AwsError::Denied { needs, source: error.source };
        }
        let service = service(needs);
        if error.status.is_none() && lacks_credentials(&*error.source) {
            let what = format!("{doing}: no AWS credentials are found");
            return AwsError::SignedOut { what, source: error.source };
        }
        if error.fate == Fate::Unsent {
            let what = format!("{doing}: {}: {}", error.text(service), root(&*error.source));
            return AwsError::SignedOut { what, source: error.source };
        }
        let what = format!("{doing}: {}", error.text(service));
        if error.fate == Fate::Refused && !error.throttled() {
            return AwsError::Refused { what, source: error.source };
        }
        AwsError::Transient { what, source: error.source }
    }
}

/// `User: … is not authorized to perform: states:StartExecution on resource: …`
fn permission(message: &str) -> Option<&str> {
    let rest = message.split_once("to perform: ")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ":*-".contains(c))).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| name.contains(':'))
}

/// For messages.
fn service(needs: &str) -> &'static str {
    match needs.split(':').next().unwrap_or_default() {
        "cloudformation" => "CloudFormation",
        "states" => "Step Functions",
        "servicequotas" => "Service Quotas",
        "ec2" => "EC2",
        "iam" => "IAM",
        "sts" => "STS",
        "s3" => "S3",
        "kms" => "KMS",
        "ssm" => "Systems Manager",
        "access-analyzer" => "Access Analyzer",
        "fis" => "Fault Injection Service",
        "sns" => "SNS",
        _ => "AWS",
    }
}

/// The SDK reports it in a cause of a cause, and by no type of its own that it shows.
fn lacks_credentials(e: &(dyn Error + 'static)) -> bool {
    let mut next = Some(e);
    while let Some(e) = next {
        if e.to_string().to_lowercase().contains("credentials") {
            return true;
        }
        next = e.source();
    }
    false
}

/// The innermost cause, which is the most specific.
fn root(e: &(dyn Error + 'static)) -> String {
    let mut innermost = e;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_error(status: Option<u16>, code: &str, message: &str, fate: Fate) -> RequestError {
        let (code, message) = (code.to_owned(), message.to_owned());
        RequestError { fate, status, code, message, region: None, source: "cause".into() }
    }

    #[test]
    fn the_missing_permission_is_named_as_the_service_names_it() {
        let text =
            "User: arn:aws:iam::1:user/x is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda";
        assert_eq!(permission(text), Some("lambda:GetFunction"));
        assert_eq!(permission("You are not authorized to perform this operation."), None);
        let named = |message| {
            AwsError::of(
                "x",
                "ec2:DescribeSubnets",
                request_error(Some(403), "UnauthorizedOperation", message, Fate::Refused),
            )
        };
        assert_eq!(named(text).to_string(), "no permission for lambda:GetFunction");
        assert_eq!(named("no").to_string(), "no permission for ec2:DescribeSubnets");
    }

    #[test]
    fn errors_are_classified_by_what_can_be_done() {
        let of =
            |status, code, fate| AwsError::of("doing", "states:StartExecution", request_error(status, code, "m", fate));
        assert!(matches!(of(Some(400), "ExpiredTokenException", Fate::Refused), AwsError::SignedOut { .. }));
        assert!(matches!(of(None, "", Fate::Unsent), AwsError::SignedOut { .. }));
        assert!(matches!(of(Some(400), "InvalidName", Fate::Refused), AwsError::Refused { .. }));
        assert!(matches!(of(Some(400), "ThrottlingException", Fate::Refused), AwsError::Transient { .. }));
        assert!(matches!(of(Some(503), "", Fate::Perhaps), AwsError::Transient { .. }));
    }

    #[test]
    fn services_of_signed_requests_have_names() {
        let of = |needs| AwsError::of("x", needs, request_error(Some(503), "", "", Fate::Perhaps)).to_string();
        assert_eq!(of("kms:DescribeKey"), "x: KMS answered with status 503");
        assert_eq!(of("ssm:GetParameter"), "x: Systems Manager answered with status 503");
        assert_eq!(of("access-analyzer:ValidatePolicy"), "x: Access Analyzer answered with status 503");
    }
}
