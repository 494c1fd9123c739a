//! Rules on what a table of Glue may name: the partition keys are what the destination tells runs apart by, so that a run
//! is one location, which one call moves; and the table can have the step's columns.

use super::locate::Parsed;
use super::lower::Ctx;
use super::problem::Problem;
use super::template::{self, Piece};
use spotmill_core::catalog::{fields, is_name};
use spotmill_core::item::{CheckReply, CheckedStep};
use spotmill_core::model::{Catalog, ParamType, Pipeline, Step};
use spotmill_core::publish::success_mark;

pub fn check(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    for (i, step) in pipeline.steps.iter().enumerate() {
        let (Some(catalog), Some(destination)) = (&step.output.catalog, &step.output.destination) else { continue };
        own_table(ctx, pipeline, i, catalog);
        if template::pieces(destination).is_ok() {
            one_location_a_run(ctx, pipeline, i, catalog, destination);
        }
    }
}

/// Two steps would move one location by turns.
fn own_table(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, catalog: &Catalog) {
    let same = |other: &Step| other.output.catalog.as_ref().is_some_and(|c| c.name() == catalog.name());
    let Some(j) = pipeline.steps[..i].iter().position(same) else { return };
    let place = ctx.value(&format!("step.{i}.output.catalog.glue"));
    let title = format!("`{}` and `{}` would keep one table", pipeline.steps[j].name, pipeline.steps[i].name);
    let label = format!("the other is at line {}: a table each", ctx.line(&format!("step.{j}.output.catalog.glue")));
    ctx.error("shared-table", title, place, label);
}

fn one_location_a_run(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, catalog: &Catalog, destination: &str) {
    let used = template::params(destination);
    let path = format!("step.{i}.output.catalog");
    let varies: Vec<&String> = pipeline.key.iter().filter(|k| used.contains(k)).collect();
    let at =
        if ctx.has(&format!("{path}.partition")) { ctx.value(&format!("{path}.partition")) } else { ctx.key(&path) };
    let quoted = |names: &[&String]| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
    let mut named: Vec<&String> = catalog.partition.iter().collect();
    let mut wanted = varies.clone();
    named.sort();
    wanted.sort();
    if named != wanted {
        let title = "the table is not partitioned by what the destination tells runs apart by".to_owned();
        let label = match varies.as_slice() {
            [] => format!("{destination} is one place for all runs: remove `partition`"),
            some => format!("{destination} varies by the key's {}: partition = [{}]", quoted(some), quoted(some)),
        };
        return ctx.error("catalog-partition", title, at, label);
    }
    let part: Vec<String> = varies.iter().map(|k| (*k).clone()).collect();
    if success_mark(&together(destination, &part), &part, "") != "_SUCCESS" {
        let place = ctx.value(&format!("step.{i}.output.destination"));
        let title = "a reader of the table would see half of what lies there";
        let label = "several runs would share this place, and each is published by itself: let it hold the whole date";
        return ctx.error("catalog-layout", title, place, label);
    }
    for name in &catalog.partition {
        let ty = pipeline.params.get(name).map(|p| p.ty);
        if ty.is_none_or(|ty| key_type(ty).is_some()) && is_name(name) {
            continue;
        }
        let why = match ty {
            Some(ty) if key_type(ty).is_none() => {
                format!("it is a {}: a date, an integer or a string", ty.column_type())
            }
            _ => "names have lower-case letters, digits and `_`".to_owned(),
        };
        ctx.error("catalog-partition", format!("a table cannot be partitioned by `{name}`"), at.clone(), why);
    }
}

/// A template with what the destination holds of each param in one place: `{date:%Y%m%d}` of `{date:%Y}/{date:%m}/{date:%d}`.
fn together(destination: &str, keys: &[String]) -> String {
    let pieces = template::pieces(destination).unwrap_or_default();
    let of = |key: &String| {
        let mut patterns = pieces.iter().filter_map(|piece| match piece {
            Piece::Param { name, pattern, .. } if name == key => Some(pattern.clone()),
            _ => None,
        });
        match patterns.try_fold(String::new(), |all, pattern| Some(all + &pattern?)) {
            Some(patterns) if !patterns.is_empty() => format!("{{{key}:{patterns}}}"),
            _ => format!("{{{key}}}"),
        }
    };
    keys.iter().map(of).collect()
}

/// The type of a partition key; None of a param whose values have more than one spelling there.
pub fn key_type(ty: ParamType) -> Option<&'static str> {
    match ty {
        ParamType::Date => Some("date"),
        ParamType::String => Some("string"),
        ParamType::Int8 => Some("tinyint"),
        ParamType::Int16 => Some("smallint"),
        ParamType::Int32 => Some("int"),
        ParamType::Int64 => Some("bigint"),
        ParamType::Bool | ParamType::Float64 | ParamType::Path | ParamType::Timestamp => None,
    }
}

/// What the table cannot have of columns that are resolved.
pub fn typed(parsed: &Parsed, reply: &CheckReply) -> Vec<Problem> {
    let mut out = Vec::new();
    for (step, checked) in parsed.pipeline.steps.iter().zip(&reply.steps) {
        let (Some(catalog), CheckedStep::Ok { output, .. }) = (&step.output.catalog, checked) else { continue };
        let Err(why) = fields(output, &catalog.partition) else { continue };
        let title = format!("table {} cannot have what `{}` makes", catalog.name(), step.name);
        let problem = Problem::error("catalog-column", title);
        out.push(match parsed.locate(&step.name, "output.catalog.glue") {
            Some(place) => problem.at(place, why),
            None => problem,
        });
    }
    out
}
