//! Renders what a run reports to the user. Progress goes to stderr; only `--json` events
//! and results go to stdout.

mod bars;
pub mod fit;
pub mod format;
mod pace;
mod plain;
mod repeats;

use crate::event::Event;

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
