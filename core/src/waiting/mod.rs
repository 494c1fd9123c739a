//! Is the input of a run there, is it waited for, or is it late? Decided from what lies there, from what earlier runs read
//! and from two moments: of the first check, and now. What is there counts as ready even after its time; what follows for
//! the run is the strictest answer of its steps.

mod sentence;

pub use sentence::{cause, clock};

use crate::bounds::{CHECK_SECS, LEAST_CHECKS, MAX_CHECKS};
use crate::history::median;
use crate::ids::{ExecutionId, StepName};
use crate::model::{FileCount, LeastBytes, OnLate, WaitFor};
use crate::records::{AfterCheck, InputState, InputWait, StepWait};
use sentence::sentence;

/// What lies at an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether there is what `exists` names; of no meaning without `exists`.
    pub marker: bool,
    pub files: u64,
    pub bytes: u64,
    /// When the newest file was written.
    pub newest_ms: Option<u64>,
}

/// A step, and its input as it was found.
pub struct Checked<'a> {
    pub step: StepName,
    /// With its paths expanded.
    pub wait: &'a WaitFor,
    pub found: Found,
    /// Bytes that the last runs read, oldest first, without this one.
    pub past: &'a [u64],
}

/// What follows a check for the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub next: AfterCheck,
    pub steps: Vec<StepWait>,
    /// Seconds until the next check; 0 where none follows.
    pub pause_secs: u64,
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq)]
enum Lack {
    Marker,
    Files,
    /// As many are to be there.
    Bytes(u64),
    /// It has been quiet for so many seconds.
    Quiet(u64),
}

/// The moment from which a wait counts: that of an execution outlives its redrives, and one that nothing has ended goes on
/// under the next execution.
pub fn first_check(before: Option<&InputWait>, root: &ExecutionId, now_ms: u64) -> u64 {
    let goes_on = |wait: &&InputWait| wait.root == *root || wait.next == AfterCheck::Wait;
    before.filter(goes_on).map_or(now_ms, |wait| wait.first_ms.min(now_ms))
}

pub fn judge(all: &[Checked<'_>], first_ms: u64, now_ms: u64) -> Judged {
    let mut judged = Judged { next: AfterCheck::Go, steps: Vec::new(), pause_secs: 0 };
    let mut pauses = Vec::new();
    for checked in all {
        let lacks = lacks(checked, now_ms);
        let due_ms = first_ms.saturating_add(checked.wait.up_to_secs.saturating_mul(1000));
        let state = match (lacks.is_empty(), now_ms >= due_ms) {
            (true, _) => InputState::Ready,
            (false, false) => InputState::Waiting,
            (false, true) => InputState::Late,
        };
        if state == InputState::Waiting {
            pauses.push(pause(checked, &lacks, due_ms, now_ms));
        }
        judged.steps.push(StepWait {
            step: checked.step.clone(),
            state,
            text: sentence(checked, &lacks, now_ms),
            up_to_secs: checked.wait.up_to_secs,
            due_ms,
            on_late: checked.wait.on_late,
        });
    }
    judged.next = next(&judged.steps);
    if judged.next == AfterCheck::Wait {
        judged.pause_secs = pauses.into_iter().min().unwrap_or(CHECK_SECS);
    }
    judged
}

/// The strictest of all steps: one that is late ends the run, whatever others still wait for.
fn next(steps: &[StepWait]) -> AfterCheck {
    let late = |on_late| steps.iter().any(|s| s.state == InputState::Late && s.on_late == on_late);
    if late(OnLate::Fail) {
        AfterCheck::Late
    } else if late(OnLate::Skip) {
        AfterCheck::Skip
    } else if steps.iter().any(|s| s.state == InputState::Waiting) {
        AfterCheck::Wait
    } else {
        AfterCheck::Go
    }
}

/// In the order in which they are described.
fn lacks(checked: &Checked<'_>, now_ms: u64) -> Vec<Lack> {
    let (wait, found) = (checked.wait, &checked.found);
    let mut lacks = Vec::new();
    let enough = match wait.files {
        None => true,
        Some(FileCount::Min(least)) => found.files >= least,
        Some(FileCount::Exactly(number)) => found.files == number,
    };
    if !enough {
        lacks.push(Lack::Files);
    }
    if wait.exists.is_some() && !found.marker {
        lacks.push(Lack::Marker);
    }
    let least = least_bytes(wait, checked.past);
    lacks.extend(least.filter(|least| found.bytes < *least).map(Lack::Bytes));
    if let Some(quiet_secs) = wait.quiet_secs {
        lacks.extend(noise(wait, found, quiet_secs, now_ms));
    }
    lacks
}

/// Where nothing lies, nothing is quiet: somebody may be about to begin, unless what `exists` names says otherwise.
fn noise(wait: &WaitFor, found: &Found, quiet_secs: u64, now_ms: u64) -> Option<Lack> {
    let Some(newest_ms) = found.newest_ms else {
        return (wait.exists.is_none()).then_some(Lack::Quiet(0));
    };
    let quiet_ms = now_ms.saturating_sub(newest_ms);
    (quiet_ms < quiet_secs.saturating_mul(1000)).then_some(Lack::Quiet(quiet_ms / 1000))
}

/// The runs that an input is compared with: none where there is no history, and then the condition holds.
fn compared(past: &[u64], runs: u32) -> &[u64] {
    &past[past.len().saturating_sub(runs as usize)..]
}

fn least_bytes(wait: &WaitFor, past: &[u64]) -> Option<u64> {
    match wait.bytes? {
        LeastBytes::Absolute(bytes) => Some(bytes),
        LeastBytes::OfMedian { share, runs } => {
            let middle = median(compared(past, runs).iter().map(|bytes| *bytes as f64))?;
            Some((middle * share).ceil() as u64)
        }
    }
}

/// Every five minutes, more often where the time is short, less often where it is long; at the moment at which it may be
/// quiet, if that is all it lacks; and never past the moment from which it is late.
fn pause(checked: &Checked<'_>, lacks: &[Lack], due_ms: u64, now_ms: u64) -> u64 {
    let wait = checked.wait;
    let least = wait.up_to_secs.div_ceil(MAX_CHECKS).max(1);
    let left = due_ms.saturating_sub(now_ms).div_ceil(1000).max(1);
    let wanted = match (lacks, wait.quiet_secs) {
        ([Lack::Quiet(secs)], Some(quiet_secs)) if checked.found.newest_ms.is_some() => {
            quiet_secs.saturating_sub(*secs)
        }
        _ => CHECK_SECS.min(wait.up_to_secs / LEAST_CHECKS),
    };
    wanted.max(least).min(left)
}
