//! What a child left behind that helps to explain its end: the last lines of its output, its outcome file, and
//! whether the kernel ran out of memory meanwhile.

use crate::own_user::is_plain_file;
use crate::state::Outcome;
use spotmill_core::bounds::LOG_TAIL_LINES;
use spotmill_core::item::{ITEM_VERSION, ItemOutcome};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The name of the outcome in its folder.
pub const OUTCOME: &str = "outcome.json";
/// Bytes of the log that are read.
const TAIL_BYTES: u64 = 16 << 10;

/// The last lines of a log, invalid UTF-8 replaced.
pub fn log_tail(path: &Path) -> String {
    File::open(path).and_then(|mut file| tail_of(&mut file)).unwrap_or_default()
}

pub fn tail_of(file: &mut File) -> std::io::Result<String> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n"))
}

/// Bytes of an outcome: the longest list of files has a tenth of it.
const MOST_OUTCOME: u64 = 64 << 20;

/// The outcome that the child left in its folder, its text changed by `renamed`.
pub fn outcome(folder: &Path, renamed: impl Fn(&str) -> String) -> Outcome {
    let at = folder.join(OUTCOME);
    let read = is_plain_file(folder, OUTCOME).and_then(|()| match fs::metadata(&at)?.len() {
        0..=MOST_OUTCOME => fs::read_to_string(&at),
        bytes => Err(std::io::Error::other(format!("{OUTCOME} has {bytes} bytes, and no outcome has {MOST_OUTCOME}"))),
    });
    let text = match read {
        Ok(text) => renamed(&text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Outcome::Absent,
        Err(e) => return Outcome::Unreadable(e.to_string()),
    };
    match serde_json::from_str::<ItemOutcome>(&text) {
        Ok(ItemOutcome::Done(report)) if report.v != ITEM_VERSION => {
            Outcome::Unreadable(format!("version {}, expected {ITEM_VERSION}", report.v))
        }
        Ok(outcome) => Outcome::There(Box::new(outcome)),
        Err(e) => Outcome::Unreadable(e.to_string()),
    }
}

/// How often the kernel has killed for want of memory since it started.
pub fn oom_kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines().find_map(|l| l.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}
