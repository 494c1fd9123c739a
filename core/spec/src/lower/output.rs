//! What a step writes and what must hold of it.

use super::super::file::{ExpectTable, OnFailKind, OutputTable, ReplaceKind, SchemaChangeKind, SortEntry};
use super::super::problem::Problem;
use super::super::units;
use super::{Ctx, catalog, resources};
use spotmill_core::model::{Expect, Format, Layout, Output, OutputCompression, SortKey};

/// `bucket=00007`: five digits.
const MAX_BUCKETS: u32 = 99_999;

pub fn output(ctx: &mut Ctx<'_>, step: &str, table: Option<&OutputTable>) -> Output {
    let none = OutputTable::default();
    let (table, path) = (table.unwrap_or(&none), format!("{step}.output"));
    let format = table.format.unwrap_or(Format::Parquet);
    if let Some(destination) = &table.destination {
        destination_path(ctx, &format!("{path}.destination"), destination);
    }
    for key in ["header", "delimiter"] {
        if ctx.has(&format!("{path}.{key}")) && format != Format::Csv {
            let place = ctx.key(&format!("{path}.{key}"));
            ctx.error("misplaced-key", format!("`{key}` has no meaning here"), place, "it is for CSV");
        }
    }
    if table.delimiter.as_ref().is_some_and(|d| d != "," && d != "\t") {
        let place = ctx.value(&format!("{path}.delimiter"));
        let label = "\",\" or \"\\t\": the ending of a file, .csv or .tsv, tells its readers";
        ctx.error("bad-value", "files are written with commas or tabs", place, label);
    }
    for key in ["replace", "schema_change"] {
        if ctx.has(&format!("{path}.{key}")) && !ctx.has(&format!("{path}.destination")) {
            let place = ctx.key(&format!("{path}.{key}"));
            let title = format!("`{key}` has no meaning here");
            ctx.error("misplaced-key", title, place, "it is for a step with a `destination`");
        }
    }
    if format == Format::Arrow {
        let place = ctx.value(&format!("{path}.format"));
        ctx.error("bad-value", "files are not written as Arrow", place, "\"parquet\", \"csv\" or \"ndjson\"");
    }
    if table.file_rows == Some(0) {
        let place = ctx.value(&format!("{path}.file_rows"));
        ctx.error("bad-value", "a file has at least one row", place, "remove the key for one file");
    }
    let layout = layout(ctx, &path, table);
    Output {
        format,
        compression: compression(ctx, &path, table.compression, format),
        catalog: catalog::catalog(ctx, &path, table, format, &layout),
        after_publish: catalog::after_publish(ctx, &path, table.after_publish.as_ref()),
        layout,
        sort_by: table.sort_by.iter().flatten().filter_map(sort_key).collect(),
        file_bytes: table.file_bytes.as_ref().and_then(|t| resources::size(ctx, &format!("{path}.file_bytes"), t)),
        file_rows: table.file_rows,
        destination: table.destination.clone(),
        replace_all: table.replace == Some(ReplaceKind::All),
        schema_change_allowed: table.schema_change == Some(SchemaChangeKind::Allow),
        header: table.header.unwrap_or(true),
        tabs: table.delimiter.as_deref() == Some("\t"),
    }
}

fn destination_path(ctx: &mut Ctx<'_>, path: &str, destination: &str) {
    ctx.template(path, destination);
    if destination.contains(['*', '?', '[']) {
        let place = ctx.value(path);
        ctx.error("bad-path", "a destination names one place", place, "no `*`, `?` or `[` here");
    }
}

fn compression(ctx: &mut Ctx<'_>, path: &str, asked: Option<OutputCompression>, format: Format) -> OutputCompression {
    use OutputCompression as C;
    let text = matches!(format, Format::Csv | Format::Ndjson);
    if text && matches!(asked, Some(C::Snappy | C::Lz4)) {
        let place = ctx.value(&format!("{path}.compression"));
        ctx.error("bad-value", "text is compressed with gzip or zstd", place, "or \"none\"");
    }
    asked.unwrap_or(if text { C::None } else { C::Zstd })
}

fn layout(ctx: &mut Ctx<'_>, path: &str, table: &OutputTable) -> Layout {
    for key in ["partition_by", "bucket_by"] {
        let at = format!("{path}.{key}");
        let names = if key == "partition_by" { &table.partition_by } else { &table.bucket_by };
        if let Some(names) = names {
            distinct(ctx, &at, names);
        }
    }
    let at = |key: &str| format!("{path}.{key}");
    if ctx.has(&at("partition_by")) && ctx.has(&at("bucket_by")) {
        let place = ctx.key(&at("bucket_by"));
        let label = format!("`partition_by` is at line {}; choose one", ctx.line(&at("partition_by")));
        ctx.error("two-layouts", "an output has partitions or buckets, not both", place, label);
    }
    match (&table.partition_by, &table.bucket_by) {
        (Some(by), _) => {
            if ctx.has(&at("buckets")) && !ctx.has(&at("bucket_by")) {
                stray_buckets(ctx, &at("buckets"));
            }
            Layout::Partition { by: by.clone() }
        }
        (None, Some(by)) => {
            if !ctx.has(&at("buckets")) {
                let place = ctx.key(&at("bucket_by"));
                ctx.error("missing-key", "`bucket_by` needs `buckets`", place, "say how many, such as `buckets = 32`");
            }
            let buckets = table.buckets.unwrap_or(1);
            if !(1..=MAX_BUCKETS).contains(&buckets) {
                let place = ctx.value(&at("buckets"));
                ctx.error("bad-value", "`buckets` is 1 to 99,999", place, format!("not {buckets}"));
            }
            Layout::Bucket { by: by.clone(), buckets }
        }
        (None, None) => {
            if ctx.has(&at("buckets")) && !ctx.has(&at("bucket_by")) {
                stray_buckets(ctx, &at("buckets"));
            }
            Layout::Single
        }
    }
}

fn stray_buckets(ctx: &mut Ctx<'_>, at: &str) {
    let place = ctx.key(at);
    ctx.error("missing-key", "`buckets` needs `bucket_by`", place, "name the columns to hash");
}

fn distinct(ctx: &mut Ctx<'_>, at: &str, names: &[String]) {
    if names.is_empty() && !ctx.has(&format!("{at}.0")) {
        let place = ctx.pair(at);
        ctx.error("bad-value", "this names no column", place, "name columns, or remove the key");
    }
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            let place = ctx.value(&format!("{at}.{i}"));
            ctx.error("duplicate-column", format!("`{name}` is named twice"), place, "once is enough");
        }
    }
}

/// `"column"`, `"-column"` or a table.
fn sort_key(entry: &SortEntry) -> Option<SortKey> {
    match entry {
        SortEntry::Text(text) => Some(match text.strip_prefix('-') {
            Some(column) => SortKey { column: column.to_owned(), descending: true },
            None => SortKey { column: text.clone(), descending: false },
        }),
        SortEntry::Table(table) => Some(SortKey { column: table.column.clone()?, descending: table.descending }),
    }
}

pub fn expect(ctx: &mut Ctx<'_>, step: &str, table: Option<&ExpectTable>) -> Expect {
    let Some(table) = table else { return Expect::default() };
    let path = format!("{step}.expect");
    for (key, names) in [("not_null", &table.not_null), ("unique", &table.unique)] {
        if ctx.has(&format!("{path}.{key}")) {
            distinct(ctx, &format!("{path}.{key}"), names);
        }
    }
    let change_path = format!("{path}.rows.max_change");
    let change = table.rows.as_ref().and_then(|r| r.max_change.as_ref());
    let max_change = change.and_then(|text| match units::share(text) {
        Ok(share) => Some(share),
        Err(reason) => {
            let place = ctx.value(&change_path);
            ctx.error("bad-value", format!("\"{text}\" is no share"), place, reason);
            None
        }
    });
    if max_change.is_some() {
        let place = ctx.pair(&change_path);
        let warning = Problem::warning("not-checked", "`max_change` is recorded but not checked");
        ctx.report(warning.at(place, "this version checks `min` only"));
    }
    Expect {
        not_null: table.not_null.clone(),
        unique: table.unique.clone(),
        check: table.check.clone(),
        min_rows: table.rows.as_ref().and_then(|r| r.min),
        max_change,
        warn_only: table.on_fail == Some(OnFailKind::Warn),
    }
}
