//! What the time of a test in the local AWS goes into, by name: deploys, runs that are waited for, machines that have to
//! be gone, the AWS command line. Parts may contain each other: waiting for a clean-up calls the command line as well.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Spent {
    parts: Mutex<BTreeMap<&'static str, (u32, Duration)>>,
}

/// Counts until it is dropped.
pub struct Part<'a> {
    spent: &'a Spent,
    name: &'static str,
    began: Instant,
}

impl Spent {
    pub fn on(&self, name: &'static str) -> Part<'_> {
        Part { spent: self, name, began: Instant::now() }
    }

    /// What was spent since it was last asked: `deploys 2 × 4.1 s, runs 1 × 21.0 s`.
    pub fn take(&self) -> String {
        let parts = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut text = String::new();
        for (name, (times, long)) in parts {
            let between = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{between}{name} {times} × {:.1} s", long.as_secs_f64() / f64::from(times.max(1)));
        }
        text
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut parts = self.spent.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, long) = parts.entry(self.name).or_default();
        (*times, *long) = (*times + 1, *long + self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_and_reported_once() {
        let spent = Spent::default();
        drop(spent.on("runs"));
        drop(spent.on("runs"));
        drop(spent.on("aws"));
        assert_eq!(spent.take(), "aws 1 × 0.0 s, runs 2 × 0.0 s");
        assert_eq!(spent.take(), "");
    }
}
