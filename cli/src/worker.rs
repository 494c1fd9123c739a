//! The pipeline's worker program: where it is (built from the user's crate by cargo when the pipeline names one), and
//! the questions it answers. The worker links the engine; this program does not.

use crate::args::Global;
use crate::cargo::{self, NAME_IT};
use crate::exit::{Code, Stop, io};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use spotmill_core::item::{About, CheckReply, CheckRequest, FunctionInfo, PreviewReply};
use spotmill_core::records::DeployedWorker;
use spotmill_spec::query::{QueryReply, QueryRequest};
use spotmill_supervisor::trial::held_bytes;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long a question may take; none reads more than a few rows.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// How often a child's memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(100);
/// The stock worker's name.
pub const STOCK: &str = "spotmill-worker";

#[derive(Clone, Debug)]
pub struct Worker {
    pub program: PathBuf,
}

/// What one item may use.
pub struct Limits {
    pub threads: u32,
    pub secs: u64,
    pub bytes: u64,
}

/// How a child ended, and what it wrote to stderr.
pub struct ItemEnded {
    pub how: String,
    pub stderr: String,
}

/// Returns once the process and what it started hold more than so many bytes.
async fn above(leader: Option<i32>, bytes: u64) {
    loop {
        tokio::time::sleep(MEMORY_EVERY).await;
        if leader.is_some_and(|leader| held_bytes(leader) > bytes) {
            return;
        }
    }
}

impl Worker {
    /// The program that was named, else the pipeline's own crate as cargo builds it, else the stock worker.
    pub fn find(global: &Global, worker_crate: Option<&str>) -> Result<Worker, Stop> {
        if let Some(named) = Worker::named(global)? {
            return Ok(named);
        }
        match worker_crate {
            Some(dir) => build(&manifest(dir)?, global.quiet),
            None => stock(global.quiet),
        }
    }

    /// The program that was named, whatever the pipeline says.
    pub fn named(global: &Global) -> Result<Option<Worker>, Stop> {
        if let Some(program) = &global.worker {
            return existing(program.clone(), "--worker names").map(Some);
        }
        match std::env::var_os("SPOTMILL_WORKER").filter(|program| !program.is_empty()) {
            Some(program) => existing(PathBuf::from(program), "SPOTMILL_WORKER names").map(Some),
            None => Ok(None),
        }
    }

    /// The worker that would be used, if that takes no build: named, or beside this program.
    pub fn at_hand(global: &Global) -> Result<Option<Worker>, Stop> {
        if let Some(named) = Worker::named(global)? {
            return Ok(Some(named));
        }
        let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name(STOCK));
        Ok(beside.filter(|program| program.is_file()).map(|program| Worker { program }))
    }

    pub fn about(&self) -> Result<About, Stop> {
        self.ask(&["about"], None)
    }

    /// As a deploy on this machine names it: nobody fetches the program.
    pub fn deployed(&self) -> Result<DeployedWorker, Stop> {
        Ok(DeployedWorker { version: self.about()?.version, programs: BTreeMap::new() })
    }

    /// sha256 of the binary, for receipts.
    pub fn digest(&self) -> Result<String, Stop> {
        let mut file = std::fs::File::open(&self.program).map_err(io("open", &self.program))?;
        let mut hasher = Sha256::new();
        std::io::copy(&mut file, &mut hasher).map_err(io("read", &self.program))?;
        Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }

    pub fn check(&self, request: &CheckRequest) -> Result<CheckReply, Stop> {
        let body = serde_json::to_vec(request).map_err(|e| self.broken(&e))?;
        self.ask(&["check"], Some(body))
    }

    pub fn preview(&self, files: &[String], limit: usize) -> Result<PreviewReply, Stop> {
        let limit = limit.to_string();
        let mut args = vec!["preview", "--limit", &limit];
        args.extend(files.iter().map(String::as_str));
        self.ask(&args, None)
    }

    /// One query, however long it takes; its copies go below `tmp`. Dropping the answer ends the worker.
    pub async fn query(&self, request: &QueryRequest, tmp: &Path) -> Result<QueryReply, Stop> {
        let mut line = serde_json::to_vec(request).map_err(|e| self.broken(&e))?;
        line.push(b'\n');
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("sql").env("TMPDIR", tmp).env("RUST_BACKTRACE", "0").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(io("start", &self.program))?;
        if let Some(mut stdin) = child.stdin.take() {
            // As in `ask`: its exit says why.
            let _ = stdin.write_all(&line).await;
        }
        let output = child.wait_with_output().await.map_err(io("wait for", &self.program))?;
        if !output.stdout.is_empty() {
            return serde_json::from_slice(&output.stdout).map_err(|e| self.broken(&e));
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let what = format!("the worker {} ended without an answer ({})", self.program.display(), output.status);
        let stop = Stop::failed(format!("{what}: {}", message.trim()));
        // An older worker has no such subcommand.
        let old = output.status.code() == Some(2);
        Err(if old {
            stop.remedy("build it against the same version of spotmill-worker as this program")
        } else {
            stop
        })
    }

    /// One item in a child of its own, whose outcome is in the file. As on a machine of a run, it is ended at its time-out and
    /// above its memory. Dropping the answer ends the child.
    pub async fn item(&self, spec: &Path, outcome: &Path, limits: &Limits) -> Result<ItemEnded, Stop> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["item", "--spec"]).arg(spec).arg("--outcome").arg(outcome);
        let tmp = spec.parent().unwrap_or(Path::new(".")).join("tmp");
        command.env_clear().envs(spotmill_supervisor::environment(&tmp, limits.threads));
        command.env("RUST_BACKTRACE", "0").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let child = command.spawn().map_err(io("start", &self.program))?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        let broken = |why: String| Ok(ItemEnded { how: why, stderr: String::new() });
        tokio::select! {
            output = child.wait_with_output() => {
                let output = output.map_err(io("wait for", &self.program))?;
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                Ok(ItemEnded { how: output.status.to_string(), stderr })
            }
            () = tokio::time::sleep(Duration::from_secs(limits.secs)) => {
                broken(format!("it was ended after {} s, the step's `timeout`", limits.secs))
            }
            () = above(leader, limits.bytes) => {
                let most = spotmill_core::format::bytes_of(limits.bytes);
                broken(format!("it was ended because it held more than {most}, the step's `max_memory`"))
            }
        }
    }

    /// Hands the terminal to the worker (`schema`, `functions`).
    pub fn pass_through(&self, args: &[&str]) -> Result<Code, Stop> {
        let status = Command::new(&self.program).args(args).status().map_err(io("start", &self.program))?;
        Ok(match status.code() {
            Some(0) => Code::Done,
            Some(2) => Code::Usage,
            _ => Code::ItemsFailed,
        })
    }

    /// One of its functions, however its name is spelt.
    pub fn function(&self, name: &str) -> Result<FunctionInfo, Stop> {
        let mut command = Command::new(&self.program);
        let output = command.args(["functions", name, "--json"]).output().map_err(io("start", &self.program))?;
        match output.status.success() {
            true => serde_json::from_slice(&output.stdout).map_err(|e| self.broken(&e)),
            false => Err(Stop::usage(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// A file's columns as a block to paste.
    pub fn schema(&self, file: &str) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(&self.answer(&["schema", file], None)?).into_owned())
    }

    fn ask<T: DeserializeOwned>(&self, args: &[&str], input: Option<Vec<u8>>) -> Result<T, Stop> {
        serde_json::from_slice(&self.answer(args, input)?).map_err(|e| self.broken(&e))
    }

    fn answer(&self, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>, Stop> {
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(io("start", &self.program))?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A worker that dies early closes the pipe; its exit says why.
            let _ = stdin.write_all(&input);
        }
        let (ended, patience) = mpsc::channel::<()>();
        let pid = child.id();
        let watch = std::thread::spawn(move || {
            let late = patience.recv_timeout(ANSWER_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout);
            if late && let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            late
        });
        let output = child.wait_with_output().map_err(io("wait for", &self.program))?;
        drop(ended);
        if watch.join().unwrap_or(false) {
            let secs = ANSWER_WITHIN.as_secs();
            return Err(Stop::new(Code::Invalid, format!("the worker's {} did not end within {secs} s", args[0]))
                .remedy("a function or transform that loops on no rows? Steps are checked on zero rows"));
        }
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            return Err(Stop::new(
                Code::Invalid,
                format!(
                    "the worker {} {} failed ({}): {}",
                    self.program.display(),
                    args[0],
                    output.status,
                    message.trim()
                ),
            ));
        }
        Ok(output.stdout)
    }

    fn broken(&self, error: &serde_json::Error) -> Stop {
        Stop::new(Code::Invalid, format!("the worker {} does not speak our protocol: {error}", self.program.display()))
            .remedy("build it against the same version of spotmill-worker as this program")
    }
}

fn existing(program: PathBuf, what: &str) -> Result<Worker, Stop> {
    let program = std::path::absolute(&program).unwrap_or(program);
    if program.is_file() {
        return Ok(Worker { program });
    }
    Err(Stop::usage(format!("{what} {}, but there is no such file", program.display()))
        .remedy("build it with `cargo build` in the worker's crate and name the program that cargo makes"))
}

/// Where the stock worker comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Stock {
    Beside,
    Built,
    Nowhere,
}

/// What was installed beside this program is its worker. What cargo left beside it may be older than its sources, which
/// cargo knows.
fn stock_from(beside: bool, sources: bool, built_by_cargo: bool) -> Stock {
    match (beside, sources) {
        (true, sources) if !(sources && built_by_cargo) => Stock::Beside,
        (_, true) => Stock::Built,
        _ => Stock::Nowhere,
    }
}

impl Stock {
    pub fn of_this_program() -> Result<Stock, Stop> {
        let exe = this_program()?;
        // Cargo marks its target directory with this file.
        let by_cargo = exe.ancestors().skip(1).take(3).any(|dir| dir.join("CACHEDIR.TAG").is_file());
        Ok(stock_from(exe.with_file_name(STOCK).is_file(), stock_sources().is_file(), by_cargo))
    }
}

fn this_program() -> Result<PathBuf, Stop> {
    std::env::current_exe().map_err(|e| Stop::failed(format!("cannot tell where this program is: {e}")))
}

fn stock(quiet: bool) -> Result<Worker, Stop> {
    let beside = this_program()?.with_file_name(STOCK);
    match Stock::of_this_program()? {
        Stock::Beside => Ok(Worker { program: beside }),
        Stock::Built => build(&stock_sources(), quiet),
        Stock::Nowhere => {
            Err(Stop::usage(format!("there is no worker: {} does not exist", beside.display())).remedy(format!(
                "build it in a checkout of Spotmill (cargo build -p spotmill-worker) and put it there, or {NAME_IT}"
            )))
        }
    }
}

/// The crate of the stock worker, in the checkout that this program was built in.
pub fn stock_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/Cargo.toml")
}

/// The manifest of a pipeline's own crate.
pub fn manifest(worker_crate: &str) -> Result<PathBuf, Stop> {
    let manifest = Path::new(worker_crate).join("Cargo.toml");
    match manifest.is_file() {
        true => Ok(manifest),
        false => Err(Stop::new(Code::Invalid, format!("[worker] crate: there is no {}", manifest.display())).remedy(
            "point `crate` at a directory with a Cargo.toml (`init --worker` writes one), or leave [worker] \
             out for the stock worker",
        )),
    }
}

/// `cargo build` in the profile this program was built with.
fn build(manifest: &Path, quiet: bool) -> Result<Worker, Stop> {
    let mut words = vec!["build".to_owned()];
    words.extend((!cfg!(debug_assertions)).then(|| "--release".to_owned()));
    words.extend(quiet.then(|| "--quiet".to_owned()));
    let place = cargo::folder(manifest).display();
    let notice =
        format!("building the worker, for minutes if it is the first time: cargo build in {place} ({NAME_IT})");
    let program = cargo::run(cargo::command(manifest, &words), manifest, (!quiet).then_some(notice))?;
    Ok(Worker { program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_installed_beside_the_program_is_its_worker() {
        assert_eq!(stock_from(true, false, false), Stock::Beside);
        assert_eq!(stock_from(true, true, false), Stock::Beside, "a program copied out of its checkout");
        assert_eq!(stock_from(true, false, true), Stock::Beside, "whose sources are gone");
        assert_eq!(stock_from(true, true, true), Stock::Built, "sources may be newer");
        assert_eq!(stock_from(false, true, false), Stock::Built);
        assert_eq!(stock_from(false, false, true), Stock::Nowhere);
    }
}
