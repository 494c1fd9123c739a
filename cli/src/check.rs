//! `validate`: asks the worker to run every step on zero rows, against the schema of its real inputs, and places the
//! problems that it reports in the user's files.

use crate::answers::of_store;
use crate::args::Global;
use crate::exit::{Code, Stop, io};
use crate::local::near;
use crate::project::{self, Project};
use crate::ui::format::bytes;
use crate::worker::Worker;
use spotmill_core::calls::errors;
use spotmill_core::ids::Uri;
use spotmill_core::item::{CheckInput, CheckReply, CheckRequest, CheckStep, CheckedStep, ITEM_VERSION, InputFile};
use spotmill_core::listing::PathPattern;
use spotmill_core::model::{Read, Source, Step};
use spotmill_lambdas::{HandlerError, Program, columns, standing};
use spotmill_platform::ports::{ObjectMeta, Store, StoreError};
use spotmill_spec as spec;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A file that is fetched whole to see its columns.
const MAX_SAMPLE_BYTES: u64 = 1 << 30;

/// Asks for the columns of one step and of those that it reads: what its tests are typed by. `files` are what its input is
/// read from instead of its own; copies of what lies on S3 are kept in `samples`.
pub async fn request(
    project: &Project,
    program: &Program,
    step: &str,
    files: &[InputFile],
    store: Arc<dyn Store>,
    samples: &Path,
) -> Result<CheckRequest, Stop> {
    let inputs =
        Inputs { store, samples: Some(samples), given: Some((step, files)).filter(|(_, files)| !files.is_empty()) };
    let wanted = closure(&project.pipeline().steps, step);
    let mut steps = Vec::new();
    for step in project.pipeline().steps.iter().filter(|s| wanted.contains(s.name.as_str())) {
        steps.push(inputs.step(program, step).await?);
    }
    Ok(CheckRequest { v: ITEM_VERSION, steps })
}

/// The reply to `request` with every step of the pipeline in its place; the others are skipped.
pub fn widened(project: &Project, step: &str, reply: CheckReply) -> CheckReply {
    let wanted = closure(&project.pipeline().steps, step);
    let mut found = reply.steps.into_iter();
    let steps = project.pipeline().steps.iter().map(|s| match wanted.contains(s.name.as_str()) {
        true => found.next().unwrap_or(CheckedStep::Skipped),
        false => CheckedStep::Skipped,
    });
    CheckReply { v: reply.v, steps: steps.collect() }
}

/// A step and all that it reads, whose order is that they run in.
fn closure<'a>(steps: &'a [Step], step: &'a str) -> BTreeSet<&'a str> {
    let mut wanted = BTreeSet::from([step]);
    for step in steps.iter().rev() {
        if wanted.contains(step.name.as_str()) {
            wanted.extend(step.upstream());
        }
    }
    wanted
}

/// Returns the reply if every step passes; otherwise prints the problems.
pub async fn check(
    project: &Project,
    program: &Program,
    worker: &Worker,
    store: Arc<dyn Store>,
    global: &Global,
) -> Result<CheckReply, Stop> {
    let samples = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let inputs = Inputs { store, samples: Some(samples.path()), given: None };
    let reply = inputs.reply(project, program, worker).await?;
    let problems = spec::check_problems(&project.parsed, &reply);
    if problems.is_empty() { Ok(reply) } else { Err(project::invalid(&problems, &project.sources, global)) }
}

/// The step whose check would need columns of an input that is waited for, is not there and declares none.
pub async fn awaits_columns(program: &Program, store: &Arc<dyn Store>) -> Result<Option<String>, Stop> {
    for step in program.pipeline.steps.iter().filter(|s| s.input.wait_for.is_some() && s.input.read.columns.is_empty())
    {
        let bound = program.bind(step).map_err(|e| Stop::new(Code::Invalid, e.cause))?;
        let Source::Path(path) = &bound.input.source else { continue };
        let pattern = PathPattern::new(path).map_err(|e| Stop::new(Code::Invalid, e))?;
        if matching(store, path, &pattern).await?.is_empty() {
            return Ok(Some(step.name.clone()));
        }
    }
    Ok(None)
}

/// The worker's reply over the columns that inputs state, without a copy of any file.
pub async fn stated(
    project: &Project,
    program: &Program,
    worker: &Worker,
    store: Arc<dyn Store>,
) -> Result<CheckReply, Stop> {
    Inputs { store, samples: None, given: None }.reply(project, program, worker).await
}

/// The store of the inputs, and the directory for samples of inputs that lie elsewhere.
struct Inputs<'a> {
    store: Arc<dyn Store>,
    samples: Option<&'a Path>,
    /// A step, and the files that its input is.
    given: Option<(&'a str, &'a [InputFile])>,
}

impl Inputs<'_> {
    async fn reply(&self, project: &Project, program: &Program, worker: &Worker) -> Result<CheckReply, Stop> {
        let mut steps = Vec::new();
        for step in &project.pipeline().steps {
            steps.push(self.step(program, step).await?);
        }
        worker.check(&CheckRequest { v: ITEM_VERSION, steps })
    }

    async fn step(&self, program: &Program, step: &Step) -> Result<CheckStep, Stop> {
        let bound = program.bind(step).map_err(|e| Stop::new(Code::Invalid, e.cause))?;
        let mut tables = BTreeMap::new();
        for (name, table) in &bound.tables {
            tables.insert(name.clone(), self.input(&table.source, &table.read).await?);
        }
        Ok(CheckStep {
            name: bound.name.clone(),
            input: match self.given {
                Some((given, files)) if given == step.name => self.found(bound.input.read, files).await?,
                _ => self.input(&bound.input.source, &bound.input.read).await?,
            },
            alias: bound.input.alias,
            tables,
            transform: bound.transform,
            params: program.params.clone(),
            published: bound.output.destination.is_some(),
            layout: bound.output.layout,
            sort_by: bound.output.sort_by.into_iter().map(|k| k.column).collect(),
            expect: bound.expect,
        })
    }

    /// An input's columns: declared, made by a step, or in the first file that matches.
    async fn input(&self, source: &Source, read: &Read) -> Result<CheckInput, Stop> {
        let path = match source {
            Source::Step { step, .. } => return Ok(CheckInput::Step(step.clone())),
            Source::Path(_) if !read.columns.is_empty() => {
                return Ok(CheckInput::Columns(read.all_columns()));
            }
            Source::Path(path) => path,
        };
        let pattern = PathPattern::new(path).map_err(|e| Stop::new(Code::Invalid, e))?;
        let matching = matching(&self.store, path, &pattern).await?;
        let file = |o: &ObjectMeta| InputFile {
            uri: o.uri.clone(),
            etag: o.etag.clone(),
            bytes: o.bytes,
            rows: None,
            bundled: None,
        };
        let files: Vec<InputFile> = matching.iter().map(file).collect();
        match files.is_empty() {
            false => self.found(read.clone(), &files).await,
            true => Err(Stop::new(Code::Invalid, format!("no file matches {path}, so its columns are not known"))
                .remedy("give the key (--date …) of a run whose input is there, or declare `columns`")),
        }
    }

    /// The columns of an input that is these files.
    async fn found(&self, read: Read, files: &[InputFile]) -> Result<CheckInput, Stop> {
        let Some(first) = files.first() else { return Ok(CheckInput::Columns(read.all_columns())) };
        let read = columns::sampled(&self.store, read, files).await;
        let read = read.map_err(|e| unsampled(&first.uri, e))?;
        match self.samples.filter(|_| read.format.states_types()) {
            // What the file does not state as types: which columns are left out, and keys in its path.
            Some(samples) => Ok(CheckInput::Sample { uri: self.sample(first, samples).await?, read }),
            None => Ok(CheckInput::Columns(read.all_columns())),
        }
    }

    /// The file itself, or a copy of what lies on S3: the worker reads files.
    async fn sample(&self, object: &InputFile, samples: &Path) -> Result<Uri, Stop> {
        if !object.uri.is_s3() {
            return Ok(object.uri.clone());
        }
        if object.bytes > MAX_SAMPLE_BYTES {
            let what = format!("{} is too big to read its columns from ({})", object.uri, bytes(object.bytes));
            return Err(Stop::new(Code::Invalid, what).remedy("declare `columns`"));
        }
        let copy = near::copy_path(samples, &object.uri)?;
        let fetched = self.store.download(&object.uri, &object.etag, &copy).await;
        fetched.map_err(|e| unread(&object.uri, &format!("cannot read {}", object.uri), e))?;
        Ok(Uri::new(copy.to_string_lossy()))
    }
}

/// The files that a run would read.
async fn matching(store: &Arc<dyn Store>, path: &str, pattern: &PathPattern) -> Result<Vec<ObjectMeta>, Stop> {
    standing::matching(&**store, pattern).await.map_err(|mut e| {
        let what = format!("cannot list {path}");
        match e.source.take().and_then(|source| source.downcast::<StoreError>().ok()) {
            Some(answer) => unread(&pattern.prefix, &what, *answer),
            None => Stop::new(Code::Invalid, format!("{what}: {}", e.cause)),
        }
    })
}

/// A file of this machine that cannot be read is a problem of the pipeline that names it. What S3 answers is not.
fn unread(at: &Uri, what: &str, error: StoreError) -> Stop {
    if !at.is_s3() {
        return Stop::new(Code::Invalid, format!("{what}: {error}"));
    }
    let stop = of_store(error);
    Stop { message: format!("{what}: {}", stop.message), ..stop }
}

/// The same of columns that were not found: only what the store answers is no problem of the pipeline.
fn unsampled(at: &Uri, error: HandlerError) -> Stop {
    match error.error {
        errors::TRANSIENT | errors::REFUSED if at.is_s3() => Stop::from(error),
        _ => Stop::new(Code::Invalid, error.cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_answers_is_no_problem_of_the_pipeline() {
        let denied = |uri: &Uri| StoreError::Denied { uri: uri.clone(), source: "403".into() };
        for (uri, code) in [("s3://b/in/", Code::Permission), ("/data/in/", Code::Invalid)] {
            let uri = Uri::new(uri);
            let stop = unread(&uri, "cannot list it", denied(&uri));
            assert_eq!((stop.code, stop.message), (code, format!("cannot list it: no permission for {uri}")));
            assert_eq!(unsampled(&uri, HandlerError::from(denied(&uri))).code, code);
        }
        let s3 = Uri::new("s3://b/in/");
        assert_eq!(unsampled(&s3, HandlerError::invalid("two types")).code, Code::Invalid);
    }
}
