//! How an input stands, as a sentence: what is there, and of what it is too little.

use super::{Checked, Lack, compared};
use crate::command::Command;
use crate::format::{bytes_of, count, duration};
use crate::ids::RunId;
use crate::model::{FileCount, LeastBytes};
use crate::records::{AfterCheck, InputState, InputWait};

const DAY_MS: u64 = 86_400_000;

/// `21 of 24 files, last 04:51 UTC; in/_SUCCESS is not there`.
pub fn sentence(checked: &Checked<'_>, lacks: &[Lack], now_ms: u64) -> String {
    let found = &checked.found;
    let mut text = files(checked, lacks.contains(&Lack::Files));
    if let Some(newest_ms) = found.newest_ms {
        text.push_str(&format!(", last {}", clock(newest_ms, now_ms)));
    }
    for lack in lacks {
        match lack {
            Lack::Files => {}
            Lack::Marker => {
                text.push_str(&format!("; {} is not there", checked.wait.exists.as_deref().unwrap_or_default()));
            }
            Lack::Bytes(least) => {
                text.push_str(&format!("; {} of {}", bytes_of(found.bytes), bytes_of(*least)));
                if let Some(LeastBytes::OfMedian { share, runs }) = checked.wait.bytes {
                    let percent = (share * 1000.0).round() / 10.0;
                    let runs = count(compared(checked.past, runs).len() as u64, "run");
                    text.push_str(&format!(", {percent}% of the median of {runs}"));
                }
            }
            Lack::Quiet(secs) => {
                let quiet = duration(checked.wait.quiet_secs.unwrap_or_default());
                text.push_str(&format!("; quiet for {} of {quiet}", duration(*secs)));
            }
        }
    }
    text.push_str(&comparison(checked));
    text
}

fn files(checked: &Checked<'_>, lacking: bool) -> String {
    let there = checked.found.files;
    match checked.wait.files.filter(|_| lacking) {
        Some(FileCount::Exactly(number)) if there > number => {
            format!("{}, of exactly {number}", count(there, "file"))
        }
        Some(FileCount::Min(number) | FileCount::Exactly(number)) => format!("{there} of {}", count(number, "file")),
        None if there == 0 => "no file".to_owned(),
        None => count(there, "file"),
    }
}

/// What a person has to know of a comparison with fewer runs than were asked for.
fn comparison(checked: &Checked<'_>) -> String {
    let Some(LeastBytes::OfMedian { runs, .. }) = checked.wait.bytes else { return String::new() };
    match compared(checked.past, runs).len() {
        0 => "; no earlier run to compare its bytes with, so they count as enough".to_owned(),
        there if there < runs as usize => {
            format!("; its bytes are compared with {}, of {runs} asked for", count(there as u64, "earlier run"))
        }
        _ => String::new(),
    }
}

/// `04:51 UTC`, or `04:51 UTC, 2 days ago`.
pub fn clock(ms: u64, now_ms: u64) -> String {
    let minutes = ms % DAY_MS / 60_000;
    let time = format!("{:02}:{:02} UTC", minutes / 60, minutes % 60);
    match (now_ms.saturating_sub(ms) / DAY_MS, ms.saturating_sub(now_ms) / DAY_MS) {
        (0, 0) => time,
        (0, days) => format!("{time}, in {}", count(days, "day")),
        (days, _) => format!("{time}, {} ago", count(days, "day")),
    }
}

/// Why a run ends before it began, or what it does without its whole input.
pub fn cause(run: &RunId, wait: &InputWait, again: &Command) -> String {
    let (text, now_ms) = (wait.text(), wait.checked_ms);
    let due = |state| wait.steps.iter().filter(move |s| s.state == state).map(|s| s.due_ms);
    match wait.next {
        AfterCheck::Late => {
            let since = clock(wait.first_ms, now_ms);
            let after = due(InputState::Late).min().unwrap_or(now_ms).saturating_sub(wait.first_ms);
            let after = duration(after / 1000);
            format!(
                "the input of {run} is late: {text}. It was waited for since {since}, for {after}. Nothing was launched, \
                 and nothing failed. Again: `{again}`."
            )
        }
        AfterCheck::Wait => {
            let until = clock(due(InputState::Waiting).min().unwrap_or(now_ms), now_ms);
            format!("{run} waits for input: {text}. It is late at {until}. Nothing was launched. Again: `{again}`.")
        }
        AfterCheck::Skip => format!("the input of {run} is late: {text}. Nothing is run and nothing published for it."),
        AfterCheck::Go => format!("the input of {run} is late: {text}. The run goes on with what is there."),
    }
}
