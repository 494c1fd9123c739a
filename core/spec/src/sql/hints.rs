//! What to write in place of words that the parser does not know: it stops at them, or at what follows when it has taken
//! them for a name.

use super::tokens::Tok;

/// (words, what to write instead).
const INSTEAD: &[(&[&str], &str)] = &[
    (&["pivot"], "write one SUM(x) FILTER (WHERE k = 'a') AS a for each column, with GROUP BY"),
    (&["unpivot"], "write one SELECT for each column, with UNION ALL between"),
    (&["summarize", "describe"], "use `spotmill schema FILE`, or `spotmill validate`"),
    (&["table"], "write SELECT * FROM …"),
    (&["attach", "checkpoint", "export", "import", "detach"], "a step is one SELECT; it changes nothing"),
    (&["isnull"], "write x IS NULL"),
    (&["notnull"], "write x IS NOT NULL"),
    (&["glob"], "use LIKE, or regexp_matches(text, pattern)"),
    (&["div"], "write x // y"),
    (&["returning"], "leave it out: the rows of a step are those of its SELECT"),
    (&["sample"], "take rows by a hash of their key, as in WHERE hash % 100 = 0"),
    (&["symmetric"], "write BETWEEN LEAST(a, b) AND GREATEST(a, b)"),
    (&["percent"], "LIMIT takes a number of rows: write one"),
    (&["final", "index", "version", "system_time"], "leave it out: a table is the files that are declared"),
    (&["lambda"], "use a function of your worker, or write out the expression"),
    (&["exclude"], "a frame has no EXCLUDE: subtract the row, as in SUM(x) OVER (…) - x"),
    (&["fill"], "join a table of the values"),
    (&["struct"], "list the columns"),
    (&["asof"], "JOIN on the condition, and keep the nearest row with QUALIFY ROW_NUMBER() OVER (…) = 1"),
    (&["union", "except", "intersect"], "put a SELECT with ORDER BY or LIMIT into parentheses"),
    (&["flatten", "unnest", "explode"], "a column holds one value: join a table of the values"),
];

/// For the word at which the parser stops, or the one before.
pub fn of(text: &str, tokens: &[Tok], at: usize) -> Option<&'static str> {
    let stop = tokens.iter().position(|token| token.span.start >= at).unwrap_or(tokens.len());
    let near = [Some(stop), stop.checked_sub(1), stop.checked_sub(2)];
    near.into_iter().flatten().filter_map(|i| tokens.get(i)).find_map(|token| instead(&text[token.span.clone()]))
}

fn instead(word: &str) -> Option<&'static str> {
    let listed = |words: &&[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    INSTEAD.iter().find(|(words, _)| listed(words)).map(|(_, instead)| *instead)
}
