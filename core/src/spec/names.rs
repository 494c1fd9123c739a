//! Which names may be used for what, and the nearest of those that exist.

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

/// The option a person most likely meant, if any is near enough.
pub fn nearest<'a>(name: &str, options: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let scored = options.into_iter().map(|o| (strsim::damerau_levenshtein(&name, &o.to_ascii_lowercase()), o));
    scored.filter(|(d, _)| *d <= allowed).min_by_key(|(d, _)| *d).map(|(_, o)| o)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_near() {
        let check = |name, want| assert_eq!(nearest(name, ["null_values", "header", "format"]), want, "{name}");
        check("null_value", Some("null_values"));
        check("headers", Some("header"));
        check("from", None);
        check("x", None);
    }
}
