//! Where a value stands in a JSON record: `$.user.id`, `$.items[0].sku`, `$["odd.key"]`.

/// One move from a value into what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Key(String),
    Index(usize),
}

/// The moves of a path; the first is a key of the record.
pub fn parse(path: &str) -> Result<Vec<Segment>, String> {
    let wrong =
        |why: &str| format!("`{path}` is no path: {why}; write `$.user.id`, `$.items[0].sku` or `$[\"odd.key\"]`");
    let mut rest = path.strip_prefix('$').ok_or_else(|| wrong("it begins with `$`"))?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, left) = if let Some(text) = rest.strip_prefix('.') {
            let end = text.find(['.', '[']).unwrap_or(text.len());
            if text[..end].contains(['"', '\'', '*', ']']) {
                return Err(wrong("quotes, `*` and `]` stand in a key only within `[\"…\"]`"));
            }
            (Segment::Key(text[..end].to_owned()), &text[end..])
        } else if let Some(text) = rest.strip_prefix("[\"") {
            let end = text.find("\"]").ok_or_else(|| wrong("a `[\"` is never closed"))?;
            (Segment::Key(text[..end].to_owned()), &text[end + 2..])
        } else if let Some(text) = rest.strip_prefix('[') {
            let end = text.find(']').ok_or_else(|| wrong("a `[` is never closed"))?;
            let index = text[..end].parse().map_err(|_| wrong("an index is a whole number"))?;
            (Segment::Index(index), &text[end + 1..])
        } else {
            return Err(wrong("`.` or `[` follows a key"));
        };
        if segment == Segment::Key(String::new()) {
            return Err(wrong("a key is empty"));
        }
        segments.push(segment);
        rest = left;
    }
    match segments.first() {
        Some(Segment::Key(_)) => Ok(segments),
        _ => Err(wrong("it begins with a key of the record")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indexes() {
        let key = |k: &str| Segment::Key(k.into());
        assert_eq!(parse("$.user.id"), Ok(vec![key("user"), key("id")]));
        assert_eq!(parse("$.items[2].sku"), Ok(vec![key("items"), Segment::Index(2), key("sku")]));
        assert_eq!(parse("$[\"a.b\"].c"), Ok(vec![key("a.b"), key("c")]));
        for wrong in
            ["", "$", "user", "$user", "$.", "$.a..b", "$[0]", "$.a[x]", "$.a[\"b", "$.\"a.b\"", "$.'a'", "$.a.*"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
