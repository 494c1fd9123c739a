//! SQL before it is planned: one SELECT over declared tables, params bound as typed literals. The text is cut at the tokenizer's positions and never printed from a syntax tree: sqlparser's
//! printer cannot know which quotes of a literal are escaped (it prints `\'` as it stands), so a value could leave
//! its literal. Nothing here knows columns or types; the planner does.

mod bind;
mod find;
mod functions;
mod hints;
mod position;
mod precedence;
mod rules;
mod select;
mod shapes;
mod shaping;
mod tokens;
mod unplanned;

pub use bind::{BindError, bind, bind_text, literal, params};
pub(crate) use find::literal_length;
pub use find::{
    alias_of, expression, expression_at, first_column, first_word, functions, identifiers, names_in, star, word_at,
};
pub use functions::{bare, hint};
pub use select::{Select, parse, parse_condition};
pub use shaping::shaping;
pub use tokens::Lines;
pub(crate) use tokens::{Tok, tokenize};

use std::ops::Range;

/// A name as SQL takes it, whatever it is made of.
pub fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What is wrong with a SQL text; `span` is a byte range in that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub name: &'static str,
    pub title: String,
    pub span: Range<usize>,
    pub label: String,
}

impl Complaint {
    fn new(name: &'static str, title: impl Into<String>, span: Range<usize>, label: impl Into<String>) -> Self {
        Self { name, title: title.into(), span, label: label.into() }
    }
}

#[cfg(test)]
mod tests;
