//! The log of a serving worker: one JSON object a line on standard error, which systemd keeps and the console shows,
//! with the run, step and item of each event.

use spotmill_core::bounds::FIRST_ITEM_SECS;
use spotmill_core::item::RowCounts;
use spotmill_core::records::WorkerSettings;
use spotmill_platform::ports::Identity;
use spotmill_supervisor::{EventSink, ItemId, WorkerEvent};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// `SPOTMILL_LOG` filters; `info` if it is not set.
pub fn start() {
    let filter = EnvFilter::try_from_env("SPOTMILL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).with_env_filter(filter);
    // A program that embeds the worker may have set its own; that one stays.
    let _ = subscriber.try_init();
}

pub fn began(settings: &WorkerSettings, identity: &Identity) {
    let (run, step, fleet) = (&settings.run, &settings.step, &settings.fleet);
    tracing::info!(%run, %step, fleet, id = identity.id, kind = identity.kind, zone = identity.zone, "serving");
}

pub fn sink() -> EventSink {
    Arc::new(|event| write(&event))
}

fn write(event: &WorkerEvent) {
    match event {
        // Twice a second and child: the receipt has the peak.
        WorkerEvent::ChildMemory { .. } => {}
        WorkerEvent::Milestone { what, since_boot_ms } => {
            let budget_ms = FIRST_ITEM_SECS * 1_000;
            tracing::info!(since_boot_ms, budget_ms, "{what}");
        }
        WorkerEvent::Note { message } => tracing::warn!(message),
        WorkerEvent::MessageDropped { why } => tracing::warn!(why, "message dropped"),
        WorkerEvent::ItemStarted { id, pid, .. } => about(id, "started", &format!("process {pid}")),
        WorkerEvent::ItemDone { id, rows: RowCounts { read, rejected, written, .. }, .. } => {
            about(id, "done", &format!("{read} rows read, {rejected} rejected, {written} written"));
        }
        WorkerEvent::ItemCommittedByAnother { id } => about(id, "committed by another", ""),
        WorkerEvent::ItemFailed { id, message, .. } => about(id, "failed", message),
        WorkerEvent::ItemNeedsMemory { id, message, .. } => about(id, "needs memory", message),
        WorkerEvent::ItemLost { id, message } => about(id, "handed back", message),
    }
}

fn about(id: &ItemId, what: &str, text: &str) {
    let ItemId { run, step, generation, item, attempt } = id;
    tracing::info!(%run, %step, generation, item, %attempt, told = text, "{what}");
}
