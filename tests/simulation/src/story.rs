//! What happened, line by line: who did what, when. The same seed tells the same story to the byte.

use spotmill_core::digest::short;

#[derive(Default)]
pub struct Story {
    lines: Vec<String>,
}

impl Story {
    pub fn tell(&mut self, at_ms: u64, who: &str, what: &str) {
        self.lines.push(format!("{} {who}: {what}", moment(at_ms)));
    }

    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Names the whole of it.
    pub fn digest(&self) -> String {
        short(self.lines.join("\n").as_bytes(), 16)
    }
}

/// `2d 03:04:05.678` since the beginning.
pub fn moment(ms: u64) -> String {
    let secs = ms / 1_000;
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    format!("{days}d {hours:02}:{minutes:02}:{:02}.{:03}", secs % 60, ms % 1_000)
}
