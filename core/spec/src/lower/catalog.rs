//! `[step.output.catalog]` and `[step.output.after_publish]`: who hears of a publication.

use super::super::file::{CatalogTable, HookTable, OutputTable};
use super::{Ctx, misplaced, resources};
use spotmill_core::bounds::{HAND_OVER_SECS, HOOK_SECS};
use spotmill_core::catalog::is_name;
use spotmill_core::model::{Catalog, Format, Hook, Layout};

/// The longest that a command may take: a function that is called again has about a quarter of an hour.
const MAX_HOOK_SECS: u64 = 840 - HAND_OVER_SECS;

pub fn catalog(
    ctx: &mut Ctx<'_>,
    output: &str,
    table: &OutputTable,
    format: Format,
    layout: &Layout,
) -> Option<Catalog> {
    let (catalog, path) = (table.catalog.as_ref()?, format!("{output}.catalog"));
    misplaced(ctx, &path, !ctx.has(&format!("{output}.destination")), "it is for a step with a `destination`");
    if format != Format::Parquet {
        let place = ctx.value(&format!("{output}.format"));
        let name = format!("{format}");
        let label = "remove `format`, or `catalog`: Athena reads quotes, NULLs and times of text otherwise than they are written";
        ctx.error("catalog-format", format!("a table of Glue names Parquet files, not {name}"), place, label);
    }
    if let Layout::Partition { .. } = layout {
        let place = ctx.pair(&format!("{output}.partition_by"));
        let title = "a reader of the table would see half a run";
        let label = "each folder would be a partition that is swapped by itself: remove this line, or `catalog`";
        ctx.error("catalog-layout", title, place, label);
    }
    let (database, name) = glue(ctx, &path, catalog)?;
    Some(Catalog { database, table: name, partition: catalog.partition.clone().unwrap_or_default() })
}

/// `database.table`, both as Glue keeps them.
fn glue(ctx: &mut Ctx<'_>, path: &str, catalog: &CatalogTable) -> Option<(String, String)> {
    let text = catalog.glue.as_ref()?;
    let Some((database, table)) = text.split_once('.').filter(|(a, b)| is_name(a) && is_name(b)) else {
        let place = ctx.value(&format!("{path}.glue"));
        let lower = text.to_lowercase().replace('-', "_");
        let fits = lower.split_once('.').is_some_and(|(a, b)| is_name(a) && is_name(b));
        let label = match fits {
            true => format!("names have lower-case letters, digits and `_`: \"{lower}\""),
            false => "write \"database.table\", of lower-case letters, digits and `_`".to_owned(),
        };
        ctx.error("catalog-name", format!("\"{text}\" names no table of Glue"), place, label);
        return None;
    };
    Some((database.to_owned(), table.to_owned()))
}

pub fn after_publish(ctx: &mut Ctx<'_>, output: &str, table: Option<&HookTable>) -> Option<Hook> {
    let (table, path) = (table?, format!("{output}.after_publish"));
    misplaced(ctx, &path, !ctx.has(&format!("{output}.destination")), "it is for a step with a `destination`");
    let command = table.command.clone()?;
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        let place = ctx.value(&format!("{path}.command"));
        ctx.error("bad-value", "this names no program", place, "such as [\"sh\", \"register.sh\"]");
    }
    let given = table.timeout.as_ref().and_then(|text| resources::duration(ctx, &format!("{path}.timeout"), text));
    let timeout_secs = given.unwrap_or(HOOK_SECS);
    if !(1..=MAX_HOOK_SECS).contains(&timeout_secs) {
        let place = ctx.value(&format!("{path}.timeout"));
        ctx.error("bad-value", "a command cannot take as long", place, "\"1s\" to \"13m\"");
    }
    Some(Hook { command, timeout_secs })
}
