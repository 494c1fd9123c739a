//! Makes tests ready and does them: the columns of their steps by the worker's check on zero rows, their tables as files, the
//! child's spec. Whatever is invalid is found before any test is done. Everything lies in one temporary directory.

use super::find::invalid;
use super::trial::{self, Answer, Trial};
use crate::args::Global;
use crate::check;
use crate::exit::{Code, Stop, io};
use crate::inspect;
use crate::project::{self, Project};
use crate::worker::Worker;
use spotmill_cases::{Case, Columns, Finding, Fixture, Given, Input, Made, Named, Source, empty, fits, fixture, judge};
use spotmill_core::calls::RunInput;
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::item::{CheckRequest, CheckedStep, InputFile, TableInput};
use spotmill_core::model::Read;
use spotmill_lambdas::{Program, columns};
use spotmill_platform::ports::Store;
use spotmill_platform::several::several;
use spotmill_spec::{self as spec, Place, Problem, Sources};
use spotmill_supervisor::trial as supervisor;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

pub struct Bench<'a> {
    global: &'a Global,
    project: &'a Project,
    worker: &'a Worker,
    sources: &'a BTreeMap<String, Sources>,
    version: String,
    frozen: String,
    store: Arc<dyn Store>,
    tmp: TempDir,
    /// What was found of steps, by the request: tests of one step and the same params ask once.
    found: Mutex<BTreeMap<String, Columns>>,
}

/// A test that was done.
pub struct Done {
    pub case: Case,
    /// Nothing where it passed.
    pub findings: Vec<Finding>,
    /// What the step made, if it made anything.
    pub made: Option<Made>,
}

impl<'a> Bench<'a> {
    pub async fn new(
        global: &'a Global,
        project: &'a Project,
        worker: &'a Worker,
        sources: &'a BTreeMap<String, Sources>,
    ) -> Result<Bench<'a>, Stop> {
        Ok(Bench {
            global,
            project,
            worker,
            sources,
            version: worker.about()?.version,
            frozen: spec::freeze(project.pipeline()),
            store: inspect::store(global).await?.into(),
            tmp: tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?,
            found: Mutex::default(),
        })
    }

    /// Every test, or the problems of all.
    pub async fn ready(&self, cases: &[Case]) -> Result<Vec<Trial>, Stop> {
        let (mut ready, mut problems) = (Vec::new(), Vec::new());
        for (number, case) in cases.iter().enumerate() {
            match self.one(case, number).await? {
                Ok(trial) => ready.push(trial),
                Err(wrong) => problems.extend(wrong),
            }
        }
        match problems.is_empty() {
            true => Ok(ready),
            false => Err(invalid(problems, self.sources, self.global)),
        }
    }

    /// Does the tests, as many at once as the machine has processors.
    pub async fn tried(&self, ready: Vec<Trial>) -> Result<Vec<Done>, Stop> {
        let width = std::thread::available_parallelism().map_or(1, usize::from);
        let worker = self.worker.clone();
        let answers = several(width, ready, |trial| {
            let worker = worker.clone();
            async move { trial::tried(&worker, &trial).await.map(|answer| (trial.case, answer)) }
        });
        let (mut done, mut problems) = (Vec::new(), Vec::new());
        for (case, answer) in answers.await? {
            match answer {
                Answer::Invalid(message) => problems.push(of_case(&case, message)),
                Answer::Ran(ran) => {
                    let findings = judge(&case.expect, &ran);
                    let made = if let spotmill_cases::Ran::Made(made) = *ran { Some(made) } else { None };
                    done.push(Done { case, findings, made });
                }
            }
        }
        match problems.is_empty() {
            true => Ok(done),
            false => Err(invalid(problems, self.sources, self.global)),
        }
    }

    async fn one(&self, case: &Case, number: usize) -> Result<Result<Trial, Vec<Problem>>, Stop> {
        let missing = missing(case);
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        let input = RunInput {
            pipeline: self.project.pipeline().name.clone(),
            params: case.params.clone(),
            target: Some(self.global.target().to_owned()),
            ..RunInput::default()
        };
        let program = super::super::run::program(&self.frozen, &input, self.global)?;
        let files = match &case.input {
            Input::Files(named) => named.iter().map(|file| of_file(&file.path)).collect::<Result<Vec<_>, _>>()?,
            _ => Vec::new(),
        };
        let typed = self.columns(case, &program, &files).await?;
        let wrong = fits(case, &typed, &self.sources[&case.file]);
        if !wrong.is_empty() {
            return Ok(Err(wrong));
        }
        let home = self.tmp.path().join(number.to_string());
        std::fs::create_dir_all(home.join("tmp")).map_err(io("create", &home))?;
        self.trial(case, &program, &typed, files, home).await.map(Ok)
    }

    async fn trial(
        &self,
        case: &Case,
        program: &Program,
        typed: &Columns,
        files: Vec<InputFile>,
        home: PathBuf,
    ) -> Result<Trial, Stop> {
        let step = program.step(&case.step)?;
        let (inputs, read) = match &case.input {
            Input::Files(_) => {
                let read = columns::sampled(&self.store, step.input.read.clone(), &files).await?;
                (files, read)
            }
            Input::Nothing => laid(&home, "given.input", empty(&typed.input))?,
            Input::Rows(given) => laid(&home, "given.input", fixture(given, &typed.input))?,
        };
        let mut tables = BTreeMap::new();
        for (name, columns) in &typed.tables {
            let made = case.tables.get(name).map_or_else(|| empty(columns), |given| fixture(given, columns));
            let (files, read) = laid(&home, &format!("given.tables.{name}"), made)?;
            tables.insert(name.clone(), TableInput { files, read });
        }
        let partition = case.partitioned_by(self.project.pipeline());
        let partition = partition.filter(|_| matches!(case.input, Input::Rows(_)));
        let spec = supervisor::spec(supervisor::Trial {
            run: RunId::new(format!("{}/test", self.project.pipeline().name)),
            step,
            params: &program.params,
            worker_version: self.version.clone(),
            inputs,
            read,
            tables,
            value: case.value.clone(),
            scratch: Uri::new(home.join("out").to_string_lossy()),
            tmp: home.join("tmp").to_string_lossy().into_owned(),
        });
        Ok(Trial {
            case: case.clone(),
            spec: spec.map_err(|e| Stop::new(Code::Invalid, format!("step `{}`: {e}", case.step)))?,
            partition: partition.map(|(upstream, by)| (upstream.to_owned(), by.to_vec())),
            timeout_secs: step.resources.timeout_secs,
            raw: matches!(case.input, Input::Files(_)),
            home,
        })
    }

    async fn columns(&self, case: &Case, program: &Program, files: &[InputFile]) -> Result<Columns, Stop> {
        let store = Arc::clone(&self.store);
        let request = check::request(self.project, program, &case.step, files, store, self.tmp.path()).await;
        let request = request.map_err(|stop| match stop.code {
            Code::Invalid => Stop {
                message: format!("test `{}`: {}", case.name, stop.message),
                remedy: Some("declare `columns` of the input, or give the test a `file`".to_owned()),
                ..stop
            },
            _ => stop,
        })?;
        let key = serde_json::to_string(&request).unwrap_or_default();
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(found.clone());
        }
        let found = self.asked(&case.step, &request)?;
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }

    fn asked(&self, step: &str, request: &CheckRequest) -> Result<Columns, Stop> {
        let reply = check::widened(self.project, step, self.worker.check(request)?);
        let problems = spec::check_problems(&self.project.parsed, &reply);
        if !problems.is_empty() {
            return Err(project::invalid(&problems, &self.project.sources, self.global));
        }
        let at = self.project.pipeline().steps.iter().position(|s| s.name == step);
        match at.and_then(|at| reply.steps.into_iter().nth(at)) {
            Some(CheckedStep::Ok { input, tables, output, .. }) => Ok(Columns { input, tables, output }),
            _ => Err(Stop::new(Code::Invalid, format!("the columns of `{step}` are not known"))),
        }
    }
}

fn of_case(case: &Case, message: String) -> Problem {
    let place = Place { file: case.file.clone(), span: case.place.clone() };
    Problem::error("bad-test", format!("`{}` cannot be done", case.name)).at(place, message)
}

/// Files that the test names and that are not there.
fn missing(case: &Case) -> Vec<Problem> {
    let of = |given: &Given| match given {
        Given::File(named) => Some(named.clone()),
        Given::Rows(_) | Given::Csv { .. } => None,
    };
    let mut named: Vec<Named> = case.tables.values().filter_map(of).collect();
    match &case.input {
        Input::Files(files) => named.extend(files.iter().cloned()),
        Input::Rows(given) => named.extend(of(given)),
        Input::Nothing => {}
    }
    let absent = named.into_iter().filter(|named| !Path::new(&named.path).is_file());
    let problem = |named: Named| {
        let place = Place { file: case.file.clone(), span: named.place };
        let title = format!("there is no file {}", named.path);
        Problem::error("no-file", title).at(place, "paths are relative to the pipeline's directory")
    };
    absent.map(problem).collect()
}

/// A file of the project as an item reads it.
fn of_file(path: &str) -> Result<InputFile, Stop> {
    let whole = std::path::absolute(path).map_err(io("find", Path::new(path)))?;
    let bytes = std::fs::metadata(&whole).map_err(io("read", &whole))?.len();
    Ok(InputFile { uri: Uri::new(whole.to_string_lossy()), etag: String::new(), bytes, rows: None, bundled: None })
}

/// The table's file, written if the test has its rows.
fn laid(home: &Path, name: &str, made: Fixture) -> Result<(Vec<InputFile>, Read), Stop> {
    let files = match &made.source {
        Source::Nothing => Vec::new(),
        Source::File(path) => vec![of_file(path)?],
        Source::Csv(text) => {
            let path = home.join(format!("{name}.csv"));
            std::fs::write(&path, text).map_err(io("write", &path))?;
            vec![of_file(&path.to_string_lossy())?]
        }
    };
    Ok((files, made.read))
}
