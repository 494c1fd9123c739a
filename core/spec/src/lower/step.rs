//! One `[[step]]`: its transform, what it reads, its side tables.

use super::super::file::{BadRows, File, InputTable, SideTable, StepTable, ValuesTable};
use super::super::is_sql_file;
use super::super::names::is_table_name;
use super::super::units;
use super::{Ctx, misplaced, output, read, resources, values, wait};
use spotmill_core::model::{By, Input, MaxBadRows, OnBadRows, OnEmpty, Source, Step, Table, Transform, Values};
use std::collections::BTreeMap;

/// Rows that `on_bad_rows = "reject"` rejects at most, if the pipeline does not state a limit.
const DEFAULT_BAD_ROWS: f64 = 0.5;

pub fn steps(ctx: &mut Ctx<'_>, file: &File) -> Vec<Step> {
    if ctx.root.find("step").is_some_and(|n| n.items().is_empty()) {
        let place = ctx.value("step");
        ctx.error("missing-key", "a pipeline has at least one step", place, "add a [[step]] with name, sql and input");
    }
    file.step.iter().flatten().enumerate().map(|(i, table)| step(ctx, &format!("step.{i}"), table, file)).collect()
}

fn step(ctx: &mut Ctx<'_>, path: &str, table: &StepTable, file: &File) -> Step {
    let name = table.name.clone().unwrap_or_default();
    if table.name.is_some() {
        values::check_name(ctx, &format!("{path}.name"), &name, "a step");
    }
    let input = input(ctx, &format!("{path}.input"), table.input.as_ref());
    let tables = tables(ctx, path, &table.tables, &input.alias);
    Step {
        name,
        transform: transform(ctx, path, table),
        input,
        tables,
        output: output::output(ctx, path, table.output.as_ref()),
        rows: table.rows,
        expect: output::expect(ctx, path, table.expect.as_ref()),
        resources: resources::resources(ctx, path, table.resources.as_ref(), file.resources.as_ref()),
        deadline_secs: resources::deadline(ctx, path, table.deadline.as_ref()),
    }
}

fn transform(ctx: &mut Ctx<'_>, path: &str, table: &StepTable) -> Transform {
    let has = |ctx: &Ctx<'_>, key: &str| ctx.has(&format!("{path}.{key}"));
    if has(ctx, "sql") == has(ctx, "transform") {
        let place = if has(ctx, "sql") { ctx.key(&format!("{path}.transform")) } else { ctx.value(path) };
        ctx.error("one-transform", "a step has `sql` or `transform`", place, "write exactly one of them");
    }
    if has(ctx, "with") && !has(ctx, "transform") {
        let place = ctx.key(&format!("{path}.with"));
        ctx.error("misplaced-key", "`with` has no meaning here", place, "it is for `transform`; SQL takes params");
    }
    if let Some(name) = &table.transform {
        let with = table.with.iter().flatten().map(|(k, v)| (k.clone(), v.0.clone())).collect();
        return Transform::Function { name: name.clone(), with };
    }
    let text = table.sql.clone().unwrap_or_default();
    if !is_sql_file(&text) {
        return Transform::Sql { text, file: None };
    }
    let place = ctx.value(&format!("{path}.sql"));
    let found = ctx.sources.sql_files.get(&text).cloned();
    if found.is_none() {
        ctx.error("missing-file", format!("there is no file `{text}`"), place, "relative to the pipeline file");
    }
    Transform::Sql { text: found.unwrap_or_default(), file: Some(text) }
}

fn input(ctx: &mut Ctx<'_>, path: &str, table: Option<&InputTable>) -> Input {
    let Some(table) = table else { return no_input(ctx, path) };
    let alias = table.alias.clone().unwrap_or_else(|| "input".to_owned());
    if table.alias.is_some() {
        check_table_name(ctx, &alias, ctx.value(&format!("{path}.as")));
    }
    let source = source(ctx, path, table.path.as_ref(), table.step.as_ref(), table.by, true);
    let is_path = matches!(source, Source::Path(_));
    let read = read::read(ctx, path, &table.read, &source);
    let item_bytes = table.item_bytes.as_ref().and_then(|t| resources::size(ctx, &format!("{path}.item_bytes"), t));
    let whole = matches!(source, Source::Step { by: By::All | By::Partition, .. });
    misplaced(ctx, &format!("{path}.item_bytes"), whole, "an item reads all of it");
    let sliced = ctx.has(&format!("{path}.values"));
    misplaced(ctx, &format!("{path}.item_bytes"), sliced && !whole, "an item is one of `values`");
    if sliced && matches!(source, Source::Step { by: By::Partition | By::File, .. }) {
        let place = ctx.value(&format!("{path}.by"));
        ctx.error("bad-values", "`values` cuts the whole input", place, "use \"all\", or remove `values`");
    }
    misplaced(ctx, &format!("{path}.max_bad_rows"), !is_path, "rows of a step have been parsed already");
    Input {
        alias,
        values: table.values.as_ref().map(|v| values(ctx, &format!("{path}.values"), v)),
        item_bytes,
        on_empty: table.on_empty.unwrap_or(OnEmpty::Fail),
        max_bad_rows: max_bad_rows(ctx, path, table),
        wait_for: wait::wait_for(ctx, path, table.wait_for.as_ref(), is_path),
        source,
        read,
    }
}

/// The shape check has reported that it is missing.
fn no_input(ctx: &mut Ctx<'_>, path: &str) -> Input {
    let source = Source::Path(String::new());
    let keys = super::super::file::ReadKeys::default();
    let read = read::read(ctx, path, &keys, &source);
    Input {
        alias: "input".to_owned(),
        source,
        read,
        values: None,
        item_bytes: None,
        on_empty: OnEmpty::Fail,
        max_bad_rows: MaxBadRows::Unlimited,
        wait_for: None,
    }
}

fn source(
    ctx: &mut Ctx<'_>,
    path: &str,
    files: Option<&String>,
    step: Option<&String>,
    by: Option<By>,
    is_input: bool,
) -> Source {
    let has = |ctx: &Ctx<'_>, key: &str| ctx.has(&format!("{path}.{key}"));
    let what = if is_input { "an input" } else { "a table" };
    if has(ctx, "path") == has(ctx, "step") {
        let place = if has(ctx, "path") { ctx.key(&format!("{path}.step")) } else { ctx.value(path) };
        ctx.error("one-source", format!("{what} has `path` or `step`"), place, "write exactly one of them");
    }
    if let Some(step) = step {
        if is_input && !has(ctx, "by") {
            let place = ctx.value(&format!("{path}.step"));
            let label = "add `by = \"partition\"`, \"file\" or \"all\"";
            ctx.error("missing-key", "say what one item reads of the step", place, label);
        }
        return Source::Step { step: step.clone(), by: by.unwrap_or(By::All) };
    }
    if has(ctx, "by") && has(ctx, "path") {
        let place = ctx.key(&format!("{path}.by"));
        let label = if is_input { "files are packed by `item_bytes`" } else { "files are read whole by every item" };
        ctx.error("misplaced-key", "`by` is for a step", place, label);
    }
    let template = files.cloned().unwrap_or_default();
    if files.is_some() {
        ctx.template(&format!("{path}.path"), &template);
    }
    Source::Path(template)
}

fn tables(ctx: &mut Ctx<'_>, step: &str, tables: &BTreeMap<String, SideTable>, alias: &str) -> BTreeMap<String, Table> {
    let mut out = BTreeMap::new();
    for (name, table) in tables {
        let path = format!("{step}.tables.{name}");
        check_table_name(ctx, name, ctx.key(&path));
        if name == alias {
            let place = ctx.key(&path);
            ctx.error("duplicate-table", format!("`{name}` is the input"), place, "give the table another name");
        }
        let source = source(ctx, &path, table.path.as_ref(), table.step.as_ref(), table.by, false);
        if matches!(source, Source::Step { by: By::File, .. }) {
            let place = ctx.value(&format!("{path}.by"));
            ctx.error("bad-value", "a table is read whole or by partition", place, "\"all\" or \"partition\"");
        }
        let read = read::read(ctx, &path, &table.read, &source);
        out.insert(name.clone(), Table { source, read });
    }
    out
}

fn check_table_name(ctx: &mut Ctx<'_>, name: &str, place: super::super::problem::Place) {
    if !is_table_name(name) {
        ctx.error(
            "bad-name",
            format!("`{name}` cannot name a table"),
            place,
            "letters, digits and _, and no SQL keyword",
        );
    }
}

fn values(ctx: &mut Ctx<'_>, path: &str, table: &ValuesTable) -> Values {
    let range = table.from.zip(table.to);
    let has = |key: &str| ctx.has(&format!("{path}.{key}"));
    let as_range = has("from") || has("to");
    let wrong = match (as_range, has("list")) {
        (true, true) => Some("a range or a list, not both"),
        (false, false) => Some("add `from` and `to`, or `list`"),
        (true, false) if !(has("from") && has("to")) => Some("a range has `from` and `to`"),
        (true, false) if range.is_some_and(|(a, b)| a > b) => Some("`to` is less than `from`"),
        (false, true) if table.list.as_ref().is_some_and(Vec::is_empty) => Some("the list is empty"),
        _ => None,
    };
    if let Some(label) = wrong {
        let place = ctx.value(path);
        ctx.error("bad-values", "`values` names the items of a step", place, label);
    }
    let too_many = range.is_some_and(|(a, b)| b.saturating_sub(a) >= i64::from(spotmill_core::bounds::MAX_ITEMS));
    if too_many {
        let place = ctx.value(path);
        ctx.error("bad-values", "a step has at most 1,000,000 items", place, "a wider slice an item");
    }
    let list = table.list.clone();
    let repeated = list.as_ref().and_then(|l| (1..l.len()).find(|i| l[..*i].contains(&l[*i])));
    if let Some(i) = repeated {
        let place = ctx.value(&format!("{path}.list.{i}"));
        ctx.error("bad-values", "this value is twice in the list", place, "its rows would be read twice");
    }
    Values { column: table.column.clone().unwrap_or_default(), range, list }
}

fn max_bad_rows(ctx: &mut Ctx<'_>, path: &str, table: &InputTable) -> MaxBadRows {
    let at = format!("{path}.max_bad_rows");
    let rejects = matches!(table.read.on_bad_rows, Some(OnBadRows::Reject));
    if ctx.has(&at) && !rejects && !ctx.has(&format!("{path}.step")) {
        let place = ctx.pair(&at);
        ctx.error(
            "misplaced-key",
            "`max_bad_rows` needs `on_bad_rows = \"reject\"`",
            place,
            "now the first bad row fails the item",
        );
    }
    match &table.max_bad_rows {
        // A wrong delimiter rejects every row, and nobody meant that.
        None if rejects => MaxBadRows::Fraction(DEFAULT_BAD_ROWS),
        None => MaxBadRows::Unlimited,
        Some(BadRows::Count(rows)) => MaxBadRows::Rows(*rows),
        Some(BadRows::Share(text)) => match units::share(text) {
            Ok(share) if share <= 1.0 => MaxBadRows::Fraction(share),
            other => {
                let place = ctx.value(&at);
                let reason = other.err().unwrap_or_else(|| "at most \"100%\"".to_owned());
                ctx.error("bad-value", format!("\"{text}\" is no share of rows"), place, reason);
                MaxBadRows::Unlimited
            }
        },
    }
}
