//! Turns AWS's errors into an exit code and a remedy for the user.

use crate::answers::ALLOW;
pub use crate::answers::{of_record, of_store};
use crate::exit::{Code, Stop};
use spotmill_platform::aws::stacks::AwsError;

impl From<AwsError> for Stop {
    fn from(e: AwsError) -> Stop {
        let message = e.to_string();
        match e {
            AwsError::Denied { .. } => Stop::new(Code::Permission, message).remedy(ALLOW),
            AwsError::SignedOut { .. } => Stop::new(Code::Permission, message).remedy(SIGN_IN),
            AwsError::Absent(_) => Stop::usage(message),
            AwsError::Refused { .. } => Stop::failed(message),
            AwsError::Transient { .. } => Stop::failed(message).remedy("it may pass: run the same command again"),
        }
    }
}

const SIGN_IN: &str = "sign in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
