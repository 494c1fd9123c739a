//! Renders what a run reports to the user. Progress goes to stderr; only `--json` events
//! and results go to stdout.

mod bars;
pub mod fit;
pub mod format;
mod pace;
mod plain;
mod repeats;

use crate::event::Event;
use spotmill_core::records::AfterCheck;

/// `  waiting for input: read: 21 of 24 files, last 04:51 UTC (next check in 5 min)`.
fn awaited(next: AfterCheck, message: &str, pause_secs: u64) -> String {
    match next {
        AfterCheck::Wait if pause_secs > 0 => {
            let pause = spotmill_core::format::duration(pause_secs);
            format!("  waiting for input: {message} (next check in {pause})")
        }
        AfterCheck::Wait => format!("  waiting for input: {message}"),
        AfterCheck::Skip => format!("  input is late: {message}; nothing is run"),
        AfterCheck::Go | AfterCheck::Late => format!("  input is late: {message}; going on with what is there"),
    }
}

/// Renders events; shared by everything that emits them.
pub struct Ui {
    renderer: Renderer,
}

enum Renderer {
    Quiet,
    Json,
    Plain(plain::Plain),
    Bars(bars::Bars),
}

impl Ui {
    pub fn new(json: bool, quiet: bool) -> Self {
        let renderer = if json {
            Renderer::Json
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
            Renderer::Json => event.print(),
            Renderer::Plain(plain) => plain.render(event),
            Renderer::Bars(bars) => bars.render(event),
        }
    }

    /// A remark that must not tear the bars.
    pub fn note(&self, message: impl Into<String>) {
        self.emit(&Event::note(message));
    }
}
