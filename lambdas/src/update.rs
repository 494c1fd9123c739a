//! One record that several writers change: read it, decide, write it if it is still what was read. A lost reply counts
//! as not written: the next read shows what happened, and the decision recognises its own work.

use crate::create::{Stands, create_record};
use crate::{Ctx, HandlerError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spotmill_core::backoff::backoff;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{StoreError, Swapped};
use spotmill_platform::records::{self, RecordError};
use std::future::Future;
use std::time::Duration;

/// Between two tries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
pub const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Tries against others who win: far more than there are writers at once.
const TRIES: u32 = 50;

/// What is to be done about the record as it was read.
pub enum Change<T, R> {
    /// Write this; once it is written, the answer is that.
    Write(T, R),
    /// It may stay; the answer.
    Keep(R),
}

/// Changes the record, or creates it; `decide` gets what is there and is asked again when another writer came first.
pub async fn update<T, R, F>(ctx: &Ctx, uri: &Uri, mut decide: impl FnMut(Option<T>) -> F) -> Result<R, HandlerError>
where
    T: DeserializeOwned + Serialize,
    F: Future<Output = Result<Change<T, R>, HandlerError>>,
{
    for tries in 0..TRIES {
        let (old, etag) = records::load::<T>(&*ctx.store, uri).await?.unzip();
        match decide(old).await? {
            Change::Keep(answer) => return Ok(answer),
            Change::Write(new, answer) => {
                if replace(ctx, uri, etag.as_deref(), &new).await? {
                    return Ok(answer);
                }
            }
        }
        pause(tries).await;
    }
    Err(HandlerError::transient(format!("{uri}: others keep writing it")))
}

/// Replaces what was read under `etag`, or creates the record; returns whether it was written.
pub async fn replace<T: Serialize>(ctx: &Ctx, uri: &Uri, etag: Option<&str>, record: &T) -> Result<bool, HandlerError> {
    let Some(etag) = etag else {
        return Ok(create_record(ctx, uri, record).await? == Stands::Ours);
    };
    match records::swap(&*ctx.store, uri, etag, record).await {
        Ok(Swapped::Yes(_)) => Ok(true),
        Ok(Swapped::No) | Err(RecordError::Store(StoreError::Unknown { .. })) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Waits between two tries, longer the more were lost.
pub async fn pause(tries: u32) {
    tokio::time::sleep(backoff(tries, SHORTEST_PAUSE, LONGEST_PAUSE)).await;
}
