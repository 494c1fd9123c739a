//! Rules on what is published: text only where nobody reads it back, one destination a step, a destination that
//! distinguishes the runs.

use super::lower::Ctx;
use super::params::text_of;
use super::problem::Problem;
use super::template;
use spotmill_core::location;
use spotmill_core::model::{Format, Pipeline, Source, Step};

pub fn check(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    for (i, step) in pipeline.steps.iter().enumerate() {
        text_goes_out(ctx, i, step);
        distinguishes_runs(ctx, pipeline, i, step);
        own_destination(ctx, pipeline, i, step);
        outside_inputs(ctx, pipeline, i, step);
        is_used(ctx, pipeline, i, step);
    }
    unused_params(ctx, pipeline);
}

fn text_goes_out(ctx: &mut Ctx<'_>, i: usize, step: &Step) {
    if matches!(step.output.format, Format::Csv | Format::Ndjson) && !ctx.has(&format!("step.{i}.output.destination")) {
        let place = ctx.value(&format!("step.{i}.output.format"));
        ctx.error("not-parquet", "an intermediate output is Parquet", place, "add a `destination`, or remove `format`");
    }
}

fn distinguishes_runs(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, step: &Step) {
    let Some(destination) = &step.output.destination else { return };
    if step.output.replace_all || template::pieces(destination).is_err() {
        return;
    }
    let used = template::params(destination);
    let declared = pipeline.key.iter().filter(|k| pipeline.params.contains_key(*k));
    let missing: Vec<&String> = declared.filter(|k| !used.contains(k)).collect();
    if missing.is_empty() {
        return;
    }
    let title = match missing.as_slice() {
        [one] => format!("each {one} would replace the one before"),
        _ => "each run would replace the one before".to_owned(),
    };
    let braced: Vec<String> = missing.iter().map(|k| format!("{{{k}}}")).collect();
    let place = ctx.value(&format!("step.{i}.output.destination"));
    let label = format!("add {}, or set replace = \"all\"", braced.join(" and "));
    ctx.error("destination-ignores-key", title, place, label);
}

fn own_destination(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, step: &Step) {
    let Some(mine) = step.output.destination.as_deref().map(normal) else { return };
    for (j, other) in pipeline.steps[..i].iter().enumerate() {
        let Some(theirs) = other.output.destination.as_deref().map(normal) else { continue };
        let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below(&mine, &theirs) || below(&theirs, &mine) {
            let line = ctx.line(&format!("step.{j}.output.destination"));
            let place = ctx.value(&format!("step.{i}.output.destination"));
            let title = format!("`{}` and `{}` would publish into each other", other.name, step.name);
            ctx.error("shared-destination", title, place, format!("the other is at line {line}"));
        }
    }
}

/// A path that holds a destination would be read the next time with what was published there. Params with a value of
/// their own are in place; the others stand for themselves on both sides.
fn outside_inputs(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, step: &Step) {
    let Some(destination) = &step.output.destination else { return };
    let folder = location::normal(&loosely(pipeline, destination));
    for (j, reader) in pipeline.steps.iter().enumerate() {
        let input = std::iter::once((format!("step.{j}.input.path"), &reader.input.source));
        let tables = reader.tables.iter().map(|(name, t)| (format!("step.{j}.tables.{name}.path"), &t.source));
        for (at, source) in input.chain(tables) {
            let Source::Path(path) = source else { continue };
            let pattern = location::normal(&loosely(pipeline, path));
            if location::may_match_below(&pattern, &folder, &step.output.ending()) {
                let place = ctx.value(&format!("step.{i}.output.destination"));
                let title = format!("the destination of `{}`, {destination}, lies in the input {path}", step.name);
                let label = format!(
                    "`{}` (line {}) would read what is published here: choose another destination, or a narrower path",
                    reader.name,
                    ctx.line(&at)
                );
                return ctx.error("destination-in-input", title, place, label);
            }
        }
    }
}

/// The template with the defaults of its params; `{date}` and others without one stay.
fn loosely(pipeline: &Pipeline, template: &str) -> String {
    let Ok(pieces) = template::pieces(template) else { return template.to_owned() };
    let text = |piece: template::Piece| match piece {
        template::Piece::Text(text) => text,
        template::Piece::Param { name, pattern, .. } => {
            let default = pipeline.params.get(&name).and_then(|p| p.default.as_ref());
            match (default, pattern) {
                (Some(value), None) if !pipeline.key.contains(&name) => text_of(value).trim_end_matches('/').to_owned(),
                (_, pattern) => format!("{{{name}:{}}}", pattern.unwrap_or_default().replace('/', "|")),
            }
        }
    };
    pieces.into_iter().map(text).collect()
}

fn normal(destination: &str) -> String {
    location::normal(destination)
}

fn is_used(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, step: &Step) {
    let read = pipeline.steps.iter().any(|s| s.upstream().any(|u| u == step.name));
    if !read && !step.name.is_empty() && !ctx.has(&format!("step.{i}.output.destination")) {
        let place = ctx.value(&format!("step.{i}.name"));
        let title = format!("nothing reads `{}`, and it has no destination", step.name);
        ctx.report(Problem::warning("unused-step", title).at(place, "its rows go nowhere"));
    }
}

fn unused_params(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    let mut used: Vec<String> = pipeline.key.clone();
    for step in &pipeline.steps {
        used.extend(params_of(step));
    }
    for name in pipeline.params.keys() {
        let function_may_use =
            pipeline.steps.iter().any(|s| matches!(s.transform, spotmill_core::model::Transform::Function { .. }));
        if !used.contains(name) && !function_may_use {
            let place = ctx.key(&format!("params.{name}"));
            ctx.report(
                Problem::warning("unused-param", format!("nothing uses `{name}`")).at(place, "use it or remove it"),
            );
        }
    }
}

fn params_of(step: &Step) -> Vec<String> {
    let paths = step.sources().filter_map(|s| match s {
        spotmill_core::model::Source::Path(path) => Some(path.as_str()),
        spotmill_core::model::Source::Step { .. } => None,
    });
    let mut used: Vec<String> = paths.chain(step.output.destination.as_deref()).flat_map(template::params).collect();
    if let spotmill_core::model::Transform::Sql { text, .. } = &step.transform {
        used.extend(crate::sql::params(text));
    }
    let marker = step.input.wait_for.as_ref().and_then(|wait| wait.exists.as_deref());
    used.extend(marker.map(template::params).unwrap_or_default());
    used.extend(step.expect.check.iter().flat_map(|c| crate::sql::params(c)));
    used
}
