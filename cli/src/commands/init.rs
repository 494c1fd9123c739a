//! `init`: an example with its data that runs as it is, or a first pipeline for a file that is there; and a crate for
//! functions of one's own, if that is asked for. Existing
//! files are never touched, and `pipeline.toml` comes last: a directory without it is no pipeline yet, so an `init`
//! that was killed can be repeated.

use crate::args::{ExampleName, Global};
use crate::event::Event;
use crate::examples::{self, Example, File};
use crate::exit::{Code, Stop, io};
use crate::file;
use crate::own_crate;
use crate::project::PIPELINE_FILE;
use crate::starter;
use crate::worker::Worker;
use spotmill_core::command::{Caller, Command};
use spotmill_spec as spec;
use std::path::Path;

/// State and results, which no repository should hold.
const IGNORED: [&str; 2] = ["/.spotmill/", "/out/"];

/// What is to be written.
pub struct Init<'a> {
    pub dir: Option<&'a Path>,
    pub from: Option<&'a Path>,
    pub example: Option<ExampleName>,
    /// A crate for functions of one's own, built against this.
    pub own: Option<own_crate::Source>,
}

pub async fn run(global: &Global, init: &Init<'_>) -> Result<Code, Stop> {
    let dir = init.dir.unwrap_or(Path::new("."));
    if let Ok(toml) = std::fs::read_to_string(dir.join(PIPELINE_FILE)) {
        return match &init.own {
            Some(source) if init.from.is_none() && init.example.is_none() => beside(global, dir, &toml, source),
            _ => Err(Stop::usage(format!("{} already holds a {PIPELINE_FILE}", dir.display()))
                .remedy(format!("name another directory: {}", global.command("init").blank("DIR")))),
        };
    }
    let mut example = match (init.from, init.example) {
        (Some(from), _) => of_file(global, dir, from).await?,
        (None, None | Some(ExampleName::Orders)) => examples::orders(),
        (None, Some(ExampleName::Flights)) => examples::flights(),
        (None, Some(ExampleName::Logs)) => examples::logs(),
        (None, Some(ExampleName::Tpch)) => examples::tpch(),
    };
    if let Some(source) = &init.own {
        for (_, body) in example.files.iter_mut().filter(|(name, _)| name == PIPELINE_FILE) {
            *body = own_crate::used_by(&String::from_utf8_lossy(body)).into_bytes();
        }
        example.files.splice(0..0, own_crate::files(source));
    }
    let next = example.run.iter().fold(there(global, dir).command("run"), |command, word| command.arg(word));
    write(global, dir, &example.files, &next)
}

async fn of_file(global: &Global, dir: &Path, from: &Path) -> Result<Example, Stop> {
    let worker = Worker::find(global, None)?;
    let made = starter::pipeline(&worker, dir, from).await?;
    let files = vec![(PIPELINE_FILE.to_owned(), made.toml.into_bytes())];
    Ok(Example { files, run: vec!["--date".to_owned(), made.date] })
}

/// The crate alone, for a pipeline that is there.
fn beside(global: &Global, dir: &Path, toml: &str, source: &own_crate::Source) -> Result<Code, Stop> {
    let next = there(global, dir).command("validate");
    let code = write(global, dir, &own_crate::files(source), &next)?;
    if spec::worker_crate(toml).is_none() && !global.json {
        say!("! {PIPELINE_FILE} does not use it yet; before the first step add\n{}", own_crate::KEY);
    }
    Ok(code)
}

fn write(global: &Global, dir: &Path, files: &[File], next: &Command) -> Result<Code, Stop> {
    std::fs::create_dir_all(dir).map_err(io("create", dir))?;
    let is_ignored = ignore(&dir.join(".gitignore"))?;
    for (name, body) in files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io("create", parent))?;
        }
        match std::fs::read(&path) {
            Ok(found) if found == *body => continue,
            Ok(_) => return Err(Stop::usage(format!("{} exists and is not ours", path.display()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(io("read", &path)(e)),
        }
        file::replace(&path, body)?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    if global.json {
        let files = names.iter().map(|name| (*name).to_owned()).collect();
        Event::Written { files, next: next.to_string() }.print();
        return Ok(Code::Done);
    }
    say!("wrote {}", names.join(", "));
    if !is_ignored {
        say!("! .gitignore was there already: add {} to it", IGNORED.join(" and "));
    }
    say!("Next: {next}");
    Ok(Code::Done)
}

/// Commands that work in the new directory.
fn there(global: &Global, dir: &Path) -> Caller {
    let path = match global.directory == Path::new(".") {
        true => dir.to_owned(),
        false => global.directory.join(dir),
    };
    let directory = path.to_string_lossy().trim_end_matches("/.").to_owned();
    Caller { directory: Some(directory).filter(|d| d != "."), ..global.caller() }
}

/// Writes the file where there is none. Are state and results out of the repository?
fn ignore(path: &Path) -> Result<bool, Stop> {
    let ours = IGNORED.map(|line| format!("{line}\n")).concat();
    match std::fs::read_to_string(path) {
        Ok(found) => {
            Ok(IGNORED.iter().all(|line| found.lines().any(|l| l.trim().trim_matches('/') == line.trim_matches('/'))))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            file::replace(path, ours)?;
            Ok(true)
        }
        Err(e) => Err(io("read", path)(e)),
    }
}
