//! A small XML writer: elements in order, everything escaped.

use std::fmt::{Display, Write};

/// Elements side by side.
#[derive(Clone, Debug, Default)]
pub struct Xml {
    out: String,
}

impl Xml {
    pub fn new() -> Xml {
        Xml::default()
    }

    pub fn text(mut self, name: &str, value: impl Display) -> Xml {
        let value = escaped(&value.to_string());
        write!(self.out, "<{name}>{value}</{name}>").expect("writing to a string");
        self
    }

    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Xml {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub fn node(mut self, name: &str, inner: Xml) -> Xml {
        write!(self.out, "<{name}>{}</{name}>", inner.out).expect("writing to a string");
        self
    }

    pub fn and(mut self, others: Xml) -> Xml {
        self.out.push_str(&others.out);
        self
    }

    /// `<name><item>…</item>…</name>`
    pub fn list(self, name: &str, items: impl IntoIterator<Item = Xml>) -> Xml {
        let inner = items.into_iter().fold(Xml::new(), |all, item| all.node("item", item));
        self.node(name, inner)
    }

    /// `<tagSet>…</tagSet>`
    pub fn tags<'a>(self, tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Xml {
        self.list("tagSet", tags.into_iter().map(|(key, value)| Xml::new().text("key", key).text("value", value)))
    }

    pub fn document(&self, root: &str, namespace: Option<&str>) -> String {
        let namespace = namespace.map(|n| format!(" xmlns=\"{n}\"")).unwrap_or_default();
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}{namespace}>{}</{root}>", self.out)
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        let written = Xml::new().text("a", "<&\">\u{1}").document("r", None);
        assert!(written.ends_with("<r><a>&lt;&amp;&quot;&gt;\u{fffd}</a></r>"), "{written}");
    }
}
