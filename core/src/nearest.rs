//! The name that a person most likely meant.

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
