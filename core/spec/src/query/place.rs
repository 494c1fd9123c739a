//! From a place in the SQL that the engine ran to the place in the SQL that a person wrote. The two differ where params
//! were bound; both are read as tokens, side by side. Where that cannot be followed there is no place.

use crate::sql::{Lines, Tok, literal_length, tokenize};
use sqlparser::tokenizer::{Location, Token};
use std::ops::Range;

/// The token of `written` that became what stands in `run` at this line and column, both from 1, as bytes.
pub fn place(written: &str, run: &str, line: u64, column: u64) -> Option<Range<usize>> {
    let (ours, theirs) = (tokenize(written).ok()?, tokenize(run).ok()?);
    let at = Lines::new(run).byte(Location { line, column });
    let pointed = theirs.iter().position(|t| t.span.end > at).or(theirs.len().checked_sub(1))?;
    let origin = *origins(&ours, &theirs).get(pointed)?;
    ours.get(origin).map(|t| t.span.clone())
}

/// For each token that was run, the index of the one it came from.
fn origins(ours: &[Tok], theirs: &[Tok]) -> Vec<usize> {
    let mut out: Vec<usize> = Vec::with_capacity(theirs.len());
    for (i, tok) in ours.iter().enumerate() {
        let length = match (&tok.token, theirs.get(out.len()..)) {
            (Token::Placeholder(_), Some(rest)) => literal_length(rest).unwrap_or(1),
            _ => 1,
        };
        out.extend(std::iter::repeat_n(i, length));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql;
    use spotmill_core::types::{ColumnType, Value};
    use std::collections::BTreeMap;

    /// The word `wrong` of the bound text is found as what it was in the text.
    fn check(text: &str, wrong: &str, want: &str) {
        let int = |value| Value::Int { value, ty: ColumnType::Int64 };
        let params = BTreeMap::from([
            ("a".to_owned(), int(-7)),
            ("day".to_owned(), Value::Date("2024-01-01".into())),
            ("at".to_owned(), Value::Timestamp("2024-01-01T00:00:00".into())),
            ("s".to_owned(), Value::String("two\nlines".into())),
        ]);
        let run = sql::bind_text(text, &params).expect("bound");
        let at = run.find(wrong).unwrap_or_else(|| panic!("`{wrong}` in {run}"));
        let line = run[..at].matches('\n').count() as u64 + 1;
        let column = run[..at].chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
        let found = place(text, &run, line, column);
        let found = found.map(|span| (span.start, &text[span]));
        assert_eq!(found, Some((text.rfind(want).expect("it"), want)), "{run}");
    }

    #[test]
    fn a_place_is_found_again() {
        check("SELECT x FROM t", "x", "x");
        check("SELECT $a, $day, wrong FROM t", "wrong", "wrong");
        check("SELECT ($day), 'é', $at,\n  $s, wrong FROM t", "wrong", "wrong");
        check("SELECT SUM(x), SUM(DISTINCT y + $a) + wrong FROM t", "wrong", "wrong");
        check("SELECT x IN ($a, 2), wrong FROM t LIMIT $a", "wrong", "wrong");
    }

    #[test]
    fn what_a_param_became_is_the_param() {
        check("SELECT x < $day FROM t", "2024", "$day");
        check("SELECT SUM(x + $a) FROM t", "7", "$a");
        check("SELECT x = $s FROM t", "two", "$s");
    }

    #[test]
    fn a_place_past_the_end_is_the_last_word() {
        assert_eq!(place("SELECT a FROM t ", "SELECT a FROM t ", 1, 90), Some(14..15));
        assert_eq!(place("SELECT a FROM t", "SELECT a FROM t", 9, 9), Some(14..15));
        assert_eq!(place("", "", 1, 1), None);
        assert_eq!(place("SELECT 'a", "SELECT 'a", 1, 8), None, "no SQL, no place");
    }
}
