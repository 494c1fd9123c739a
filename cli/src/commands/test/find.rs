//! The files of tests of a project, `tests/*.toml`, and which of their tests were asked for. What is wrong with any of them
//! is printed at its place, all of it, and ends the command with code 3.

use crate::args::Global;
use crate::exit::{Code, Stop, io};
use crate::project::{self, Project};
use crate::ui::format::plural;
use spotmill_cases::{Case, duplicates, read};
use spotmill_core::format::instead;
use spotmill_spec::{Problem, Sources, arrange};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where tests are, in the project's directory.
pub const FOLDER: &str = "tests";

pub struct Tests {
    pub cases: Vec<Case>,
    /// The files by their names.
    pub sources: BTreeMap<String, Sources>,
}

pub fn find(global: &Global, project: &Project) -> Result<Tests, Stop> {
    let (mut cases, mut sources, mut problems) = (Vec::new(), BTreeMap::new(), Vec::new());
    for path in files()? {
        let toml = std::fs::read_to_string(&path).map_err(io("read", &path))?;
        let name = path.to_string_lossy().into_owned();
        let source = Sources { path: name.clone(), toml, ..Sources::default() };
        match read(&source, project.pipeline(), global.target()) {
            Ok(found) => cases.extend(found),
            Err(wrong) => problems.extend(wrong),
        }
        sources.insert(name, source);
    }
    problems.extend(duplicates(&cases));
    match problems.is_empty() {
        true => Ok(Tests { cases, sources }),
        false => Err(invalid(problems, &sources, global)),
    }
}

/// In the order of their names.
fn files() -> Result<Vec<PathBuf>, Stop> {
    let folder = Path::new(FOLDER);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(io("read", folder)(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(io("read", folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Prints problems of files of tests, each in its file, and makes the error that ends the command.
pub fn invalid(problems: Vec<Problem>, sources: &BTreeMap<String, Sources>, global: &Global) -> Stop {
    let count = problems.len();
    for (name, source) in sources {
        let own: Vec<Problem> = problems.iter().filter(|p| p.file == *name).cloned().collect();
        project::print_problems(&arrange(own, source), source, global);
    }
    Stop::new(Code::Invalid, format!("{} in the tests; nothing was tested", plural(count as u64, "problem")))
}

impl Tests {
    /// Those that were asked for; a name or a step that means none is a usage error.
    pub fn chosen(self, names: &[String], step: Option<&str>, project: &Project) -> Result<Tests, Stop> {
        step.map(|step| project.step(step)).transpose()?;
        let of_step = |case: &&Case| step.is_none_or(|step| case.step == step);
        let all: Vec<&str> = self.cases.iter().map(|case| case.name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| !all.iter().any(|own| own.contains(name.as_str()))) {
            return Err(Stop::usage(format!("there is no test `{name}`; {}", instead(name, "tests", &all))));
        }
        let named = |case: &&Case| names.is_empty() || names.iter().any(|name| is_named(case, name, &all));
        let cases: Vec<Case> = self.cases.iter().filter(of_step).filter(named).cloned().collect();
        match (cases.is_empty(), step) {
            (true, Some(step)) => {
                Err(Stop::usage(format!("`{step}` has no such test"))
                    .remedy(format!("the tests are: {}", all.join("; "))))
            }
            _ => Ok(Tests { cases, ..self }),
        }
    }
}

/// A whole name means its test alone.
fn is_named(case: &Case, name: &str, all: &[&str]) -> bool {
    if all.contains(&name) { case.name == name } else { case.name.contains(name) }
}
