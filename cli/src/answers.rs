//! Turns what stores and records answer into an exit code and a remedy for the user.

use crate::exit::{Code, Stop};
use spotmill_platform::ports::StoreError;
use spotmill_platform::records::RecordError;

pub const ALLOW: &str = "allow it to your user or role, or use other credentials: AWS_PROFILE";

pub fn of_store(e: StoreError) -> Stop {
    match e {
        StoreError::Denied { ref uri, .. } if !uri.is_s3() => Stop::new(Code::Permission, e.to_string()),
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
