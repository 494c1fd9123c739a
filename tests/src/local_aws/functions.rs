//! The programs that cargo built, without their symbols: the functions unpack one, every machine fetches the other. And
//! the processes of functions, for tests that end them.

use crate::programs;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Without its symbols; made once.
pub fn stripped(program: &Path) -> PathBuf {
    let small = program.with_extension("stripped");
    strip(program, &small);
    small
}

/// The directory of the functions' program, as `spotmill deploy` takes it.
pub fn functions() -> PathBuf {
    let dir = programs().lambdas.join("lambda");
    std::fs::create_dir_all(&dir).expect("a directory");
    strip(&programs().lambdas.join("bootstrap"), &dir.join("bootstrap"));
    dir
}

fn strip(program: &Path, to: &Path) {
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    // Held until it is made: another test waits for it.
    let mut made = MADE.lock().expect("nobody panics in here");
    if made.insert(to.to_owned()) {
        // Beside it first: other processes may be running these tests too.
        let own = to.with_extension(std::process::id().to_string());
        let status = Command::new("strip").arg("-o").arg(&own).arg(program).status().expect("strip (binutils)");
        assert!(status.success(), "strip {}", program.display());
        std::fs::rename(&own, to).expect("rename");
    }
}

/// SIGKILL for the processes of a function, found by the environment that Lambda gives them; how many there were.
pub fn kill(name: &str) -> usize {
    let kill = |pid: &String| Command::new("kill").args(["-KILL", pid]).status().is_ok_and(|s| s.success());
    processes().iter().filter(|(function, pid)| function == name && kill(pid)).count()
}

/// Processes of functions that are there: (function, process id).
pub fn processes() -> Vec<(String, String)> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = all.filter_map(|process| {
        let environment = std::fs::read(process.path().join("environ")).ok()?;
        let name = environment.split(|b| *b == 0).find_map(|v| v.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME="))?;
        Some((String::from_utf8_lossy(name).into_owned(), process.file_name().to_string_lossy().into_owned()))
    });
    found.collect()
}
