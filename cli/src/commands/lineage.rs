//! `lineage`: what a file was made of, back to the files that no step made: which item wrote it, what that item read and
//! in which version, by which query and which worker. It reads records and changes nothing.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::result::relative;
use crate::ui::format::{bytes, count, plural};
use spotmill_core::ids::Uri;
use spotmill_core::location;
use spotmill_lambdas::lineage::{Lineage, MadeBy, Read, of_file};
use spotmill_lambdas::lineage_columns::of_file as of_columns;
use std::collections::{BTreeMap, BTreeSet};

/// Files that are named one by one.
const NAMED: usize = 20;
/// Characters of a digest.
const DIGEST: usize = 12;

pub async fn run(global: &Global, file: &str, columns: bool) -> Result<Code, Stop> {
    let whole = match file.contains("://") {
        true => location::normal(file),
        false => {
            let path = std::path::absolute(file).map_err(|e| Stop::usage(format!("{file}: {e}")))?;
            location::normal(&path.to_string_lossy())
        }
    };
    let inspector = Inspector::open(global).await?;
    let found = of_file(&inspector.ctx, &Uri::new(whole)).await.map_err(Stop::from)?;
    let Some(found) = found else {
        let runs = global.command("runs");
        return Err(Stop::usage(format!("no run of this state has made {file}, or a later one took its place"))
            .remedy(format!("name a published file, such as out/…/part.parquet; the runs: {runs}")));
    };
    let columns = match columns {
        true => Some(of_columns(&inspector.ctx, &found).await.map_err(Stop::from)?),
        false => None,
    };
    if global.json {
        Event::Lineage { lineage: Box::new(found), columns }.print();
        return Ok(Code::Done);
    }
    let lines = match &columns {
        None => lines(&found),
        Some(columns) => heading(&found).into_iter().chain(super::lineage_columns::lines(columns)).collect(),
    };
    lines.iter().for_each(|line| say!("{line}"));
    Ok(Code::Done)
}

fn heading(found: &Lineage) -> Vec<String> {
    let file = format!("{}, {}, {}", relative(&found.file), plural(found.rows, "row"), bytes(found.bytes));
    let params = found.params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    vec![file, format!("  run     {} with {}", found.run, params.join(", "))]
}

fn lines(found: &Lineage) -> Vec<String> {
    let mut lines = heading(found);
    for items in by_step(&found.items) {
        lines.extend(of_step(&items));
    }
    lines.push("  files that no step made".to_owned());
    let sources: BTreeSet<(&str, &str, u64)> = reads(&found.items).filter(|r| r.made_by.is_none()).map(named).collect();
    for (file, etag, size) in sources.iter().take(NAMED) {
        lines.push(format!("    {}  {}  version {etag}", relative(file), bytes(*size)));
    }
    if sources.len() > NAMED {
        lines.push(format!("    and {} more (--json lists all)", count((sources.len() - NAMED) as u64)));
    }
    if found.more {
        lines.push("  it depends on more items than are listed".to_owned());
    }
    lines
}

fn named(read: &Read) -> (&str, &str, u64) {
    (&read.file, &read.etag, read.bytes)
}

fn reads(items: &[MadeBy]) -> impl Iterator<Item = &Read> {
    items.iter().flat_map(|item| &item.reads)
}

/// Items of a step together, the last step first.
fn by_step(items: &[MadeBy]) -> Vec<Vec<&MadeBy>> {
    let mut steps: Vec<Vec<&MadeBy>> = Vec::new();
    for item in items {
        match steps.iter_mut().find(|of| of[0].step == item.step && of[0].generation == item.generation) {
            Some(of) => of.push(item),
            None => steps.push(vec![item]),
        }
    }
    steps
}

fn of_step(items: &[&MadeBy]) -> Vec<String> {
    let first = items[0];
    let which = match items {
        [only] => {
            format!("item {}{}", only.item, only.partition.as_ref().map(|p| format!(" ({p})")).unwrap_or_default())
        }
        many => plural(many.len() as u64, "item"),
    };
    let mut lines = vec![format!("  {} g{}, {which}", first.step, first.generation)];
    let workers: BTreeSet<&str> = items.iter().map(|item| item.worker_digest.as_str()).collect();
    let digests: Vec<&str> = workers.into_iter().map(|d| d.get(..DIGEST).unwrap_or(d)).collect();
    lines.push(format!("    worker  {}, program {}", first.worker, digests.join(" and ")));
    match &first.transform {
        None => lines.push("    query   not on record: the pipeline has changed since".to_owned()),
        Some(text) => {
            let mut parts = text.trim().lines();
            lines.push(format!("    query   {}", parts.next().unwrap_or_default()));
            lines.extend(parts.map(|part| format!("            {part}")));
        }
    }
    let mut sources: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for read in items.iter().flat_map(|item| &item.reads) {
        let of = read.made_by.as_ref().map_or("given".to_owned(), |(step, _)| format!("of {step}"));
        let table = read.table.as_ref().map(|table| format!(" as {table}")).unwrap_or_default();
        sources.entry(format!("{of}{table}")).or_default().insert(&read.file);
    }
    let sources: Vec<String> =
        sources.iter().map(|(of, files)| format!("{} {of}", plural(files.len() as u64, "file"))).collect();
    lines.push(format!("    reads   {}", sources.join(", ")));
    lines
}
