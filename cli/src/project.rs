//! The pipeline in the current directory (`-C` changed to it): its file and SQL read and parsed, and params resolved
//! for one key. Paths stay relative to it, so that a project may be moved with its runs. Problems
//! are printed as they are found, all of them, and end the command with code 3.

pub use crate::args::PIPELINE_FILE;
use crate::args::{ColorWhen, Global, KeyArgs};
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use spotmill_core::calls::RunInput;
use spotmill_core::format::instead;
use spotmill_core::model::{Pipeline, Step};
use spotmill_spec::{self as spec, Parsed, Problem, Severity, Sources};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

pub struct Project {
    pub sources: Sources,
    pub parsed: Parsed,
}

impl Project {
    pub fn open(global: &Global) -> Result<Project, Stop> {
        let path = Path::new(PIPELINE_FILE);
        let toml = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Stop::usage(format!("there is no {PIPELINE_FILE} in {}", global.directory.display()))
                    .remedy(format!("point -C at a pipeline's directory, or make one: {}", global.command("init"))));
            }
            Err(error) => return Err(io("read", path)(error)),
        };
        let sources = Sources { path: PIPELINE_FILE.into(), sql_files: sql_files(&toml), toml };
        match spec::parse(&sources) {
            Ok(parsed) => {
                print_problems(&parsed.warnings, &sources, global);
                Ok(Project { sources, parsed })
            }
            Err(problems) => Err(invalid(&problems, &sources, global)),
        }
    }

    /// The project in this directory, if there is one that parses; prints nothing.
    pub fn find() -> Option<Project> {
        let toml = std::fs::read_to_string(PIPELINE_FILE).ok()?;
        let sources = Sources { path: PIPELINE_FILE.into(), sql_files: sql_files(&toml), toml };
        Some(Project { parsed: spec::parse(&sources).ok()?, sources })
    }

    pub fn pipeline(&self) -> &Pipeline {
        &self.parsed.pipeline
    }

    /// The step of this name; an unknown one gets the nearest.
    pub fn step(&self, name: &str) -> Result<&Step, Stop> {
        let pipeline = self.pipeline();
        pipeline.step(name).ok_or_else(|| {
            let steps: Vec<&str> = pipeline.steps.iter().map(|step| step.name.as_str()).collect();
            Stop::usage(format!("there is no step `{name}`; {}", instead(name, "steps", &steps)))
        })
    }
}

/// The input that starts a run of the pipeline with this key.
pub fn run_input(pipeline: &str, global: &Global, key: &KeyArgs) -> RunInput {
    let text = |v: &String| serde_json::Value::String(v.clone());
    RunInput {
        pipeline: pipeline.to_owned(),
        date: key.date.clone(),
        params: key.params.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
        target: Some(global.target().to_owned()),
        ..RunInput::default()
    }
}

/// The same, with a synthetic value for every param that has none: enough to check types.
pub fn sample_input(project: &Project, global: &Global, key: &KeyArgs) -> RunInput {
    let mut input = run_input(&project.pipeline().name, global, key);
    for (name, param) in &project.pipeline().params {
        let dated = name == "date" && input.date.is_some();
        if param.default.is_none() && !dated && !input.params.contains_key(name) {
            input.params.insert(name.clone(), spec::sample(param));
        }
    }
    input
}

/// The SQL files that the pipeline names and that can be read; the parser reports the others.
fn sql_files(toml: &str) -> BTreeMap<String, String> {
    let named = spec::sql_files(toml).into_iter();
    named.filter_map(|name| Some((name.clone(), std::fs::read_to_string(&name).ok()?))).collect()
}

/// Prints problems (text to stderr, JSON to stdout) and makes the error that ends the command.
pub fn invalid(problems: &[Problem], sources: &Sources, global: &Global) -> Stop {
    print_problems(problems, sources, global);
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let plural = if errors == 1 { "" } else { "s" };
    Stop::new(Code::Invalid, format!("{errors} problem{plural} in the pipeline; nothing was run"))
}

pub fn print_problems(problems: &[Problem], sources: &Sources, global: &Global) {
    for problem in problems {
        if global.json {
            Event::Problem { problem: problem.clone() }.print();
        } else {
            warn_of!("{}\n", spec::render(&called(problem, global), sources, colored(global)));
        }
    }
}

/// The problem with its commands as this caller types them: the checks have no access to the command line.
fn called(problem: &Problem, global: &Global) -> Problem {
    let mut problem = problem.clone();
    let command = |name: &str| global.command(name).to_string();
    for name in ["functions", "schema", "validate"] {
        problem.label = problem.label.replace(&format!("`spotmill {name}"), &format!("`{}", command(name)));
    }
    problem
}

pub fn colored(global: &Global) -> bool {
    match global.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}
