//! Room under the stack's limit of vCPUs, granted to one launch after the other. What is granted is written down before
//! the fleet is asked for; nobody has to give it back, because a fleet's end is on record.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError};
use spotmill_core::calls::errors;
use spotmill_core::fleet::capacity::{Ask, Capacity, Room, room};
use spotmill_core::keys;
use spotmill_platform::ports::StoreError;
use std::collections::BTreeSet;

/// The slots that a fleet may have, at least one, and why they are fewer than it asked for.
pub async fn grant(ctx: &Ctx, most: u32, ask: &Ask<'_>) -> Result<(u32, Option<String>), HandlerError> {
    let uri = keys::capacity(&ctx.root);
    update(ctx, &uri, |old: Option<Capacity>| async move {
        let old = old.unwrap_or_default();
        let ended = ended(ctx, &old).await?;
        // Listed after the grants were read: a fleet that is granted and seen counts once.
        let living = ctx.fleets.living().await?;
        let now = ctx.clock.now_ms();
        let recent = old.recent(now, |grant| ended.contains(&grant.fleet));
        match room(most, &living, recent, ask, now) {
            Room::Full(cause) => Err(HandlerError::new(errors::AT_CAPACITY, cause)),
            Room::Never(cause) => Err(HandlerError::new(errors::REFUSED, cause)),
            // An unknown outcome is no grant: the next read finds it, and it is this fleet's own.
            Room::Granted { slots, because, capacity } => Ok(Change::Write(capacity, (slots, because))),
        }
    })
    .await
}

/// Fleets with a grant whose end is on record.
async fn ended(ctx: &Ctx, capacity: &Capacity) -> Result<BTreeSet<String>, HandlerError> {
    let mut ended = BTreeSet::new();
    for grant in &capacity.grants {
        match ctx.store.head(&grant.ended).await {
            Ok(_) => drop(ended.insert(grant.fleet.clone())),
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(ended)
}
