//! `init`: an example with its data that runs as it is, or a first pipeline for a file that is there. Existing
//! files are never touched, and `pipeline.toml` comes last: a directory without it is no pipeline yet, so an `init`
//! that was killed can be repeated.

use crate::args::{ExampleName, Global};
use crate::event::Event;
use crate::examples::{self, Example};
use crate::exit::{Code, Stop, io};
use crate::starter;
use crate::worker::Worker;
use spotmill_core::command::Caller;
use std::path::Path;

/// State and results, which no repository should hold.
const IGNORED: [&str; 2] = ["/.spotmill/", "/out/"];

pub async fn run(
    global: &Global,
    dir: Option<&Path>,
    from: Option<&Path>,
    example: Option<ExampleName>,
) -> Result<Code, Stop> {
    let dir = dir.unwrap_or(Path::new("."));
    if dir.join("pipeline.toml").exists() {
        return Err(Stop::usage(format!("{} already holds a pipeline.toml", dir.display()))
            .remedy(format!("name another directory: {}", global.command("init").blank("DIR"))));
    }
    match from {
        None => {
            let example = match example {
                None | Some(ExampleName::Orders) => examples::orders(),
                Some(ExampleName::Flights) => examples::flights(),
                Some(ExampleName::Logs) => examples::logs(),
                Some(ExampleName::Tpch) => examples::tpch(),
            };
            write(global, dir, &example)
        }
        Some(file) => {
            let worker = Worker::find(global, None)?;
            let made = starter::pipeline(&worker, dir, file).await?;
            let files = vec![("pipeline.toml".to_owned(), made.toml.into_bytes())];
            write(global, dir, &Example { files, run: vec!["--date".to_owned(), made.date] })
        }
    }
}

fn write(global: &Global, dir: &Path, example: &Example) -> Result<Code, Stop> {
    std::fs::create_dir_all(dir).map_err(io("create", dir))?;
    let is_ignored = ignore(&dir.join(".gitignore"))?;
    for (name, body) in &example.files {
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
        whole(&path, body)?;
    }
    let names: Vec<&str> = example.files.iter().map(|(name, _)| name.as_str()).collect();
    let next = example.run.iter().fold(there(global, dir).command("run"), |command, word| command.arg(word));
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

/// All of it or nothing, so that what an `init` left that was killed is never half a file.
fn whole(path: &Path, body: &[u8]) -> Result<(), Stop> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    std::fs::write(&beside, body).and_then(|()| std::fs::rename(&beside, path)).map_err(io("write", path))
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
            whole(path, ours.as_bytes())?;
            Ok(true)
        }
        Err(e) => Err(io("read", path)(e)),
    }
}
