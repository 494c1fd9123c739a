//! Writes that happen only if: create-if-absent and compare-and-swap. S3 answers a second try after a lost reply
//! with 412 although the first was carried out, so the SDK may not retry behind our back. This loop does, and
//! remembers whether a previous try may have been carried out: then "another version stands there" no longer proves
//! that it is another's.

use super::address::Address;
use super::{S3Store, errors, unquoted};
use crate::aws::error::{Fate, RequestError};
use crate::aws::patience::TRIES;
use crate::aws::pause::pause;
use crate::ports::StoreError;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};

#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    Absent,
    /// The ETag, without quotes.
    Version(&'a str),
}

#[derive(Debug)]
pub enum Written {
    /// With the new ETag.
    Yes(String),
    No {
        /// A previous try of this very call may be what stands there.
        doubt: bool,
    },
}

/// `Unknown` only if the write may have happened, `Transient` only if it did not.
pub async fn write(
    store: &S3Store,
    at: &Address,
    body: &[u8],
    condition: Condition<'_>,
) -> Result<Written, StoreError> {
    let body = SdkBody::from(body);
    let mut doubt = false;
    for n in 0.. {
        let error = match once(store, at, body.try_clone().unwrap_or_else(SdkBody::taken), condition).await {
            Ok(etag) => return Ok(Written::Yes(etag)),
            Err(error) => error,
        };
        if failed_condition(&error, condition) {
            return Ok(Written::No { doubt });
        }
        if error.status == Some(501) && !doubt {
            return Err(errors::unconditional(at, error));
        }
        let conflict = error.status == Some(409);
        doubt |= error.fate == Fate::Perhaps;
        let retry = error.fate != Fate::Refused || error.throttled() || conflict;
        if !retry || n + 1 >= TRIES {
            // After a 409 somebody else's write stands or will: the caller has to read it.
            return Err(if doubt || conflict { errors::unknown(at, error) } else { errors::named(at, error) });
        }
        pause(n).await;
    }
    unreachable!("the loop ends by its number of tries")
}

/// One request.
async fn once(store: &S3Store, at: &Address, body: SdkBody, condition: Condition<'_>) -> Result<String, RequestError> {
    let client = store.client_for(body.content_length().unwrap_or(0));
    let put = client.put_object().bucket(&at.bucket).key(&at.key).body(ByteStream::new(body));
    let put = match condition {
        Condition::Absent => put.if_none_match("*"),
        Condition::Version(etag) => put.if_match(super::quoted(etag)),
    };
    let no_retry = Config::builder().retry_config(RetryConfig::disabled());
    let sent = put.customize().config_override(no_retry).send().await?;
    Ok(unquoted(sent.e_tag()))
}

/// S3 answers that the condition does not hold: 412, or 404 where there is nothing to replace.
fn failed_condition(error: &RequestError, condition: Condition<'_>) -> bool {
    match error.status {
        Some(412) => true,
        Some(404) => matches!(condition, Condition::Version(_)) && !error.is(&["NoSuchBucket"]),
        _ => false,
    }
}
