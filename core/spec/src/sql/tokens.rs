//! The tokens of a text with byte positions. sqlparser counts lines and characters; everything else here counts bytes.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};
use std::ops::Range;

/// The dialect that queries are parsed with.
pub const DIALECT: GenericDialect = GenericDialect;

#[derive(Clone, Debug, PartialEq)]
pub struct Tok {
    pub token: Token,
    pub span: Range<usize>,
}

/// Byte offsets of line starts, to turn a `Location` into a byte offset.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The bytes of a place; none where the parser does not report one.
    pub fn range(&self, span: Span) -> Option<Range<usize>> {
        if span.start.line == 0 {
            return None;
        }
        let start = self.byte(span.start);
        Some(start..self.byte(span.end).max(start))
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn location(&self, byte: usize) -> (u64, u64) {
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let before = self.text.get(self.starts[line - 1]..byte).unwrap_or_default();
        (line as u64, before.chars().count() as u64 + 1)
    }

    pub fn byte(&self, at: Location) -> usize {
        let Some(line) = (at.line as usize).checked_sub(1) else { return 0 };
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let column = (at.column as usize).saturating_sub(1);
        self.text[start..].char_indices().nth(column).map_or(self.text.len(), |(i, _)| start + i)
    }
}

/// All tokens but whitespace and comments, or the message and byte offset of what cannot be one.
pub fn tokenize(text: &str) -> Result<Vec<Tok>, (String, usize)> {
    let lines = Lines::new(text);
    let tokens =
        Tokenizer::new(&DIALECT, text).tokenize_with_location().map_err(|e| (e.message, lines.byte(e.location)))?;
    Ok(tokens
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        .map(|t| Tok { span: lines.byte(t.span.start)..lines.byte(t.span.end), token: t.token })
        .collect())
}

impl Tok {
    /// The word as written, quoted or not.
    pub fn word(&self) -> Option<&str> {
        match &self.token {
            Token::Word(w) => Some(&w.value),
            _ => None,
        }
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.word().is_some_and(|w| w.eq_ignore_ascii_case(word))
    }

    /// `date` of `$date`.
    pub fn placeholder(&self) -> Option<&str> {
        match &self.token {
            Token::Placeholder(p) => p.strip_prefix('$'),
            _ => None,
        }
    }
}

/// Index of the parenthesis that closes the one at `open`.
pub fn closing(tokens: &[Tok], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, tok) in tokens.iter().enumerate().skip(open) {
        match tok.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}
