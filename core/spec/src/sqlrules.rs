//! The SQL of every step and check, as far as it can be judged without types: it is one SELECT, its tables are
//! declared, its params exist.

use super::lower::Ctx;
use super::problem::{Place, Problem};
use crate::sql::{self, Complaint, Select};
use spotmill_core::model::{Pipeline, Step, Transform};
use std::ops::Range;

pub fn check(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    for (i, step) in pipeline.steps.iter().enumerate() {
        if let Transform::Sql { text, file } = &step.transform {
            let at = Text { path: format!("step.{i}.sql"), file: file.clone() };
            if !readable(ctx, &at) {
                continue;
            }
            match sql::parse(text) {
                Ok(select) => {
                    tables(ctx, &at, step, &select);
                    params(ctx, &at, &select);
                }
                Err(complaints) => complaints.into_iter().for_each(|c| complain(ctx, &at, step, c)),
            }
        }
        for (n, check) in step.expect.check.iter().enumerate() {
            let at = Text { path: format!("step.{i}.expect.check.{n}"), file: None };
            match sql::parse_condition(check) {
                Ok(select) => params(ctx, &at, &select),
                Err(complaints) => complaints.into_iter().for_each(|c| complain(ctx, &at, step, c)),
            }
        }
    }
}

/// A SQL text: in its own file, or the value of a key.
struct Text {
    path: String,
    file: Option<String>,
}

/// A missing file or key has been reported.
fn readable(ctx: &Ctx<'_>, at: &Text) -> bool {
    match &at.file {
        Some(file) => ctx.sources.sql_files.contains_key(file),
        None => ctx.root.find(&at.path).and_then(super::tree::Node::text).is_some(),
    }
}

fn place(ctx: &Ctx<'_>, at: &Text, span: Range<usize>) -> Place {
    match &at.file {
        Some(file) => Place { file: ctx.sources.shown(file), span },
        None => ctx.inside(&at.path, span),
    }
}

fn complain(ctx: &mut Ctx<'_>, at: &Text, step: &Step, complaint: Complaint) {
    let mut label = complaint.label;
    if complaint.name == "braces-in-sql" {
        label = braces_label(ctx, label);
    }
    if complaint.name == "undeclared-read" && label.contains("[step.tables.…]") {
        label = label.replace('…', &suggested_table(step, &complaint.span));
    }
    let place = place(ctx, at, complaint.span);
    ctx.report(Problem::error(complaint.name, complaint.title).at(place, label));
}

/// `write $date (a DATE, no quotes)`.
fn braces_label(ctx: &Ctx<'_>, label: String) -> String {
    use spotmill_core::model::ParamType as P;
    let ty = label.strip_prefix("write $").and_then(|name| ctx.params.get(name).copied().flatten());
    let kind = match ty {
        Some(P::Date) => "a DATE",
        Some(P::Timestamp) => "a TIMESTAMP",
        Some(P::String | P::Path) => "a string",
        Some(P::Bool) => "a boolean",
        Some(_) => "a number",
        None => return label,
    };
    format!("{label} ({kind}, no quotes)")
}

/// A name for the table: the alias that follows the call, or the file's name in it.
fn suggested_table(step: &Step, span: &Range<usize>) -> String {
    let Transform::Sql { text, .. } = &step.transform else { return "NAME".to_owned() };
    let call = text.get(span.end..).unwrap_or_default();
    let quoted = call.split_once('(').map(|(_, rest)| rest).and_then(|rest| rest.trim_start().strip_prefix('\''));
    let file = quoted.and_then(|q| q.split_once('\'')).map(|(path, _)| path.rsplit('/').next().unwrap_or(path));
    let stem = file.map(|f| f.split('.').next().unwrap_or(f)).unwrap_or_default();
    if super::names::is_table_name(stem) { stem.to_owned() } else { "NAME".to_owned() }
}

fn tables(ctx: &mut Ctx<'_>, at: &Text, step: &Step, select: &Select) {
    let mut declared = vec![step.input.alias.as_str()];
    declared.extend(step.tables.keys().map(String::as_str));
    for (name, span) in &select.tables {
        if declared.contains(&name.as_str()) {
            continue;
        }
        let place = place(ctx, at, span.clone());
        let title = format!("step `{}` has no table `{name}`", step.name);
        let list: Vec<String> = declared.iter().map(|d| format!("`{d}`")).collect();
        let label = match spotmill_core::nearest::nearest(name, declared.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}; declare others as [step.tables.{name}]", list.join(", ")),
        };
        ctx.error("unknown-table", title, place, label);
    }
}

fn params(ctx: &mut Ctx<'_>, at: &Text, select: &Select) {
    for (name, span) in &select.params {
        if !ctx.params.contains_key(name) {
            let place = place(ctx, at, span.clone());
            ctx.unknown_param(name, place);
        }
    }
}
