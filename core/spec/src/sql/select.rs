//! What SQL a step may be: one query of SELECTs over declared tables. Statements, functions that read files and
//! anything that names data not declared in the pipeline are refused here, before an engine could act on them.

use super::Complaint;
use super::rules::{ONE_SELECT, Rules};
use super::tokens::{DIALECT, Lines, Tok, tokenize};
use sqlparser::ast::{Statement, Visit};
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::Token;
use std::ops::Range;

/// A query that passed; what it reads and the params it names, each with where.
#[derive(Clone, Debug)]
pub struct Select {
    text: String,
    /// The query itself; none of a condition.
    query: Option<Statement>,
    pub tables: Vec<(String, Range<usize>)>,
    pub functions: Vec<(String, Range<usize>)>,
    pub params: Vec<(String, Range<usize>)>,
}

impl Select {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The syntax tree of the query; none of a condition.
    pub fn into_statement(self) -> Option<Statement> {
        self.query
    }
}

/// One SELECT (CTEs, subqueries, joins and set operations included).
pub fn parse(text: &str) -> Result<Select, Vec<Complaint>> {
    let tokens = readable(text)?;
    let text = &without_hints(text, &tokens);
    let mut statements =
        parser(text).and_then(|mut p| p.parse_statements()).map_err(|e| vec![syntax(text, &tokens, &e)])?;
    super::precedence::restore(&mut statements);
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(vec![one_select(&statements, &tokens)]);
    };
    let mut rules = Rules::new(text);
    let _ = query.visit(&mut rules);
    let params = rules.params(&tokens);
    if !rules.complaints.is_empty() {
        return Err(rules.complaints);
    }
    let tables = std::mem::take(&mut rules.tables);
    let tables = tables.into_iter().filter(|(name, _)| !rules.ctes.contains(name)).collect();
    Ok(Select { text: text.to_owned(), query: statements.pop(), tables, functions: rules.functions, params })
}

/// One condition, as in `expect.check`: an expression without subqueries.
pub fn parse_condition(text: &str) -> Result<Select, Vec<Complaint>> {
    let tokens = readable(text)?;
    let mut p = parser(text).map_err(|e| vec![syntax(text, &tokens, &e)])?;
    let mut expr = p.parse_expr().map_err(|e| vec![syntax(text, &tokens, &e)])?;
    super::precedence::restore(&mut expr);
    if p.peek_token().token != Token::EOF {
        let rest = tokens.len().checked_sub(1).map_or(0..0, |i| tokens[i].span.clone());
        return Err(vec![Complaint::new("bad-sql", "a check is one condition", rest, "this does not belong to it")]);
    }
    let mut rules = Rules::of_condition(text);
    let _ = expr.visit(&mut rules);
    let params = rules.params(&tokens);
    if !rules.complaints.is_empty() {
        return Err(rules.complaints);
    }
    Ok(Select { text: text.to_owned(), query: None, tables: Vec::new(), functions: rules.functions, params })
}

/// The text with blanks in place of `[NOT] MATERIALIZED` after a CTE's AS: whether it is computed once is not its
/// meaning. Everything else stays where it is.
fn without_hints(text: &str, tokens: &[Tok]) -> String {
    let mut out = text.to_owned();
    let mut blank = |span: &Range<usize>| out.replace_range(span.clone(), &" ".repeat(span.len()));
    for (i, token) in tokens.iter().enumerate() {
        let before = |n: usize| i.checked_sub(n).map(|at| &tokens[at]);
        let opens = tokens.get(i + 1).is_some_and(|t| t.token == Token::LParen);
        if !token.is_word("materialized") || !opens {
            continue;
        }
        if before(1).is_some_and(|t| t.is_word("as")) {
            blank(&token.span);
        } else if let (Some(not), Some(word)) = (before(1), before(2))
            && not.is_word("not")
            && word.is_word("as")
        {
            blank(&not.span);
            blank(&token.span);
        }
    }
    out
}

fn parser(text: &str) -> Result<Parser<'_>, ParserError> {
    let options = ParserOptions { trailing_commas: true, ..Default::default() };
    Parser::new(&DIALECT).with_options(options).try_with_sql(text)
}

/// Tokens, unless the text is empty, is no SQL at all or holds `{…}`.
fn readable(text: &str) -> Result<Vec<Tok>, Vec<Complaint>> {
    let tokens = tokenize(text).map_err(|(message, at)| {
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        vec![Complaint::new("bad-sql", "this is not SQL", at..end, message)]
    })?;
    if tokens.is_empty() {
        return Err(vec![Complaint::new("bad-sql", "the SQL is empty", 0..0, "write a SELECT")]);
    }
    let braces = braces(text, &tokens);
    if braces.is_empty() { Ok(tokens) } else { Err(braces) }
}

/// `{date}` inside a literal or bare: templates belong to paths.
fn braces(text: &str, tokens: &[Tok]) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (i, tok) in tokens.iter().enumerate() {
        let (name, span) = match &tok.token {
            Token::SingleQuotedString(s) => (braced(s), tok.span.clone()),
            Token::LBrace => {
                let close = tokens[i..].iter().find(|t| t.token == Token::RBrace);
                let span = tok.span.start..close.map_or(tok.span.end, |c| c.span.end);
                (braced(&text[span.clone()]), span)
            }
            _ => continue,
        };
        let Some(name) = name else { continue };
        let title = format!("`{{{name}}}` works in paths; SQL takes typed parameters");
        found.push(Complaint::new("braces-in-sql", title, span, format!("write ${name}")));
    }
    found
}

/// The name in `{name}` or `{name:…}`, if the text holds one.
fn braced(text: &str) -> Option<String> {
    let inner = text.split_once('{')?.1.split_once('}')?.0;
    let name = inner.split_once(':').map_or(inner, |(n, _)| n);
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_name.then(|| name.to_owned())
}

fn one_select(statements: &[Statement], tokens: &[Tok]) -> Complaint {
    let whole = tokens[0].span.start..tokens[tokens.len() - 1].span.end;
    let (span, label) = match statements {
        [] => (whole, "write a SELECT"),
        [Statement::Query(_), ..] => {
            let second = tokens.iter().position(|t| t.token == Token::SemiColon).map_or(0, |i| i + 1);
            let span = tokens.get(second).map_or(whole, |t| t.span.clone());
            (span, "a second statement: make it a step of its own")
        }
        _ => (tokens[0].span.clone(), "a step is one SELECT; it changes nothing"),
    };
    Complaint::new("undeclared-read", ONE_SELECT, span, label)
}

/// sqlparser reports `Expected: …, found: x at Line: 1, Column: 8`.
fn syntax(text: &str, tokens: &[Tok], error: &ParserError) -> Complaint {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.clone(),
        ParserError::RecursionLimitExceeded => "nested too deeply".to_owned(),
    };
    let (message, at) = match message.rsplit_once(" at Line: ") {
        Some((m, place)) => (m.to_owned(), location(text, place)),
        None => (message, None),
    };
    let at = at.unwrap_or_else(|| tokens.last().map_or(0, |t| t.span.start));
    let span = tokens.iter().find(|t| t.span.start >= at).map_or(at..at, |t| t.span.clone());
    let label = match super::hints::of(text, tokens, at) {
        Some(instead) => instead.to_owned(),
        // The parser's own names of tokens follow.
        None if message.starts_with("No infix parser") => "this is no operator here: use a function".to_owned(),
        None => {
            let label =
                message.strip_prefix("sql parser error: ").unwrap_or(&message).replace("Expected: ", "expected ");
            label.replace(", found: ", ", found ").replace("found EOF", "found the end")
        }
    };
    Complaint::new("bad-sql", "this SQL does not parse", span, label)
}

fn location(text: &str, place: &str) -> Option<usize> {
    let (line, column) = place.split_once(", Column: ")?;
    let at = sqlparser::tokenizer::Location { line: line.parse().ok()?, column: column.trim().parse().ok()? };
    Some(Lines::new(text).byte(at))
}
