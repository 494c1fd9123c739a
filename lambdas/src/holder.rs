//! Destinations that each run replaces whole: a record says who holds one, and whose files may still be there. It is
//! taken before anything is copied; who lost it stops.

use crate::access::{self, SWAP_TRIES, Stands};
use crate::tally::swapped;
use crate::{Ctx, HandlerError};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::publish::hand_over;
use spotmill_core::records::{Holder, Publisher};
use spotmill_platform::records;

/// Makes `me` the holder; returns whose files are to be cleared away.
pub async fn take(ctx: &Ctx, destination: &Uri, me: &Publisher) -> Result<Vec<Publisher>, HandlerError> {
    let uri = keys::holder(&ctx.root, destination);
    for tries in 0..SWAP_TRIES {
        let found = records::load::<Holder>(&*ctx.store, &uri).await?;
        let next = hand_over(found.as_ref().map(|(h, _)| h), destination, me);
        let written = match &found {
            None => access::create_record(ctx, &uri, &next).await? == Stands::Ours,
            Some((there, _)) if *there == next => true,
            Some((_, etag)) => swapped(records::swap(&*ctx.store, &uri, etag, &next).await)?,
        };
        if written {
            return Ok(next.before);
        }
        access::breathe(tries).await;
    }
    Err(HandlerError::transient(format!("{uri}: too many others write it")))
}

/// Whose files are to be cleared away, if `me` still holds the destination.
pub async fn held(ctx: &Ctx, destination: &Uri, me: &Publisher) -> Result<Vec<Publisher>, HandlerError> {
    let uri = keys::holder(&ctx.root, destination);
    match records::load::<Holder>(&*ctx.store, &uri).await? {
        Some((holder, _)) if holder.now == *me => Ok(holder.before),
        Some((holder, _)) => Err(HandlerError::fenced(format!(
            "{destination} is replaced whole by each run, and {} has begun to publish there since",
            holder.now.run
        ))),
        None => Err(HandlerError::corrupt(format!("{uri} does not exist"))),
    }
}

/// Nothing of those before is left.
pub async fn cleared(ctx: &Ctx, destination: &Uri, me: &Publisher) -> Result<(), HandlerError> {
    let uri = keys::holder(&ctx.root, destination);
    match records::load::<Holder>(&*ctx.store, &uri).await? {
        Some((holder, etag)) if holder.now == *me && !holder.before.is_empty() => {
            let next = Holder { before: Vec::new(), ..holder };
            // If another came first, it clears away what is left, and us.
            swapped(records::swap(&*ctx.store, &uri, &etag, &next).await).map(drop)
        }
        _ => Ok(()),
    }
}
