//! What has been reported already: an item that fails the same way again is not reported in full again.

use std::collections::BTreeMap;

#[derive(Default)]
pub struct Repeats {
    failures: BTreeMap<(String, u32), String>,
}

impl Repeats {
    /// A failed attempt in a line.
    pub fn failure(&mut self, step: &str, item: u32, class: &str, message: &str) -> String {
        let class = class.replace('_', " ");
        let before = self.failures.insert((step.to_owned(), item), message.to_owned());
        match before.as_deref() == Some(message) {
            true => format!("{step} item {item} failed again ({class}), as before"),
            false => format!("{step} item {item} failed ({class}): {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Repeats;

    #[test]
    fn the_same_failure_is_reported_once() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.failure("copy", 1, "bad_data", "line 2"), "copy item 1 failed (bad data): line 2");
        assert_eq!(repeats.failure("copy", 1, "bad_data", "line 2"), "copy item 1 failed again (bad data), as before");
        assert!(repeats.failure("copy", 2, "bad_data", "line 2").ends_with("line 2"), "of another item");
        assert!(repeats.failure("copy", 1, "crash", "signal 9").ends_with("signal 9"));
    }
}
