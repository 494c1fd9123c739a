//! The emulator's Python environment, in the build directory: made by whoever needs it first, while others wait;
//! made again when `requirements.txt` changes. A half-made one is never taken for a whole one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../requirements.txt");

#[derive(Clone, Debug)]
pub struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// # Panics
    /// If it cannot be made; with the output of `pip`.
    pub fn ready() -> Venv {
        let target = target();
        fs::create_dir_all(&target).unwrap_or_else(|e| panic!("{}: {e}", target.display()));
        let lock = target.join("emulator-venv.lock");
        let lock = File::create(&lock).unwrap_or_else(|e| panic!("{}: {e}", lock.display()));
        lock.lock().expect("the lock of the environment");
        let venv = Venv { dir: target.join("emulator-venv") };
        if fs::read_to_string(venv.mark()).ok().as_deref() != Some(REQUIREMENTS) {
            venv.make();
        }
        venv
    }

    /// What was installed; written last.
    fn mark(&self) -> PathBuf {
        self.dir.join("installed.txt")
    }

    fn make(&self) {
        let _ = fs::remove_dir_all(&self.dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&self.dir));
        let list = self.dir.join("requirements.txt");
        fs::write(&list, REQUIREMENTS).unwrap_or_else(|e| panic!("{}: {e}", list.display()));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
        run(Command::new(self.python()).args(pip).arg(&list));
        fs::write(self.mark(), REQUIREMENTS).expect("the mark of a whole environment");
    }

    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    pub fn program(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// `PATH` with this environment's programs first.
    pub fn path(&self) -> String {
        let rest = std::env::var("PATH").unwrap_or_default();
        format!("{}:{rest}", self.dir.join("bin").display())
    }
}

/// The build directory, whoever runs the tests from wherever.
fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if dir != OsStr::new("") => root.join(dir),
        _ => root.join("target"),
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&text));
}
