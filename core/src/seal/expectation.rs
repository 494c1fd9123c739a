//! The names of expectations and the sentences about those that do not hold: written into warnings and causes, and read back
//! from them by whoever says which of a step's expectations held.

use crate::format::{count, number};

pub fn not_null(column: &str) -> String {
    format!("not_null({column})")
}

pub fn unique(columns: &[String]) -> String {
    format!("unique({})", columns.join(", "))
}

pub fn check(condition: &str) -> String {
    format!("check({condition})")
}

/// What a sentence about an unmet expectation begins with.
fn unmet(name: &str) -> String {
    format!("{name} does not hold for ")
}

pub fn describe_unmet(name: &str, rows: u64) -> String {
    unmet(name) + &count(rows, "row")
}

/// Whether one of these sentences is about the expectation.
pub fn is_unmet(sentences: &[String], name: &str) -> bool {
    sentences.iter().any(|sentence| sentence.contains(&unmet(name)))
}

fn least_rows(least: u64) -> String {
    format!(" written, of at least {} expected", number(least))
}

pub fn describe_too_few(written: u64, least: u64) -> String {
    count(written, "row") + &least_rows(least)
}

pub fn is_too_few(sentences: &[String], least: u64) -> bool {
    sentences.iter().any(|sentence| sentence.contains(&least_rows(least)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let sentences = [describe_unmet(&not_null("k"), 2), format!("step `a`: {}", describe_too_few(3, 1_000))];
        assert_eq!(sentences[0], "not_null(k) does not hold for 2 rows");
        assert!(is_unmet(&sentences, "not_null(k)") && !is_unmet(&sentences, "not_null(v)"));
        assert!(is_too_few(&sentences, 1_000) && !is_too_few(&sentences, 100));
    }
}
