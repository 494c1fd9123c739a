//! What a run reports to the user: events, and their renderers. Progress goes to stderr; only `--json` events
//! and results go to stdout.

mod bars;
pub mod fit;
pub mod format;
mod pace;
mod plain;
mod repeats;

use serde::Serialize;
use std::io::Write;
use std::sync::Mutex;

/// One thing that happened. With `--json` each is a line, with `v` and `event`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        run: String,
        slots: u32,
        steps: Vec<String>,
    },
    /// A run that goes on elsewhere, whether it is watched or not.
    RunFollowed {
        run: String,
        place: String,
        steps: Vec<String>,
    },
    StepPlanned {
        run: String,
        step: String,
        generation: u32,
        items: u32,
        todo: u32,
        /// Why something is done again.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    ItemStarted {
        step: String,
        item: u32,
        attempt: String,
    },
    ItemDone {
        step: String,
        item: u32,
        rows_read: u64,
        rows_rejected: u64,
        rows_written: u64,
        peak_bytes: u64,
        wall_ms: u64,
    },
    ItemFailed {
        step: String,
        item: u32,
        class: String,
        message: String,
        retry: bool,
        /// How soon, where that is decided.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// Items committed so far, where they are not reported one by one.
    StepProgress {
        step: String,
        items: u32,
        committed: u32,
    },
    StepSealed {
        step: String,
        rows_read: u64,
        rows_rejected: u64,
        rows_written: u64,
        wall_ms: u64,
    },
    StepFailed {
        step: String,
        error: String,
    },
    Note {
        message: String,
    },
    RunEnded(Box<RunEnded>),
}

#[derive(Clone, Debug, Serialize)]
pub struct RunEnded {
    pub run: String,
    /// `succeeded`, `warned`, `failed`, `interrupted`.
    pub outcome: String,
    /// All was complete and published before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nothing_to_do: bool,
    /// It was refused before anything was begun: the run's records are unchanged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    pub wall_ms: u64,
    pub steps: Vec<StepSummary>,
    pub published: Vec<Published>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct StepSummary {
    pub step: String,
    pub generation: u32,
    pub items: u32,
    /// With a receipt, from now or from before.
    pub committed: u32,
    pub rows_read: u64,
    pub rows_rejected: u64,
    pub rows_written: u64,
    pub peak_bytes: u64,
    pub warnings: Vec<String>,
    /// Inputs that changed, a publication that a later one replaced: worth reporting, and no error.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Published {
    pub step: String,
    pub destination: String,
    pub files: Vec<String>,
    pub rows: u64,
}

/// Renders events; shared by everything that emits them.
pub struct Ui {
    renderer: Renderer,
}

enum Renderer {
    Quiet,
    Json(Mutex<std::io::Stdout>),
    Plain(plain::Plain),
    Bars(bars::Bars),
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl Ui {
    pub fn new(json: bool, quiet: bool) -> Self {
        let renderer = if json {
            Renderer::Json(Mutex::new(std::io::stdout()))
        } else if quiet {
            Renderer::Quiet
        } else if rustix::termios::isatty(std::io::stderr()) {
            Renderer::Bars(bars::Bars::default())
        } else {
            Renderer::Plain(plain::Plain::default())
        };
        Self { renderer }
    }

    pub fn emit(&self, event: &Event) {
        match &self.renderer {
            Renderer::Quiet => {}
            Renderer::Json(out) => {
                let mut out = out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Ok(line) = serde_json::to_string(&Line { v: 1, event }) {
                    // A reader that went away must not end the run.
                    let _ = writeln!(out, "{line}");
                }
            }
            Renderer::Plain(plain) => plain.render(event),
            Renderer::Bars(bars) => bars.render(event),
        }
    }

    /// A remark that must not tear the bars.
    pub fn note(&self, message: impl Into<String>) {
        self.emit(&Event::Note { message: message.into() });
    }
}
