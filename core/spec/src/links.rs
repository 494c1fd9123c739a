//! What holds between a step and the steps it reads: partitions exist where they are asked for, joined buckets
//! match, only Parquet is read back, and `unique` can be proved from one item at a time.

use super::lower::Ctx;
use spotmill_core::model::{By, Format, Layout, Pipeline, RowsRule, Source, Step, Transform};

pub fn check(ctx: &mut Ctx<'_>, pipeline: &Pipeline) {
    for (i, step) in pipeline.steps.iter().enumerate() {
        let input = format!("step.{i}.input");
        partitioned(ctx, pipeline, &input, &step.input.source);
        readable(ctx, pipeline, &input, &step.input.source);
        for (name, table) in &step.tables {
            let path = format!("step.{i}.tables.{name}");
            partitioned(ctx, pipeline, &path, &table.source);
            readable(ctx, pipeline, &path, &table.source);
            alike(ctx, pipeline, step, &path, &table.source);
        }
        unique(ctx, pipeline, i, step);
        values_take_some(ctx, i, step);
    }
}

/// Items by value read the rows of these values and no others: nobody can promise for the rest.
fn values_take_some(ctx: &mut Ctx<'_>, i: usize, step: &Step) {
    let Some(values) = step.input.values.as_ref().filter(|_| step.rows == Some(RowsRule::Same)) else { return };
    let place = ctx.pair(&format!("step.{i}.rows"));
    let title = format!("`rows = \"same\"` cannot hold with `values` of `{}`", values.column);
    let label = format!(
        "rows whose `{}` is none of the values, or NULL, are in no item: remove this line to leave them out, or `values` \
         to keep them",
        values.column
    );
    ctx.error("rows-left-out", title, place, label);
}

pub(super) fn layout<'p>(pipeline: &'p Pipeline, source: &Source) -> Option<&'p Layout> {
    match source {
        Source::Step { step, .. } => pipeline.step(step).map(|s| &s.output.layout),
        Source::Path(_) => None,
    }
}

fn partitioned(ctx: &mut Ctx<'_>, pipeline: &Pipeline, path: &str, source: &Source) {
    let Source::Step { step, by: By::Partition } = source else { return };
    let Some(upstream) = pipeline.steps.iter().position(|s| s.name == *step) else { return };
    let written = |key: &str| ctx.has(&format!("step.{upstream}.output.{key}"));
    if layout(pipeline, source) != Some(&Layout::Single) || written("partition_by") || written("bucket_by") {
        return;
    }
    let place = ctx.value(&format!("{path}.by"));
    let title = format!("`by = \"partition\"`, but `{step}` writes no partitions");
    let label = "give its output `partition_by` or `bucket_by`, or use \"file\" or \"all\"";
    ctx.error("not-partitioned", title, place, label);
}

fn readable(ctx: &mut Ctx<'_>, pipeline: &Pipeline, path: &str, source: &Source) {
    let Source::Step { step, .. } = source else { return };
    let Some(format) = pipeline.step(step).map(|s| s.output.format) else { return };
    if let Format::Csv | Format::Ndjson = format {
        let name = if format == Format::Csv { "CSV" } else { "NDJSON" };
        let place = ctx.value(&format!("{path}.step"));
        let label = "let it write Parquet, and a last step the text";
        ctx.error("not-parquet", format!("`{step}` writes {name}; steps read only Parquet"), place, label);
    }
}

/// A table by partition has the bucket, or partition, of the item.
fn alike(ctx: &mut Ctx<'_>, pipeline: &Pipeline, step: &Step, path: &str, source: &Source) {
    let Source::Step { by: By::Partition, .. } = source else { return };
    let place = ctx.value(path);
    let title = "tables joined by partition must be bucketed alike";
    if !matches!(step.input.source, Source::Step { by: By::Partition, .. }) {
        return ctx.error("buckets-differ", title, place, "the input is not read by partition");
    }
    let (Some(table), Some(input)) = (layout(pipeline, source), layout(pipeline, &step.input.source)) else { return };
    let same = match (table, input) {
        (Layout::Bucket { by: a, buckets: n }, Layout::Bucket { by: b, buckets: m }) => n == m && a.len() == b.len(),
        (Layout::Partition { by: a }, Layout::Partition { by: b }) => a == b,
        // Reported by `partitioned`.
        (Layout::Single, _) | (_, Layout::Single) => true,
        _ => false,
    };
    if !same {
        let label = format!("{}; input has {}", described(table), described(input));
        ctx.error("buckets-differ", title, place, label);
    }
}

fn described(layout: &Layout) -> String {
    match layout {
        Layout::Single => "no partitions".to_owned(),
        Layout::Partition { by } => format!("partitions of {}", by.join(", ")),
        Layout::Bucket { by, buckets } => format!("{buckets} buckets of {}", by.join(", ")),
    }
}

/// Items are checked one by one, so uniqueness over the step must follow from uniqueness within an item: there is one
/// item, or rows of different items differ in a column that `unique` names.
fn unique(ctx: &mut Ctx<'_>, pipeline: &Pipeline, i: usize, step: &Step) {
    let unique = &step.expect.unique;
    if unique.is_empty() {
        return;
    }
    // Whether a query keeps what its items were cut by is decided when its types are resolved (`typed`).
    let cut = step.input.values.is_some() || matches!(step.input.source, Source::Step { by: By::Partition, .. });
    if cut && matches!(step.transform, Transform::Sql { .. }) {
        return;
    }
    let place = ctx.value(&format!("step.{i}.expect.unique"));
    let reason = match (&step.input.source, &step.input.values) {
        (_, Some(values)) if unique.contains(&values.column) => return,
        (_, Some(values)) => format!("items differ in `{}` (`values`): name it too", values.column),
        (Source::Step { by: By::All, .. }, None) => return,
        (Source::Step { by: By::Partition, step: upstream }, None) => match layout(pipeline, &step.input.source) {
            Some(Layout::Partition { by } | Layout::Bucket { by, .. }) => {
                let missing: Vec<&str> = by.iter().filter(|c| !unique.contains(c)).map(String::as_str).collect();
                if missing.is_empty() {
                    return;
                }
                format!("items are partitions of `{upstream}`: name {} too", missing.join(", "))
            }
            // Reported elsewhere.
            _ => return,
        },
        _ => "items are files: read a step with by = \"partition\" or \"all\"".to_owned(),
    };
    let title = format!("`unique` cannot be checked: two items of `{}` may make the same row", step.name);
    ctx.error("unique-unprovable", title, place, reason);
}
