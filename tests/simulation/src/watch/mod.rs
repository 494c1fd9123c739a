//! The watch: what must hold after every step. It sees every write, every message, every child and every end, keeps of
//! them what its predicates need, and never draws a conclusion for the product. `INVARIANTS` is the list that
//! `docs/semantics.md` explains.

mod ends;
mod items;
mod leases;
mod published;
mod records;

pub use ends::{at_rest, execution_ended, failed, finished, waited};
pub use items::{begun, children, ends, sent};
pub use leases::lease_read;

use crate::line::Actor;
use crate::lock::lock;
use crate::model::{LAKE, STATE};
use crate::objects::Stored;
use crate::shared::Shared;

/// Something was written, or removed, or an attempt at it changed nothing.
pub fn written(shared: &Shared, actor: &Actor, uri: &str, before: Option<&Stored>) {
    let after = lock(&shared.objects).get(uri).cloned();
    let is_same = match (before, &after) {
        (Some(before), Some(after)) => before.etag == after.etag,
        (None, None) => true,
        _ => false,
    };
    lock(&shared.watch).checks += 1;
    let is_stranger = lock(&shared.watch).strangers.contains_key(uri);
    if is_stranger && actor.kind != "user" {
        shared.broken("strangers-untouched", format!("{} wrote or removed {uri}", actor.name));
    }
    if is_same {
        return;
    }
    if uri.starts_with(STATE) {
        records::check(shared, actor, uri, before, after.as_ref());
        leases::check(shared, actor, uri, after.as_ref());
    }
    if uri.starts_with(&format!("{LAKE}/out/")) {
        leases::check(shared, actor, uri, after.as_ref());
        published::check(shared, uri, after.as_ref());
    }
}
