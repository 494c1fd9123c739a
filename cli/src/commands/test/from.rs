//! `test --from RUN STEP ITEM`: a test out of real rows. The first rows of the item's input, and its side tables up to a
//! bound, become what is given; what the step makes of them now, in the real worker, becomes what is expected. A file is
//! written whole under a name that is free, or nothing is.

use super::bench::Bench;
use super::find::FOLDER;
use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::file;
use crate::inspect::Inspector;
use crate::local::near;
use crate::project::{self, Project};
use crate::worker::Worker;
use spotmill_cases::{CaseText, array, read, string};
use spotmill_core::ids::{StepName, Uri};
use spotmill_core::item::{InputFile, ItemSpec};
use spotmill_core::model::{ItemValue, Pipeline, Read, Step, Transform};
use spotmill_core::types::Value;
use spotmill_spec::query::{QueryDone, QueryRequest, QueryTable};
use spotmill_spec::{Sources, sql};
use spotmill_supervisor::replay;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows of a side table that are written down; of a larger one, these are the first.
const TABLE_ROWS: u64 = 100;

pub struct Asked<'a> {
    pub run: &'a str,
    pub step: &'a str,
    pub item: &'a str,
    pub rows: u64,
}

/// What the file will hold.
struct Draft {
    case: CaseText,
    /// Side tables of which only the first rows are written.
    cut: Vec<String>,
}

pub async fn run(global: &Global, project: &Project, asked: &Asked<'_>) -> Result<Code, Stop> {
    let item: u32 = asked.item.parse().map_err(|_| Stop::usage(format!("`{}` is no item's number", asked.item)))?;
    let step = project.step(asked.step)?;
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let tmp = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let spec = spec(global, asked, item, tmp.path()).await?;
    let path = free(&spec, item)?;
    let mut draft = draft(project.pipeline(), step, &spec, &worker, asked, tmp.path()).await?;
    draft.case.expected = expected(global, project, &worker, &draft, &path).await?;
    std::fs::create_dir_all(FOLDER).map_err(io("create", Path::new(FOLDER)))?;
    file::replace(&path, draft.text())?;
    let (file, next) = (path.to_string_lossy().into_owned(), global.command("test").arg(&draft.case.name));
    if global.json {
        Event::Written { files: vec![file], next: next.to_string() }.print();
        return Ok(Code::Done);
    }
    say!("wrote {file}");
    draft.cut.iter().for_each(|table| say!("! of `{table}` only the first {TABLE_ROWS} rows are in it"));
    say!("Next: {next}");
    Ok(Code::Done)
}

/// The item as it would be replayed, with copies of what lies on S3.
async fn spec(global: &Global, asked: &Asked<'_>, item: u32, tmp: &Path) -> Result<ItemSpec, Stop> {
    let inspector = Inspector::local(global).await?;
    let (ctx, run) = (&inspector.ctx, inspector.run(global, Some(asked.run)).await?);
    let place = replay::Place {
        root: ctx.root.clone(),
        scratch: Uri::new(tmp.join("out").to_string_lossy()),
        tmp: tmp.join("tmp").to_string_lossy().into_owned(),
        base: ctx.settings.base.clone(),
    };
    let spec = replay::spec(&*ctx.store, &run, &StepName::new(asked.step), item, &place).await;
    let mut spec = spec.map_err(|what| {
        let show = global.command("show").arg(run.as_str()).blank("STEP");
        Stop::usage(what).remedy(format!("its steps and items: {show}"))
    })?;
    near::inputs(&ctx.store, &mut spec, &tmp.join("in")).await?;
    std::fs::create_dir_all(tmp.join("tmp")).map_err(io("create", tmp))?;
    Ok(spec)
}

/// `tests/by_route-2013-01-01-3.toml`, if nothing is there.
fn free(spec: &ItemSpec, item: u32) -> Result<PathBuf, Stop> {
    let plain: String =
        spec.run.key().chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let path = Path::new(FOLDER).join(format!("{}-{plain}-{item}.toml", spec.step));
    match std::fs::symlink_metadata(&path) {
        Ok(_) => Err(Stop::usage(format!("{} exists", path.display())).remedy("rename it, or remove it first")),
        Err(_) => Ok(path),
    }
}

async fn draft(
    pipeline: &Pipeline,
    step: &Step,
    spec: &ItemSpec,
    worker: &Worker,
    asked: &Asked<'_>,
    tmp: &Path,
) -> Result<Draft, Stop> {
    let filter = spec.value.as_ref().map(|filter| {
        let value = match &filter.value {
            ItemValue::Int(i) => i.to_string(),
            ItemValue::Text(text) => format!("'{}'", text.replace('\'', "''")),
        };
        format!(" WHERE {} = {value}", sql::quoted_name(&filter.column))
    });
    let input = first(worker, &spec.inputs, &spec.read, filter.as_deref().unwrap_or_default(), asked.rows, tmp).await?;
    let (mut tables, mut cut) = (Vec::new(), Vec::new());
    for (name, table) in &spec.tables {
        let rows = first(worker, &table.files, &table.read, "", TABLE_ROWS, tmp).await?;
        if rows.rows > TABLE_ROWS {
            cut.push(name.clone());
        }
        tables.push((name.clone(), array(&rows.columns, &rows.preview.unwrap_or_default())));
    }
    let value = spec.value.as_ref().map(|filter| match &filter.value {
        ItemValue::Int(i) => i.to_string(),
        ItemValue::Text(text) => string(text),
    });
    let case = CaseText {
        name: format!("{}: item {} of {}", spec.step, spec.item, spec.run),
        step: spec.step.to_string(),
        params: params(pipeline, step, &spec.params),
        value,
        input: array(&input.columns, &input.preview.unwrap_or_default()),
        tables,
        expected: "[]".to_owned(),
    };
    Ok(Draft { case, cut })
}

/// The first rows of files as the item reads them; bad rows that it would reject are passed over.
async fn first(
    worker: &Worker,
    files: &[InputFile],
    read: &Read,
    filter: &str,
    rows: u64,
    tmp: &Path,
) -> Result<QueryDone, Stop> {
    if files.is_empty() {
        return Ok(QueryDone { rows: 0, columns: Vec::new(), preview: None });
    }
    let table = QueryTable { files: files.iter().map(|f| f.uri.to_string()).collect(), read: Some(read.clone()) };
    let request = QueryRequest {
        sql: format!("SELECT * FROM given{filter}"),
        tables: BTreeMap::from([("given".to_owned(), table)]),
        output: None,
        limit: Some(rows),
    };
    let reply = worker.query(&request, &tmp.join("tmp")).await?;
    reply.done().map_err(|why| Stop::failed(format!("the item's rows cannot be read: {why}")))
}

/// Those of the run that the step depends on and that are not what they are by default.
fn params(pipeline: &Pipeline, step: &Step, values: &BTreeMap<String, Value>) -> Vec<(String, String)> {
    let named = |text: &str, name: &str| sql::params(text).iter().any(|n| n == name);
    let depends = |name: &str| match &step.transform {
        Transform::Sql { text, .. } => named(text, name) || step.expect.check.iter().any(|check| named(check, name)),
        Transform::Function { .. } => true,
    };
    let written = |value: &Value| match value {
        Value::Bool(_) | Value::Int { .. } => value.to_string(),
        Value::Float(_) | Value::String(_) | Value::Path(_) | Value::Date(_) | Value::Timestamp(_) => {
            string(&value.to_string())
        }
    };
    let default = |name: &str| pipeline.params.get(name)?.default.as_ref().map(spotmill_spec::text_of);
    let chosen = values.iter().filter(|(name, value)| {
        pipeline.params.contains_key(*name) && depends(name) && default(name) != Some(value.to_string())
    });
    chosen.map(|(name, value)| (name.clone(), written(value))).collect()
}

/// What the step makes of the draft's rows now.
async fn expected(
    global: &Global,
    project: &Project,
    worker: &Worker,
    draft: &Draft,
    path: &Path,
) -> Result<String, Stop> {
    let name = path.to_string_lossy().into_owned();
    let source = Sources { path: name.clone(), toml: draft.text(), ..Sources::default() };
    let cases = read(&source, project.pipeline(), global.target()).map_err(|problems| {
        project::print_problems(&problems, &source, global);
        Stop::failed("these rows make no test; nothing was written")
    })?;
    let sources = BTreeMap::from([(name, source)]);
    let bench = Bench::new(global, project, worker, &sources).await?;
    let done = bench.tried(bench.ready(&cases).await?).await?;
    let Some(done) = done.into_iter().next() else { return Err(Stop::failed("the step was not done")) };
    // Rows that differ from none are what is asked for.
    let wrong: Vec<&str> =
        done.findings.iter().filter(|f| f.diff.is_none()).map(|finding| finding.message.as_str()).collect();
    match (wrong.is_empty(), &done.made) {
        (true, Some(made)) => Ok(array(&made.columns, &made.rows)),
        _ => Err(Stop::failed(format!("{}; nothing was written", wrong.join("; ")))),
    }
}

impl Draft {
    fn text(&self) -> String {
        let cut = self.cut.iter().map(|table| format!("# Of `{table}` these are the first {TABLE_ROWS} rows.\n"));
        cut.collect::<String>() + &self.case.text()
    }
}
