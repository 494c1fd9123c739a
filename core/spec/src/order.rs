//! The order in which steps run: after what they read, otherwise as in the file. Names that are taken twice, unknown
//! steps and cycles are reported.

use super::lower::Ctx;
use spotmill_core::model::{Pipeline, Source, Step};
use spotmill_core::nearest::nearest;

/// Indices into `pipeline.steps`; complete only if nothing was reported.
pub fn order(ctx: &mut Ctx<'_>, pipeline: &Pipeline) -> Vec<usize> {
    duplicates(ctx, pipeline);
    unknown(ctx, pipeline);
    let mut order: Vec<usize> = Vec::new();
    while order.len() < pipeline.steps.len() {
        let ready = |i: &usize| !order.contains(i) && reads(pipeline, *i).iter().all(|u| order.contains(u));
        match (0..pipeline.steps.len()).find(ready) {
            Some(next) => order.push(next),
            None => break,
        }
    }
    if order.len() < pipeline.steps.len() {
        cycle(ctx, pipeline, &order);
    }
    order
}

fn duplicates(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    for (i, step) in pipeline.steps.iter().enumerate() {
        let first = pipeline.steps[..i].iter().position(|s| s.name == step.name && !s.name.is_empty());
        if let Some(first) = first {
            let place = ctx.value(&format!("step.{i}.name"));
            let label = format!("the other is at line {}", ctx.line(&format!("step.{first}.name")));
            ctx.error("duplicate-step", format!("two steps are called `{}`", step.name), place, label);
        }
    }
}

/// Every place where step `i` names another, with the key it stands in.
pub fn references(i: usize, step: &Step) -> Vec<(String, &str)> {
    let tables = step.tables.iter().map(|(name, t)| (format!("step.{i}.tables.{name}.step"), &t.source));
    let all = std::iter::once((format!("step.{i}.input.step"), &step.input.source)).chain(tables);
    let steps = all.filter_map(|(path, source)| match source {
        Source::Step { step, .. } => Some((path, step.as_str())),
        Source::Path(_) => None,
    });
    steps.collect()
}

fn unknown(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    let names: Vec<&str> = pipeline.steps.iter().map(|s| s.name.as_str()).collect();
    for (i, step) in pipeline.steps.iter().enumerate() {
        for (path, name) in references(i, step) {
            if names.contains(&name) {
                continue;
            }
            let others: Vec<&str> = names.iter().copied().filter(|n| *n != step.name).collect();
            let label = match nearest(name, others.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if others.is_empty() => "there is no other step".to_owned(),
                None => format!("steps: {}", others.join(", ")),
            };
            let place = ctx.value(&path);
            ctx.error("unknown-step", format!("there is no step `{name}`"), place, label);
        }
    }
}

/// Existing steps that step `i` reads.
fn reads(pipeline: &Pipeline, i: usize) -> Vec<usize> {
    let named = pipeline.steps[i].upstream();
    named.filter_map(|name| pipeline.steps.iter().position(|s| s.name == name)).collect()
}

/// One loop among the steps that never became ready, starting at the first of them in the file.
fn cycle(ctx: &mut Ctx<'_>, pipeline: &Pipeline, done: &[usize]) {
    let stuck = |i: &usize| !done.contains(i);
    let Some(start) = (0..pipeline.steps.len()).find(stuck) else { return };
    let mut path = vec![start];
    let looped = loop {
        let at = path[path.len() - 1];
        let Some(next) = reads(pipeline, at).into_iter().find(|u| stuck(u)) else { return };
        if let Some(from) = path.iter().position(|p| *p == next) {
            break path.split_off(from);
        }
        path.push(next);
    };
    let name = |i: &usize| pipeline.steps[*i].name.as_str();
    let first = looped[0];
    let names: Vec<&str> = looped.iter().chain(std::iter::once(&first)).map(name).collect();
    let title = format!("steps wait for each other: {}", names.join(" → "));
    let read = looped.get(1).copied().unwrap_or(first);
    let key = |i: usize, wanted: usize| {
        let found = references(i, &pipeline.steps[i]).into_iter().find(|(_, n)| *n == name(&wanted));
        found.map_or_else(|| format!("step.{i}.input.step"), |(path, _)| path)
    };
    let after = looped.get(2).copied().unwrap_or(first);
    let place = ctx.value(&key(first, read));
    let label = if read == first {
        "a step cannot read itself".to_owned()
    } else {
        format!("{} reads {} at line {}", name(&read), name(&after), ctx.line(&key(read, after)))
    };
    ctx.error("cycle", title, place, label);
}
