//! The door through which end-to-end tests enter: a project in a temporary directory, the real `spotmill` and the
//! real worker, run as a user would run them.

pub mod local_aws;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The programs under test, built once by the first test that asks.
pub struct Programs {
    pub spotmill: PathBuf,
    pub stock_worker: PathBuf,
    pub flights_worker: PathBuf,
    pub misbehaving_worker: PathBuf,
    /// The directory of the functions' programs.
    pub lambdas: PathBuf,
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the repository").to_owned()
}

pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--workspace", "--bins", "--locked", "--quiet"]).current_dir(repository());
        // As in the CLI: build scripts that watch these would make the engine compile again.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_")) {
                build.env_remove(name);
            }
        }
        let status = build.status().expect("cargo starts");
        assert!(status.success(), "the programs under test do not build");
        let bin = target_dir().join("debug");
        Programs {
            spotmill: bin.join("spotmill"),
            stock_worker: bin.join("spotmill-worker"),
            flights_worker: bin.join("flights-worker"),
            misbehaving_worker: bin.join("misbehaving-worker"),
            lambdas: bin.clone(),
        }
    })
}

/// Where cargo put this very program.
fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a program knows its own path");
    target_of(&exe).unwrap_or_else(|| panic!("{}: expected a program that cargo built", exe.display())).to_owned()
}

/// Tests are in `target/debug/deps`, programs in `target/debug`.
fn target_of(exe: &Path) -> Option<&Path> {
    let dir = exe.parent()?;
    let profile = if dir.ends_with("deps") { dir.parent()? } else { dir };
    profile.parent()
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.status.code(), Some(expected), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let both = format!("{}\n{}", self.stdout, self.stderr);
        assert!(both.contains(text), "expected `{text}` in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The `--json` events.
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last `run_ended` event.
    #[track_caller]
    pub fn ended(&self) -> serde_json::Value {
        let ended = self.events().into_iter().rfind(|e| e["event"] == "run_ended");
        ended.unwrap_or_else(|| panic!("no run_ended in\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A pipeline directory that a test may break.
pub struct Project {
    dir: TempDir,
    worker: PathBuf,
}

impl Project {
    /// An empty project with this pipeline file, on the stock worker.
    pub fn new(pipeline: &str) -> Self {
        let project = Self { dir: temp_dir(), worker: programs().stock_worker.clone() };
        project.write("pipeline.toml", pipeline);
        project
    }

    /// A copy of `examples/flights`, on its own worker.
    pub fn flights() -> Self {
        let project = Self { dir: temp_dir(), worker: programs().flights_worker.clone() };
        let example = repository().join("examples/flights");
        for part in ["pipeline.toml", "sql", "data"] {
            copy_all(&example.join(part), &project.path(part));
        }
        project
    }

    /// On AWS it reads and publishes below `name` in the user's bucket.
    pub fn on_aws(self, name: &str) -> Self {
        let lake = local_aws::LAKE;
        self.edit("pipeline.toml", "s3://acme-raw/flights", &format!("s3://{lake}/input/{name}"));
        self.edit("pipeline.toml", "s3://acme-lake/flights", &format!("s3://{lake}/output/{name}"));
        self
    }

    pub fn with_worker(self, worker: PathBuf) -> Self {
        Self { worker, ..self }
    }

    pub fn worker(&self) -> &Path {
        &self.worker
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a file has a parent")).expect("directory");
        std::fs::write(path, text).expect("write");
    }

    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
    }

    /// Replace `from` by `to` in a file; a test that edits nothing is wrong.
    #[track_caller]
    pub fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} does not contain `{from}`");
        self.write(relative, text.replacen(from, to, 1));
    }

    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(&programs().spotmill);
        command.arg("-C").arg(self.dir.path()).args(args).env("SPOTMILL_WORKER", &self.worker);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn spotmill(&self, args: &[&str]) -> Ran {
        self.spotmill_with(args, &[])
    }

    /// With more in its environment.
    pub fn spotmill_with(&self, args: &[&str], env: &[(String, String)]) -> Ran {
        self.command(args).envs(env.iter().cloned()).output().expect("spotmill starts").into()
    }

    /// Every file below `relative`, by path, with its bytes.
    pub fn files(&self, relative: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
        let mut found = std::collections::BTreeMap::new();
        collect(&self.path(relative), self.dir.path(), &mut found);
        found
    }
}

fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("spotmill-test-").tempdir().expect("temporary directory")
}

fn collect(dir: &Path, base: &Path, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, base, found);
        } else {
            let name = path.strip_prefix(base).expect("below the project").to_string_lossy().into_owned();
            match std::fs::read(&path) {
                Ok(bytes) => drop(found.insert(name, bytes)),
                // Whoever works in this directory at the same time has renamed or removed it.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => panic!("{}: {e}", path.display()),
            }
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).expect("copy");
        return;
    }
    std::fs::create_dir_all(to).expect("directory");
    for entry in std::fs::read_dir(from).expect("example").flatten() {
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// A Python with DuckDB and Polars, made once below `target/`; the independent word on results.
pub fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python_with("verify-venv", "duckdb==2.0.0")).clone()
}

/// A Python that validates JSON by a schema; made in the same way.
pub fn schema_python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python_with("schema-venv", "jsonschema==4.26.0")).clone()
}

/// Holds every event of an `openlineage.ndjson`, and every facet of it, to the official schema. Returns how many facets.
pub fn held_to_schemas(events: &Path) -> usize {
    let script = repository().join("tests/verify/openlineage/validate.py");
    let ran = Command::new(schema_python()).arg(script).arg(events).output().expect("python starts");
    let report = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{report}{}", String::from_utf8_lossy(&ran.stderr));
    report.trim_end().rsplit(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number of facets")
}

fn python_with(name: &str, package: &str) -> PathBuf {
    let home = target_dir().join(name);
    let python = home.join("bin/python");
    if !home.join("ready").exists() {
        run_ok(Command::new("python3").args(["-m", "venv"]).arg(&home));
        run_ok(Command::new(&python).args(["-m", "pip", "install", "-q", package]));
        std::fs::write(home.join("ready"), "").expect("mark");
    }
    python
}

fn run_ok(command: &mut Command) {
    let needs = "this test needs python3 with its venv module and PyPI";
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}; {needs}"));
    assert!(status.success(), "{command:?} failed; {needs}");
}

/// Published rows below `relative`, as a sorted multiset of rendered rows.
pub fn rows(project: &Project, relative: &str) -> Vec<String> {
    let files = project.files(relative);
    let data: Vec<_> = files.keys().filter(|f| f.ends_with(".parquet")).map(|f| project.path(f)).collect();
    if data.is_empty() {
        return Vec::new();
    }
    let output = Command::new(&programs().stock_worker)
        .args(["preview", "--limit", "1000000"])
        .args(&data)
        .output()
        .expect("worker starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reply: serde_json::Value = serde_json::from_slice(&output.stdout).expect("preview is JSON");
    let mut rows: Vec<String> = reply["rows"].as_array().expect("rows").iter().map(ToString::to_string).collect();
    rows.sort();
    rows
}

/// A small seeded generator (SplitMix64): the same seed, the same moments.
pub struct Seeded(pub u64);

impl Seeded {
    /// From `SPOTMILL_SEED`, or `default`; printed so that a failure can be replayed.
    pub fn from_env(default: u64) -> Self {
        let seed = std::env::var("SPOTMILL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(default);
        println!("SPOTMILL_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tested_is_what_is_released() {
        assert_eq!(spotmill::FEATURES, ["aws"]);
    }

    #[test]
    fn tests_and_programs_find_the_same_target_directory() {
        for exe in ["/x/target/debug/deps/aws-0123456789abcdef", "/x/target/debug/local-aws"] {
            assert_eq!(target_of(Path::new(exe)), Some(Path::new("/x/target")), "{exe}");
        }
        assert_eq!(target_of(Path::new("/local-aws")), None);
    }
}
