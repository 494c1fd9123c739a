//! Objects that are created once: after "already there" or a lost reply, what stands there decides whether it is ours.

use crate::{Ctx, HandlerError};
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Created, Store, StoreError};

/// What stands at a key after a create-if-absent.
#[derive(Debug, PartialEq, Eq)]
pub enum Stands {
    /// These very bytes, whoever wrote them.
    Ours,
    Others(Vec<u8>),
}

/// Creates if absent; after "already" or a lost reply reads what is there.
pub async fn create(ctx: &Ctx, uri: &Uri, body: &[u8]) -> Result<Stands, HandlerError> {
    create_in(&*ctx.store, uri, body).await
}

pub async fn create_in(store: &dyn Store, uri: &Uri, body: &[u8]) -> Result<Stands, HandlerError> {
    for _ in 0..3 {
        match store.create(uri, body).await {
            Ok(Created::Now) => return Ok(Stands::Ours),
            Ok(Created::Already) | Err(StoreError::Unknown { .. }) => {}
            Err(e) => return Err(e.into()),
        }
        match store.get(uri).await {
            Ok(object) if object.body == body => return Ok(Stands::Ours),
            Ok(object) => return Ok(Stands::Others(object.body)),
            // The write whose reply was lost did not happen, or the object was deleted again.
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(HandlerError::transient(format!("{uri} can neither be created nor read")))
}

/// `create` of a record.
pub async fn create_record<T: serde::Serialize>(ctx: &Ctx, uri: &Uri, record: &T) -> Result<Stands, HandlerError> {
    let body = serde_json::to_vec(record).map_err(|e| HandlerError::corrupt(format!("{uri}: {e}")))?;
    create(ctx, uri, &body).await
}
