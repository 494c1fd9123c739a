//! Removes everything under the state root that pipelines of certain names have: for a program that made them for itself and
//! has ended what ran of them. Records of what a start runs go first, so that nothing new begins; what is left by a kill on the
//! way is found by the next call.

use crate::several::several;
use crate::update::{Change, update};
use crate::{Ctx, HandlerError, page};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_platform::ports::ObjectMeta;
use spotmill_report::Ends;

/// What there is of pipelines whose names begin so.
pub async fn left(ctx: &Ctx, prefix: &str) -> Result<Vec<Uri>, HandlerError> {
    let mut all: Vec<ObjectMeta> = Vec::new();
    for place in keys::all_of_pipelines(&ctx.root, prefix) {
        all.extend(ctx.store.list(&place).await?);
    }
    Ok(all.into_iter().map(|object| object.uri).collect())
}

/// Removes it, and their lines in the list of the last runs; returns how many objects.
pub async fn pipelines(ctx: &Ctx, prefix: &str) -> Result<usize, HandlerError> {
    let removed = remove(ctx, left(ctx, prefix).await?).await?;
    unlist(ctx, prefix).await?;
    Ok(removed)
}

pub async fn remove(ctx: &Ctx, uris: Vec<Uri>) -> Result<usize, HandlerError> {
    let removed = several(ctx.settings.parallel, uris, |uri| {
        let store = ctx.store.clone();
        async move { store.delete(&uri).await.map_err(HandlerError::from) }
    })
    .await?;
    Ok(removed.len())
}

async fn unlist(ctx: &Ctx, prefix: &str) -> Result<(), HandlerError> {
    let is_one = |name: &str| name.starts_with(prefix);
    let ends = update(ctx, &keys::ends(&ctx.root), |old: Option<Ends>| {
        let new = old.clone().unwrap_or_default().without(is_one);
        let is_same = old.is_none() || old.as_ref() == Some(&new);
        async move {
            Ok(match is_same {
                true => Change::Keep(None),
                false => Change::Write(new.clone(), Some(new)),
            })
        }
    })
    .await?;
    match ends {
        Some(ends) => page::write_index(ctx, &ends).await,
        None => Ok(()),
    }
}
