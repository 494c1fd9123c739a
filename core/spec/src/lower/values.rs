//! Checks of single values that several tables have.

use super::super::names::{MAX_NAME, is_name};
use super::Ctx;

/// Names become keys, queue names and messages.
pub fn check_name(ctx: &mut Ctx<'_>, path: &str, name: &str, what: &str) {
    if !is_name(name) {
        let label = format!("lower-case letters, digits and _, a letter first, at most {MAX_NAME}");
        let place = ctx.value(path);
        ctx.error("bad-name", format!("`{name}` cannot name {what}"), place, label);
    }
}

pub fn positive(ctx: &mut Ctx<'_>, path: &str, value: Option<f64>) {
    if value.is_some_and(|v| v <= 0.0) {
        let place = ctx.value(path);
        ctx.error("bad-value", format!("`{path}` must be above 0"), place, "in US dollars");
    }
}
