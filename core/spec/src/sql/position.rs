//! Where in a text a param stands. The planner takes any expression in most places, but only a plain number in some.

use super::tokens::Tok;
use sqlparser::tokenizer::Token;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Expression,
    /// After LIMIT or OFFSET, in VALUES, or an argument that must be a number as it stands.
    Number,
}

/// Functions whose later arguments are plain numbers.
const PLAIN_ARGUMENTS: &[&str] = &["round", "trunc", "truncate", "lag", "lead", "quantile_cont", "quantile_disc"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Values,
    /// In a call of one of `PLAIN_ARGUMENTS`; whether a comma was passed.
    Plain(bool),
    Other,
}

/// The position of every token.
pub fn positions(tokens: &[Tok]) -> Vec<Position> {
    let mut scopes: Vec<Scope> = Vec::new();
    let mut out = Vec::with_capacity(tokens.len());
    for (i, tok) in tokens.iter().enumerate() {
        match &tok.token {
            Token::LParen => scopes.push(opened(tokens, i)),
            Token::LBracket => scopes.push(Scope::Other),
            Token::RParen | Token::RBracket => drop(scopes.pop()),
            Token::Comma => {
                if let Some(Scope::Plain(passed)) = scopes.last_mut() {
                    *passed = true;
                }
            }
            _ => {}
        }
        out.push(position(tokens, i, scopes.last().copied()));
    }
    out
}

fn opened(tokens: &[Tok], i: usize) -> Scope {
    let Some(before) = i.checked_sub(1).map(|b| &tokens[b]) else { return Scope::Other };
    let is = |word: &&str| before.is_word(word);
    if before.is_word("values") {
        Scope::Values
    } else if PLAIN_ARGUMENTS.iter().any(is) {
        Scope::Plain(false)
    } else {
        Scope::Other
    }
}

fn position(tokens: &[Tok], i: usize, scope: Option<Scope>) -> Position {
    let before = i.checked_sub(1).map(|b| &tokens[b]);
    if before.is_some_and(|t| t.is_word("limit") || t.is_word("offset")) {
        return Position::Number;
    }
    let opens = before.is_some_and(|t| matches!(t.token, Token::LParen | Token::LBracket | Token::Comma));
    let closes = tokens.get(i + 1).is_some_and(|t| matches!(t.token, Token::RParen | Token::RBracket | Token::Comma));
    match scope {
        Some(Scope::Values) if opens && closes => Position::Number,
        Some(Scope::Plain(true)) if opens && closes => Position::Number,
        _ => Position::Expression,
    }
}
