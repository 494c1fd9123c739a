//! Cargo, as it is started to build a worker: in the crate's own directory, with its progress on stderr. What it built is
//! read from its messages. Nothing here chooses what is built.

use crate::exit::{Code, Stop, io};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// After which a message says that cargo builds; a build without changes takes less.
const SILENT_FOR: Duration = Duration::from_secs(1);
/// The way out where no worker can be built.
pub const NAME_IT: &str = "name a built one: --worker FILE, or SPOTMILL_WORKER=FILE";

/// The cargo that is used.
pub fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A command of cargo on the programs of a crate.
pub fn command(manifest: &Path, words: &[String]) -> Command {
    let mut cargo = Command::new(program());
    cargo.args(words).args(["--bins", "--message-format", "json-render-diagnostics"]);
    // Cargo searches for its configuration (the target processor) where it is started.
    cargo.current_dir(folder(manifest));
    // The variables that an outer `cargo run` sets for its own package would make build scripts that watch them run
    // again, and the engine compile again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The directory of a manifest, as a place to work in.
pub fn folder(manifest: &Path) -> &Path {
    manifest.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Runs it to its end, with a notice if it takes a while. Returns the last program that it reports.
pub fn run(mut cargo: Command, manifest: &Path, notice: Option<String>) -> Result<PathBuf, Stop> {
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| {
        Stop::usage(format!("cannot start cargo to build the worker: {error}"))
            .remedy(format!("install Rust (https://rustup.rs), or {NAME_IT}"))
    })?;
    let (ended, patience) = mpsc::channel::<()>();
    let noticed = std::thread::spawn(move || {
        let is_building = patience.recv_timeout(SILENT_FOR) == Err(mpsc::RecvTimeoutError::Timeout);
        if let Some(notice) = notice.filter(|_| is_building) {
            warn_of!("{notice}");
        }
    });
    let program = child.stdout.take().and_then(|out| executable(BufReader::new(out)));
    let status = child.wait().map_err(io("wait for cargo and", manifest))?;
    drop(ended);
    let _ = noticed.join();
    match program {
        Some(program) if status.success() => Ok(program),
        _ if status.success() => Err(Stop::new(Code::Invalid, format!("{} builds no program", manifest.display()))
            .remedy("give it a src/main.rs that calls spotmill_worker::Worker::main")),
        _ => Err(Stop::new(Code::Invalid, format!("the worker {} does not build", manifest.display()))
            .remedy(format!("mend what cargo says above; or {NAME_IT}"))),
    }
}

/// The last executable that cargo reports.
fn executable(lines: impl BufRead) -> Option<PathBuf> {
    let messages = lines.lines().map_while(Result::ok);
    let made = messages.filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    made.last()
}
