//! Converts a supervisor's events to events for the user.

use crate::event::Event;
use crate::ui::Ui;
use spotmill_supervisor::events::{EventSink, WorkerEvent};
use std::sync::Arc;

pub fn sink(ui: Arc<Ui>) -> EventSink {
    Arc::new(move |event| {
        if let Some(event) = event_of(event) {
            ui.emit(&event);
        }
    })
}

fn event_of(event: WorkerEvent) -> Option<Event> {
    Some(match event {
        WorkerEvent::ItemStarted { id, .. } => {
            Event::ItemStarted { step: id.step.0, item: id.item, attempt: id.attempt.0 }
        }
        WorkerEvent::ItemDone { id, rows, usage, .. } => Event::ItemDone {
            step: id.step.0,
            item: id.item,
            rows,
            peak_bytes: usage.peak_bytes,
            wall_ms: usage.wall_ms,
        },
        WorkerEvent::ItemFailed { id, class, message, retry_in_ms, .. } => Event::ItemFailed {
            step: id.step.0,
            item: id.item,
            class: class_name(class),
            message,
            retry: retry_in_ms.is_some(),
            retry_in_ms,
        },
        WorkerEvent::ItemNeedsMemory { id, message, .. } => Event::ItemFailed {
            step: id.step.0,
            item: id.item,
            class: "memory".into(),
            message,
            retry: true,
            retry_in_ms: None,
        },
        WorkerEvent::ItemLost { id, message } => {
            Event::note(format!("  {} item {} handed back: {message}", id.step, id.item))
        }
        WorkerEvent::Note { message } | WorkerEvent::MessageDropped { why: message } => {
            Event::note(format!("  {message}"))
        }
        WorkerEvent::ItemCommittedByAnother { .. }
        | WorkerEvent::ChildMemory { .. }
        | WorkerEvent::Milestone { .. } => {
            return None;
        }
    })
}

/// The class as records and `--json` spell it.
pub fn class_name(class: spotmill_core::item::FailureClass) -> String {
    serde_json::to_value(class).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
