//! How fast a step goes, and when it may be done: of what this process did since the step was planned. An estimate is
//! made of whole items, as the items before took; none is made of less than a few seconds.

use super::format::{count, duration};
use std::time::Instant;

/// Before this an estimate would be a guess.
const SETTLED_MS: u64 = 3_000;

#[derive(Debug)]
pub struct Pace {
    began: Instant,
    todo: u64,
    done: u64,
    rows: u64,
}

impl Pace {
    pub fn new(todo: u32) -> Pace {
        Pace { began: Instant::now(), todo: u64::from(todo), done: 0, rows: 0 }
    }

    pub fn item_done(&mut self, rows: u64) {
        self.done += 1;
        self.rows += rows;
    }

    /// Where items are not reported one by one. Of all items some may have been committed before: what is left of all is
    /// left of those to do.
    pub fn stands_at(&mut self, items: u32, committed: u32) {
        let left = u64::from(items.saturating_sub(committed));
        self.done = self.todo.saturating_sub(left);
    }

    /// ` · about 1:10 left · 31,000 rows/s`; empty where nothing can be said. What may be cut off is last.
    pub fn text(&self) -> String {
        text(self.done, self.todo, self.rows, self.began.elapsed().as_millis() as u64)
    }
}

fn text(done: u64, todo: u64, rows: u64, elapsed_ms: u64) -> String {
    if done == 0 || elapsed_ms < SETTLED_MS {
        return String::new();
    }
    let rate = match rows.saturating_mul(1_000) / elapsed_ms {
        0 => String::new(),
        rate => format!(" · {} rows/s", count(rate)),
    };
    match elapsed_ms.saturating_mul(todo.saturating_sub(done)) / done {
        0 => rate,
        // Tenths of a second would pretend to be exact.
        left => format!(" · about {} left{rate}", duration(left.div_ceil(1_000) * 1_000).replace(".0 s", " s")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, text};

    #[test]
    fn what_was_committed_before_is_not_done_by_this_run() {
        let mut resumed = Pace::new(10);
        for (committed, done) in [(90, 0), (92, 2), (100, 10)] {
            resumed.stands_at(100, committed);
            assert_eq!(resumed.done, done, "{committed} of 100");
        }
        let mut fresh = Pace::new(4);
        fresh.stands_at(4, 3);
        assert_eq!(fresh.done, 3);
    }

    #[test]
    fn an_estimate_is_made_of_what_was_done() {
        assert_eq!(text(0, 10, 0, 60_000), "", "nothing is done yet");
        assert_eq!(text(5, 10, 100, 2_999), "", "too early");
        assert_eq!(text(5, 20, 155_000, 5_000), " · about 15 s left · 31,000 rows/s");
        assert_eq!(text(10, 70, 1, 60_000), " · about 6:00 left", "rows that come slower than one a second");
        assert_eq!(text(10, 10, 40_000, 4_000), " · 10,000 rows/s", "nothing is left");
    }
}
