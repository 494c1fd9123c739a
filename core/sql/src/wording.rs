//! What DataFusion reports of a query, in the terms of a person who wrote SQL: what is wrong, and after a colon what
//! to write instead. Its wording is that of the pinned version; a message that is not listed here stays as it is.

use crate::functions::kinds::word;
use arrow::datatypes::DataType;

/// How a message is recognised.
enum Match {
    Begins(&'static str),
    Holds(&'static str),
}

use Match::{Begins, Holds};

/// (message, what is shown instead): `{}` is the first part of the message in quotes or, where there is none, the word
/// after what it begins with.
const MESSAGES: &[(Match, &str)] = &[
    (
        Begins("Correlated scalar subquery can only be used"),
        "a subquery with columns of the outer query cannot stand in ON: put the condition into WHERE, or join its table",
    ),
    (
        Begins("WITHIN GROUP is only supported"),
        "WITHIN GROUP belongs to PERCENTILE_CONT, PERCENTILE_DISC, MODE and LISTAGG: write ORDER BY inside the call",
    ),
    (
        Begins("RANGE requires exactly one ORDER BY column"),
        "RANGE with an offset moves one key: write one in ORDER BY, or ROWS",
    ),
    (
        Holds("frame offsets for ROWS / GROUPS"),
        "ROWS and GROUPS count with a number that is not negative: write it as a literal",
    ),
    (Begins("Invalid window frame"), "a frame ends where it begins or later: exchange its bounds"),
    (
        Begins("Window function calls cannot be nested"),
        "a window function cannot stand in another: put the inner one into a subquery",
    ),
    (
        Begins("Aggregate function calls cannot be nested"),
        "an aggregate cannot stand in another: put the inner one into a subquery",
    ),
    (Begins("Aggregate functions are not allowed in the WHERE"), "an aggregate cannot stand in WHERE: use HAVING"),
    (Begins("HAVING clause references"), "HAVING selects groups: put a condition on rows into WHERE"),
    (Begins("The window "), "there is no window `{}`: add WINDOW {} AS (…)"),
    (
        Begins("Too many columns! The subquery should only return one column"),
        "a subquery that stands for a value has one column: select one",
    ),
    (Begins("Invalid escape character"), "ESCAPE takes one character: write one such as '!'"),
    (
        Begins("Cannot infer common argument type for logical"),
        "AND and OR take conditions: compare the value with something",
    ),
    (Begins("Unary operator 'NOT'"), "NOT takes a condition: compare the value with something"),
    (Begins("Unary operator"), "a sign stands before numbers: CAST the value"),
    (Begins("Cannot create filter with non-boolean predicate"), "this is no condition: compare it with something"),
    (
        Begins("Cannot access field"),
        "a column has no fields, and no table here goes by that name: write table.column with a table of FROM",
    ),
    (Begins("Source table contains"), "there are more names than columns: give one for each column"),
    (
        Begins("Inconsistent data length across values list"),
        "the rows of VALUES have unlike numbers of values: give each as many",
    ),
    (Begins("Expected LIMIT to be"), "LIMIT takes a whole number: write one, or pass a param"),
    (Begins("Expected OFFSET to be"), "OFFSET takes a whole number: write one, or pass a param"),
    (Begins("Order by column out of bounds"), "ORDER BY names a column that is not there: count from 1 to the last"),
    (Begins("Order by index starts at 1"), "columns are counted from 1: write ORDER BY 1"),
    (Begins("Cannot find column with position"), "GROUP BY names a column that is not there: count from 1 to the last"),
    (
        Begins("Tuple expressions are not supported for Rollup"),
        "ROLLUP and CUBE take single columns: write GROUPING SETS ((a, b), ())",
    ),
    (Holds("to grouping function is not in grouping columns"), "GROUPING takes a column of GROUP BY: name one of them"),
    (
        Begins("UNION queries have different number of columns"),
        "the sides of UNION have unlike numbers of columns: select as many on both",
    ),
    (
        Holds("query has different number of columns"),
        "the sides have unlike numbers of columns: select as many on both",
    ),
    (Begins("WITH query name"), "two queries of WITH are named `{}`: rename one"),
    (
        Begins("Invalid input syntax for type interval"),
        "`{}` is no INTERVAL: write a number and YEAR, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND",
    ),
    (Begins("INTERVAL expression cannot be"), "INTERVAL takes a literal here: write INTERVAL '1 day'"),
    (Begins("Unsupported interval argument"), "INTERVAL takes a literal: add a number of days with date + n"),
    (Begins("min/max was called"), "MIN and MAX take one argument: use LEAST or GREATEST for more"),
    (
        Holds("failed to match any signature"),
        "`{}` does not take values of these types: `spotmill functions {}` shows what it takes",
    ),
    (Begins("NTILE requires a positive integer"), "NTILE takes a number above zero: write one"),
    (Begins("coalesce must have"), "COALESCE takes arguments: write COALESCE(x, y)"),
];

/// The message as a person would write it.
pub fn reworded(message: &str) -> String {
    if let Some(message) = of_call(message).or_else(|| of_literal(message)) {
        return message;
    }
    let fits = |pattern: &Match| match pattern {
        Begins(text) => message.starts_with(text),
        Holds(text) => message.contains(text),
    };
    match MESSAGES.iter().find(|(pattern, _)| fits(pattern)) {
        Some((pattern, text)) => text.replace("{}", subject(message, pattern)),
        None => message.to_owned(),
    }
}

fn subject<'a>(message: &'a str, pattern: &Match) -> &'a str {
    let quoted = |mark: char| message.split(mark).nth(1);
    let next = match pattern {
        Begins(text) => message[text.len()..].split_whitespace().next(),
        Holds(_) => None,
    };
    quoted('"').or_else(|| quoted('\'')).or(next).unwrap_or_default()
}

/// `… No function matches the given name and argument types 'upper(Int64)'.`
fn of_call(message: &str) -> Option<String> {
    let (_, call) = message.split_once("argument types '")?;
    let (name, types) = call.rsplit_once('\'')?.0.split_once('(')?;
    let types: Vec<String> = apart(types.strip_suffix(')')?).map(named).collect();
    let given = match types.is_empty() {
        true => "no argument".to_owned(),
        false => format!("({})", types.join(", ")),
    };
    Some(format!("`{name}` does not take {given}: `spotmill functions {name}` shows what it takes"))
}

/// The types of a list, which may have commas of their own.
fn apart(types: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    let at_comma = move |c: char| {
        depth += usize::from(c == '(');
        depth -= usize::from(c == ')' && depth > 0);
        c == ',' && depth == 0
    };
    types.split(at_comma).map(str::trim).filter(|ty| !ty.is_empty())
}

fn named(ty: &str) -> String {
    ty.parse::<DataType>().map_or_else(|_| ty.to_lowercase(), |ty| word(&ty))
}

/// `Cannot cast string 'x' to value of Int64 type`.
fn of_literal(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Cannot cast string '")?;
    let (text, rest) = rest.split_once("' to value of ")?;
    let ty = named(rest.split_once(" type")?.0);
    Some(format!("`{text}` is no {ty}: write a literal of that type"))
}

#[cfg(test)]
mod tests {
    use super::reworded;

    #[test]
    fn messages_state_what_to_write() {
        let check = |message: &str, want: &str| assert_eq!(reworded(message), want);
        check(
            "Function 'upper' requires String, but received Int64 (DataType: Int64).. No function matches the given name and argument types 'upper(Int64, Decimal128(10, 2))'.",
            "`upper` does not take (int64, decimal(10,2)): `spotmill functions upper` shows what it takes",
        );
        check(
            "'upper' does not support zero arguments. No function matches the given name and argument types 'upper()'.",
            "`upper` does not take no argument: `spotmill functions upper` shows what it takes",
        );
        check(
            "Cast error: Cannot cast string 'x' to value of Int64 type",
            "`x` is no int64: write a literal of that type",
        );
        check("The window w2 is not defined!", "there is no window `w2`: add WINDOW w2 AS (…)");
        check("WITH query name \"a\" specified more than once", "two queries of WITH are named `a`: rename one");
        check("all else stays", "all else stays");
    }
}
