//! Which names may be used for what.

pub const MAX_NAME: usize = 40;

/// Pipelines, steps and params: parts of keys, of messages and of queue names.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Tables, as SQL writes them without quotes.
pub fn is_table_name(text: &str) -> bool {
    const RESERVED: &[&str] = &[
        "select",
        "from",
        "where",
        "join",
        "on",
        "as",
        "group",
        "order",
        "by",
        "left",
        "right",
        "inner",
        "outer",
        "full",
        "cross",
        "union",
        "with",
        "having",
        "limit",
        "values",
        "using",
        "table",
        "distinct",
        "case",
        "when",
        "then",
        "else",
        "end",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "false",
        "set",
        "window",
        "qualify",
        "offset",
        "except",
        "intersect",
        "natural",
        "lateral",
        "unnest",
        "all",
    ];
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}
