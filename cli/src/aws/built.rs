//! Workers that `worker build` made, kept below the project's `.spotmill` with a record of what they were built of. A
//! program is given out only while its sources are the ones it was built of and its bytes the ones that were recorded:
//! a deploy never takes an old worker for the one that the sources describe.

use crate::exit::{Code, Stop, io};
use crate::file;
use crate::local::place;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use spotmill_core::digest;
use spotmill_core::fleet::Architecture;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const VERSION: u32 = 1;
const PROGRAM: &str = "worker";
const RECORD: &str = "built.json";

/// What a program was built of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    v: u32,
    /// The crate, as the pipeline names it; absent for the stock worker.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    worker_crate: Option<String>,
    /// Of the program.
    sha256: String,
    /// Of the names and contents of `files`.
    sources: String,
    files: Vec<PathBuf>,
}

/// The folder of an architecture's program.
fn folder(architecture: Architecture) -> Result<PathBuf, Stop> {
    Ok(place::local()?.join("machines").join(architecture.machine()))
}

/// Keeps a program that cargo has built; returns where. Sources that changed since `began` are refused: nobody knows which of
/// them cargo read.
pub fn keep(
    worker_crate: Option<&str>,
    architecture: Architecture,
    built: &Path,
    manifest: &Path,
    began: SystemTime,
) -> Result<PathBuf, Stop> {
    let files = sources(built, manifest)?;
    if let Some(changed) = files.iter().find(|file| changed_since(file, began)) {
        let what = format!("{} was changed while the worker was built", changed.display());
        return Err(Stop::failed(what).remedy("build it again"));
    }
    let folder = folder(architecture)?;
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let (program, beside) = (folder.join(PROGRAM), folder.join("worker.tmp"));
    std::fs::copy(built, &beside).map_err(io("copy", built))?;
    std::fs::rename(&beside, &program).map_err(io("write", &program))?;
    let record = Record {
        v: VERSION,
        worker_crate: worker_crate.map(str::to_owned),
        sha256: of_file(&program).map_err(io("read", &program))?,
        sources: of_all(&files)?,
        files,
    };
    file::replace(&folder.join(RECORD), serde_json::to_vec_pretty(&record).unwrap_or_default())?;
    Ok(program)
}

/// The program for this crate and architecture, if one was built; one of other sources is an error with `again` as the way out.
pub fn find(worker_crate: Option<&str>, architecture: Architecture, again: &str) -> Result<Option<PathBuf>, Stop> {
    let folder = folder(architecture)?;
    let (path, program) = (folder.join(RECORD), folder.join(PROGRAM));
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io("read", &path)(e)),
    };
    let old = |what: &str| {
        let what = format!("the worker that was built for {} {what}", architecture.machine());
        Err(Stop::new(Code::Invalid, what).remedy(format!("build it again: {again}")))
    };
    let record = match serde_json::from_slice::<Record>(&text) {
        Ok(record) if record.v == VERSION => record,
        _ => return old("has a record that this program does not read"),
    };
    if record.worker_crate.as_deref() != worker_crate {
        return Ok(None);
    }
    match of_all(&record.files) {
        Ok(sources) if sources == record.sources => {}
        _ => return old("is of other sources than those that are there now"),
    }
    match of_file(&program) {
        Ok(sha256) if sha256 == record.sha256 => Ok(Some(program)),
        _ => old("is not the program that was recorded"),
    }
}

/// The files of this machine that cargo read for it: what it lists beside the program, the manifest and the lock.
fn sources(built: &Path, manifest: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut list = built.as_os_str().to_owned();
    list.push(".d");
    let list = PathBuf::from(list);
    let text = std::fs::read_to_string(&list).map_err(io("read", &list))?;
    let base = std::path::absolute(manifest).map_err(io("find", manifest))?;
    let home = base.parent().unwrap_or(Path::new("/"));
    // What build scripts wrote into cargo's own directory, TARGET/TRIPLE/release/PROGRAM, follows from the others.
    let target = built.ancestors().nth(3).unwrap_or(built);
    let mut files: Vec<PathBuf> = listed(&text).into_iter().map(|file| home.join(file)).collect();
    files.retain(|file| !file.starts_with(target));
    files.push(base.clone());
    files.extend(home.ancestors().map(|dir| dir.join("Cargo.lock")).find(|lock| lock.is_file()));
    files.sort();
    files.dedup();
    Ok(files)
}

/// The names after the colon of each rule; a space of a name stands after a backslash.
fn listed(rules: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rule in rules.lines().filter_map(|line| line.split_once(": ")).map(|(_, names)| names) {
        let mut name = String::new();
        let mut chars = rule.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if chars.peek() == Some(&' ') => name.extend(chars.next()),
                ' ' => names.push(std::mem::take(&mut name)),
                c => name.push(c),
            }
        }
        names.push(name);
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Cargo itself writes the lock.
fn changed_since(file: &Path, began: SystemTime) -> bool {
    let modified = std::fs::metadata(file).and_then(|meta| meta.modified());
    !file.ends_with("Cargo.lock") && modified.is_ok_and(|at| at > began)
}

fn of_all(files: &[PathBuf]) -> Result<String, Stop> {
    let mut text = String::new();
    for file in files {
        text += &format!("{} {}\n", file.display(), of_file(file).map_err(io("read", file))?);
    }
    Ok(digest::sha256(text.as_bytes()))
}

fn of_file(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_cargo_writes_them() {
        assert_eq!(listed("/t/w: /a/src/main.rs /a/b\\ c.rs\n\n/a/src/main.rs:\n"), ["/a/src/main.rs", "/a/b c.rs"]);
        assert!(listed("/t/w:\n").is_empty());
    }

    #[test]
    fn sources_are_known_by_name_and_content() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].map(|name| dir.path().join(name)).into();
        std::fs::write(&files[0], "x").unwrap();
        std::fs::write(&files[1], "y").unwrap();
        let before = of_all(&files).unwrap();
        std::fs::write(&files[0], "y").unwrap();
        std::fs::write(&files[1], "x").unwrap();
        assert_ne!(of_all(&files).unwrap(), before);
        std::fs::remove_file(&files[1]).unwrap();
        assert!(of_all(&files).is_err(), "a file that is gone is a change");
    }
}
