//! Leases: epochs rise, and whoever has lost a run writes nothing of it any more.

use crate::line::Actor;
use crate::lock::lock;
use crate::model::{LAKE, STATE};
use crate::objects::Stored;
use crate::shared::Shared;
use spotmill_core::records::Lease;
use std::collections::BTreeSet;

/// A function looked at the lease of a run.
pub fn lease_read(actor: &Actor, body: &[u8]) {
    if let Ok(lease) = serde_json::from_slice::<Lease>(body) {
        actor.reads_owner(lease.owner.as_ref().map(|owner| owner.as_str()));
    }
}

/// Records that are read by others, of which only the owner of the run may write a new version.
const OWNERS_ONLY: [&str; 4] = ["plan.json", "tables.json", "sealed.json", "manifest.json"];

pub fn check(shared: &Shared, actor: &Actor, uri: &str, after: Option<&Stored>) {
    if let Some(run) = run_of_lease(uri) {
        return changed(shared, &run, after);
    }
    let name = uri.rsplit('/').next().unwrap_or(uri);
    let is_data = uri.starts_with(LAKE) && !uri.contains("/columns-");
    if !is_data && !OWNERS_ONLY.contains(&name) {
        return;
    }
    let (Some(root), Some(run)) = (&actor.root, run_of(uri)) else { return };
    let mut watch = lock(&shared.watch);
    watch.checks += 1;
    let owners = watch.leases.owners.get(&run).cloned().unwrap_or_default();
    drop(watch);
    // It held the run at some moment since it was called.
    let spans = owners.iter().enumerate().map(|(at, (_, owner))| (owner, owners.get(at + 1).map(|next| next.0)));
    let mut held =
        spans.filter(|(owner, until)| owner.as_ref() == Some(root) && until.is_none_or(|end| end > actor.began_ms));
    if actor.has_lost() || held.next().is_none() {
        shared.broken("fenced-is-silent", format!("{} wrote {uri} for {root}, which had lost {run}", actor.name));
    }
}

fn changed(shared: &Shared, run: &str, after: Option<&Stored>) {
    let lease = after.and_then(|stored| serde_json::from_slice::<Lease>(&stored.body).ok());
    let Some(lease) = lease else {
        return shared.broken("records-are-sound", format!("the lease of {run} is gone or cannot be read"));
    };
    let stood: BTreeSet<String> = {
        let objects = lock(&shared.objects);
        let below = format!("{STATE}/runs/{run}/");
        objects.below(&below).map(|(uri, _)| uri.clone()).filter(|uri| uri.contains("/receipts/")).collect()
    };
    let owner = lease.owner.as_ref().map(|owner| owner.to_string());
    let at_ms = shared.elapsed_ms();
    let mut watch = lock(&shared.watch);
    watch.checks += 1;
    let owners = watch.leases.owners.entry(run.to_owned()).or_default();
    let before = owners.last().and_then(|(_, owner)| owner.clone());
    if owners.last().is_none_or(|(_, last)| *last != owner) {
        owners.push((at_ms, owner.clone()));
    }
    let last = watch.leases.epochs.insert(run.to_owned(), lease.epoch).unwrap_or(0);
    let execution = lease.execution.as_ref().map(|execution| execution.to_string()).unwrap_or_default();
    let of_before = watch.leases.executions.insert(run.to_owned(), execution.clone()).unwrap_or_default();
    let is_shared = !of_before.is_empty() && of_before != execution && lease.epoch == last;
    let is_robbed = before.as_ref().is_some_and(|holder| !watch.leases.ended.contains(holder));
    if lease.epoch > last {
        watch.items.stood.insert((run.to_owned(), lease.epoch), stood);
    }
    drop(watch);
    let is_taken = owner.is_some() && owner != before;
    if let Some(holder) = before.as_ref().filter(|_| is_taken && is_robbed) {
        shared.broken("taken-from-the-ended", format!("{owner:?} took {run} from {holder}, which runs"));
    }
    if lease.epoch < last || (is_taken || is_shared) && lease.epoch == last {
        shared.broken(
            "epochs-rise",
            format!("the lease of {run} went from epoch {last} to {} of {owner:?}", lease.epoch),
        );
    }
}

fn run_of_lease(uri: &str) -> Option<String> {
    let run = uri.strip_prefix(STATE)?.strip_prefix("/runs/")?.strip_suffix("/lease.json")?;
    Some(run.to_owned())
}

/// The run that a record or a published file is of.
fn run_of(uri: &str) -> Option<String> {
    if let Some(rest) = uri.strip_prefix(&format!("{STATE}/runs/")) {
        return Some(rest.split('/').take(2).collect::<Vec<_>>().join("/"));
    }
    let date = uri.split("/date=").nth(1)?.split('/').next()?;
    Some(format!("{}/{date}", crate::model::PIPELINE))
}
