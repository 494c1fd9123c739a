//! Where something stands in a SQL text: a name, a function, a whole expression. The engine reports problems
//! without positions, in terms of the bound text; this finds what the user wrote.

use super::tokens::{Tok, closing, tokenize};
use sqlparser::tokenizer::Token;
use std::ops::Range;

/// Every place a name is used as a column or table; not as a function.
pub fn identifiers(text: &str, name: &str) -> Vec<Range<usize>> {
    let tokens = tokenize(text).unwrap_or_default();
    let found = tokens.iter().enumerate().filter(|(i, t)| t.word() == Some(name) && !is_call(&tokens, *i));
    found.map(|(_, t)| t.span.clone()).collect()
}

/// Every call: the function's name as written, and where.
pub fn functions(text: &str) -> Vec<(String, Range<usize>)> {
    let tokens = tokenize(text).unwrap_or_default();
    let calls = (0..tokens.len()).filter(|i| is_call(&tokens, *i));
    calls.filter_map(|i| Some((tokens[i].word()?.to_owned(), tokens[i].span.clone()))).collect()
}

/// A word before a parenthesis that is no keyword of its own (`IN (`, `AS (`, `OVER (`).
fn is_call(tokens: &[Tok], i: usize) -> bool {
    const NOT_CALLS: &[&str] = &[
        "in",
        "as",
        "over",
        "filter",
        "values",
        "and",
        "or",
        "not",
        "on",
        "using",
        "where",
        "when",
        "then",
        "else",
        "from",
        "join",
        "select",
        "by",
        "exists",
        "any",
        "all",
        "some",
        "between",
        "distinct",
        "case",
        "having",
        "union",
        "except",
        "intersect",
        "limit",
        "offset",
        "with",
        "is",
        "like",
        "ilike",
        "recursive",
        "materialized",
        "exclude",
        "rename",
    ];
    let opens = tokens.get(i + 1).is_some_and(|t| t.token == Token::LParen);
    let Token::Word(word) = &tokens[i].token else { return false };
    let reserved = word.quote_style.is_none() && NOT_CALLS.contains(&word.value.to_ascii_lowercase().as_str());
    opens && !reserved && !is_cte_head(tokens, i)
}

/// `name (a, b) AS (`: the columns of a common table expression.
fn is_cte_head(tokens: &[Tok], i: usize) -> bool {
    let after_with = i > 0 && (tokens[i - 1].is_word("with") || tokens[i - 1].token == Token::Comma);
    let Some(close) = closing(tokens, i + 1) else { return false };
    let then_as = tokens.get(close + 1).is_some_and(|t| t.is_word("as"));
    let then_paren = tokens.get(close + 2).is_some_and(|t| t.token == Token::LParen);
    after_with && then_as && then_paren
}

/// The word that a text begins with.
pub fn first_word(text: &str) -> Option<Range<usize>> {
    tokenize(text).ok()?.first().map(|token| token.span.clone())
}

/// The word that begins at a byte.
pub fn word_at(text: &str, start: usize) -> Option<Range<usize>> {
    tokenize(text).ok()?.into_iter().find(|token| token.span.start == start).map(|token| token.span)
}

/// The first place whose tokens are those of `subject`. A `$param` in the text matches the literal it was bound
/// to.
pub fn expression(text: &str, subject: &str) -> Option<Range<usize>> {
    let text_tokens = tokenize(text).ok()?;
    let wanted = tokenize(subject).ok()?;
    if wanted.is_empty() {
        return None;
    }
    let last = (0..text_tokens.len()).find_map(|i| Some((i, match_at(&text_tokens, i, &wanted)?)));
    last.map(|(first, last)| text_tokens[first].span.start..text_tokens[last].span.end)
}

/// The same where the tokens begin at a byte.
pub fn expression_at(text: &str, subject: &str, start: usize) -> Option<Range<usize>> {
    let tokens = tokenize(text).ok()?;
    let first = tokens.iter().position(|token| token.span.start == start)?;
    let last = match_at(&tokens, first, &tokenize(subject).ok()?)?;
    (last >= first).then(|| start..tokens[last].span.end)
}

/// Index of the last token of the match that begins at `from`.
fn match_at(text: &[Tok], from: usize, wanted: &[Tok]) -> Option<usize> {
    let mut at = from;
    let mut rest = wanted;
    while !rest.is_empty() {
        let tok = text.get(at)?;
        let used = if tok.placeholder().is_some() && rest[0].placeholder().is_none() {
            literal_length(rest)?
        } else {
            usize::from(same(tok, &rest[0]))
        };
        if used == 0 {
            return None;
        }
        rest = &rest[used..];
        at += 1;
    }
    at.checked_sub(1)
}

fn same(a: &Tok, b: &Tok) -> bool {
    match (a.word(), b.word()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => a.token == b.token,
    }
}

/// How many tokens a bound literal takes at the start of `tokens`.
pub(crate) fn literal_length(tokens: &[Tok]) -> Option<usize> {
    let first = tokens.first()?;
    let second = tokens.get(1).map(|t| &t.token);
    if (first.is_word("cast") || first.is_word("date")) && second == Some(&Token::LParen) {
        return Some(closing(tokens, 1)? + 1);
    }
    if first.token == Token::Minus && matches!(second, Some(Token::Number(..))) {
        return Some(2);
    }
    if first.is_word("timestamp") && matches!(second, Some(Token::SingleQuotedString(_))) {
        return Some(2);
    }
    let plain = matches!(first.token, Token::SingleQuotedString(_) | Token::Number(..));
    (plain || first.is_word("true") || first.is_word("false")).then_some(1)
}

/// The first plain name inside the first call of `function`.
pub fn first_column(text: &str, function: &str) -> Option<String> {
    let tokens = tokenize(text).ok()?;
    let call = (0..tokens.len()).find(|i| is_call(&tokens, *i) && tokens[*i].is_word(function))?;
    let close = closing(&tokens, call + 1)?;
    let inside = (call + 2..close).find(|i| is_name(&tokens, *i))?;
    tokens[inside].word().map(str::to_owned)
}

/// Names of columns and params (`$name`) in a text, in order, qualifiers left out.
pub fn names_in(text: &str) -> Vec<String> {
    let tokens = tokenize(text).unwrap_or_default();
    let names = (0..tokens.len()).filter_map(|i| match tokens[i].placeholder() {
        Some(param) => Some(format!("${param}")),
        None if is_name(&tokens, i) => tokens[i].word().map(str::to_owned),
        None => None,
    });
    names.collect()
}

/// A word that is neither a keyword, a call nor the qualifier of another.
fn is_name(tokens: &[Tok], i: usize) -> bool {
    let Token::Word(word) = &tokens[i].token else { return false };
    let qualifies = tokens.get(i + 1).is_some_and(|t| t.token == Token::Period);
    let keyword = word.quote_style.is_none() && word.keyword != sqlparser::keywords::Keyword::NoKeyword;
    let qualified = i > 0 && tokens[i - 1].token == Token::Period;
    !qualifies && !is_call(tokens, i) && (!keyword || qualified)
}

/// The `*` of `SELECT *` or `SELECT t.*`.
pub fn star(text: &str) -> Option<Range<usize>> {
    let tokens = tokenize(text).ok()?;
    let begins = |i: usize| {
        i > 0
            && (tokens[i - 1].is_word("select")
                || tokens[i - 1].is_word("distinct")
                || matches!(tokens[i - 1].token, Token::Period | Token::Comma))
    };
    (0..tokens.len()).find(|i| tokens[*i].token == Token::Mul && begins(*i)).map(|i| tokens[i].span.clone())
}

/// The name a table goes by: `a` in `JOIN airlines AS a`.
pub fn alias_of(text: &str, table: &str) -> Option<String> {
    let tokens = tokenize(text).ok()?;
    let at = (1..tokens.len()).find(|i| {
        tokens[*i].word() == Some(table) && (tokens[i - 1].is_word("join") || tokens[i - 1].is_word("from"))
    })?;
    let next = if tokens.get(at + 1)?.is_word("as") { at + 2 } else { at + 1 };
    (next <= at + 2 && is_name(&tokens, next)).then(|| tokens[next].word().map(str::to_owned))?
}
