//! Turns AWS's errors into an exit code and a remedy for the user.

use crate::exit::{Code, Stop};
use spotmill_platform::aws::stacks::AwsError;
use spotmill_platform::ports::StoreError;
use spotmill_platform::records::RecordError;

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

const ALLOW: &str = "allow it to your user or role, or use other credentials: AWS_PROFILE";
const SIGN_IN: &str = "sign in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

pub fn of_store(e: StoreError) -> Stop {
    match e {
        StoreError::Denied { .. } => Stop::new(Code::Permission, e.to_string()).remedy(ALLOW),
        StoreError::Transient { .. } => Stop::failed(e.to_string()).remedy("it may pass: run the same command again"),
        e => Stop::failed(e.to_string()),
    }
}

pub fn of_record(e: RecordError) -> Stop {
    match e {
        RecordError::Store(e) => of_store(e),
        e => Stop::failed(e.to_string()),
    }
}
