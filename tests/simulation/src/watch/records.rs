//! Records of a run: a receipt is written once, a failure that counts is one that the seed wanted, a seal adds up.

use crate::line::Actor;
use crate::lock::lock;
use crate::model::STATE;
use crate::objects::Stored;
use crate::shared::Shared;
use crate::watched::ItemKey;
use spotmill_core::bundle;
use spotmill_core::item::{FailureClass, RowCounts};
use spotmill_core::records::{FailureRecord, Receipt, Seal};
use spotmill_core::verdict::counted;

pub fn check(shared: &Shared, actor: &Actor, uri: &str, before: Option<&Stored>, after: Option<&Stored>) {
    if uri.contains("/receipts/") {
        return receipt(shared, actor, uri, before, after);
    }
    let Some(after) = after else { return };
    if uri.contains("/failures/") {
        failure(shared, actor, uri, after);
    } else if uri.ends_with("/sealed.json") {
        seal(shared, actor, uri, after);
    }
}

fn receipt(shared: &Shared, actor: &Actor, uri: &str, before: Option<&Stored>, after: Option<&Stored>) {
    lock(&shared.watch).checks += 1;
    if before.is_some() {
        let what = if after.is_some() { "replaced" } else { "removed" };
        return shared.broken("one-receipt", format!("{} {what} {uri}", actor.name));
    }
    let Some(receipt) = after.and_then(|stored| serde_json::from_slice::<Receipt>(&stored.body).ok()) else {
        return shared.broken("records-are-sound", format!("{} wrote {uri}, which cannot be read", actor.name));
    };
    if lock(&shared.watch).items.stale.contains(receipt.attempt.as_str()) {
        let what = format!("{} committed {uri}, of which an input had changed before its child ended", actor.name);
        shared.broken("inputs-as-pinned", what);
    }
    let missing = {
        let objects = lock(&shared.objects);
        let there = |path: &str| objects.get(receipt.scratch.join(path).as_str()).map(|found| found.body.len() as u64);
        bundle::objects(&receipt.files, None).map(|all| {
            all.into_iter().find(|(path, bytes)| there(path) != Some(*bytes)).map(|(path, _)| path.to_owned())
        })
    };
    if let Some(why) = receipt.rows.contradiction(&receipt.files) {
        shared.broken("rows-add-up", format!("{uri} {why}"));
    }
    let missing = match missing {
        Ok(missing) => missing,
        Err(why) => return shared.broken("rows-add-up", format!("{uri} {why}")),
    };
    if let Some(path) = missing.filter(|_| !lock(&shared.watch).has_expired) {
        shared.broken("rows-add-up", format!("{uri} names {path}, which is not there as it says"));
    }
}

fn failure(shared: &Shared, actor: &Actor, uri: &str, after: &Stored) {
    let Ok(record) = serde_json::from_slice::<FailureRecord>(&after.body) else { return };
    let Some(key) = item_of(uri, record.item) else { return };
    let mut watch = lock(&shared.watch);
    watch.checks += 1;
    if record.class == FailureClass::InputChanged {
        watch.items.changed(key.clone());
    }
    let wanted = watch.items.script(&key).is_some_and(|script| script.is_bad || script.is_flaky);
    let changed =
        record.class == FailureClass::InputChanged && watch.inputs_changed.iter().any(|d| key.0.ends_with(d.as_str()));
    drop(watch);
    if counted(record.class) && !wanted && !changed {
        let what = format!(
            "{} counts {:?} against item {}, which was never to fail: {}",
            actor.name, record.class, record.item, record.message
        );
        shared.broken("lost-is-not-failed", what);
    }
}

fn seal(shared: &Shared, actor: &Actor, uri: &str, after: &Stored) {
    let Ok(seal) = serde_json::from_slice::<Seal>(&after.body) else {
        return shared.broken("records-are-sound", format!("{} wrote {uri}, which cannot be read", actor.name));
    };
    let (mut sum, mut found) = (RowCounts::default(), 0);
    {
        let objects = lock(&shared.objects);
        let below = format!("{}/receipts/", uri.trim_end_matches("/sealed.json"));
        for (_, stored) in objects.below(&below) {
            if let Ok(receipt) = serde_json::from_slice::<Receipt>(&stored.body) {
                sum += receipt.rows;
                found += 1;
            }
        }
    }
    lock(&shared.watch).checks += 1;
    if sum != seal.rows {
        shared.broken("rows-add-up", format!("{uri} says {:?}; its {found} receipts say {sum:?}", seal.rows));
    }
}

/// `…/runs/p/DATE/STEP/gN/eN/failures/…`
fn item_of(uri: &str, item: u32) -> Option<ItemKey> {
    let parts: Vec<&str> = uri.strip_prefix(STATE)?.strip_prefix("/runs/")?.split('/').collect();
    let generation = parts.get(3)?.strip_prefix('g')?.parse().ok()?;
    Some((format!("{}/{}", parts[0], parts[1]), parts[2].to_owned(), generation, item))
}
