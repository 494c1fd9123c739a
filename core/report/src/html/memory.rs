//! Memory against limit: for each step how many attempts came how near to what they may take.

use super::rectangle;
use crate::model::{Attempt, Report};
use crate::words::{bytes, count};
use serde::Serialize;

/// Parts of the limit, from 0 to 120 percent of it.
const PARTS: usize = 60;
const MOST: f64 = 1.2;
const HEIGHT: f64 = 30.0;
const WIDTH: f64 = 1_000.0;

#[derive(Serialize)]
pub struct Memory {
    pub step: String,
    pub path: String,
    pub text: String,
}

/// Steps of which the memory of any attempt is on record.
pub fn of(report: &Report) -> Vec<Memory> {
    let measured = |step: &str| -> Vec<&Attempt> {
        let own = report.attempts.iter().filter(|attempt| attempt.step == step);
        own.filter(|attempt| attempt.peak_bytes > 0 && attempt.limit_bytes > 0).collect()
    };
    let steps = report.steps.iter().map(|step| (step.step.clone(), measured(&step.step)));
    steps.filter_map(|(step, attempts)| memory(step, &attempts)).collect()
}

fn memory(step: String, attempts: &[&Attempt]) -> Option<Memory> {
    let share = |attempt: &Attempt| attempt.peak_bytes as f64 / attempt.limit_bytes as f64;
    let most = attempts.iter().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    let mut parts = [0_u32; PARTS];
    for attempt in attempts {
        let part = (share(attempt) / MOST * PARTS as f64) as usize;
        parts[part.min(PARTS - 1)] += 1;
    }
    let highest = f64::from(parts.iter().copied().max().unwrap_or(1).max(1)).ln_1p();
    let width = WIDTH / PARTS as f64;
    let drawn = parts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(part, n)| {
        let height = (f64::from(*n).ln_1p() / highest * HEIGHT).max(3.0);
        rectangle(part as f64 * width, HEIGHT - height, width - 1.0, height)
    });
    Some(Memory {
        step,
        path: drawn.collect(),
        text: format!(
            "{}; the most was {} of {} ({:.0} %), by item {}",
            count(attempts.len() as u64, "attempt"),
            bytes(most.peak_bytes),
            bytes(most.limit_bytes),
            share(most) * 100.0,
            most.item
        ),
    })
}
