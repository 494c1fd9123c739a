//! The templates, and the one way in which a value gets into a page: escaped, unless the template calls it safe. A name
//! that a template asks for and nobody gave is an error.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Output, UndefinedBehavior, Value};
use serde::Serialize;
use std::sync::LazyLock;

pub const STYLE: &str = include_str!("../../templates/style.css");
pub const SCRIPT: &str = include_str!("../../templates/page.js");
const TEMPLATES: [(&str, &str); 2] = [
    ("report.html", include_str!("../../templates/report.html")),
    ("index.html", include_str!("../../templates/index.html")),
];

/// Compiled once a process: that takes longer than to render a page.
static COMPILED: LazyLock<Result<Environment<'static>, String>> =
    LazyLock::new(|| environment().map_err(|e| e.to_string()));

pub fn render(name: &str, value: &impl Serialize) -> Result<String, String> {
    let env = COMPILED.as_ref().map_err(String::clone)?;
    env.get_template(name).and_then(|template| template.render(Serde(value))).map_err(|e| e.to_string())
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.set_formatter(|out, _, value| write_value(out, value));
    for (name, text) in TEMPLATES {
        env.add_template(name, text)?;
    }
    Ok(env)
}

fn write_value(out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Err(Error::new(ErrorKind::UndefinedError, "a value is missing"));
    }
    let text = value.to_string();
    let written = if value.is_safe() { out.write_str(&text) } else { escape(out, &text) };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "the page cannot be written"))
}

/// Text as it stands between tags and in attributes.
fn escape(out: &mut Output<'_>, text: &str) -> std::fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)
}
