//! Records read several at once.

use crate::{Ctx, HandlerError};
use serde::de::DeserializeOwned;
use spotmill_core::ids::Uri;
use spotmill_platform::records;
pub use spotmill_platform::several::{several, to_the_end};

/// Receipts and failures are small, and a million of them are read within a call: four times as many at once as of other
/// records.
pub const WIDER: usize = 4;

/// Reads records, several at once; in the order asked for.
pub async fn get_all<T>(ctx: &Ctx, uris: Vec<Uri>) -> Result<Vec<T>, HandlerError>
where
    T: DeserializeOwned + Send + 'static,
{
    get_many(ctx, ctx.settings.parallel, uris).await
}

/// The same, so many at once.
pub async fn get_many<T>(ctx: &Ctx, width: usize, uris: Vec<Uri>) -> Result<Vec<T>, HandlerError>
where
    T: DeserializeOwned + Send + 'static,
{
    several(width, uris, |uri| {
        let store = ctx.store.clone();
        async move {
            let found = records::load::<T>(&*store, &uri).await?;
            found.map(|(record, _)| record).ok_or_else(|| HandlerError::corrupt(format!("{uri} was there and is gone")))
        }
    })
    .await
}
