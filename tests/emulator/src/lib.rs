//! Test support: an AWS on this machine. `Emulator::start` makes a Python environment once (`venv`), starts MiniStack
//! on a free port of the loopback interface, and ends it, with all it started, when dropped or when the process that
//! started it is gone. Nothing here knows what is tested with it.

mod cli;
mod venv;
mod wire;

use cli::Cli;
pub use venv::Venv;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

const LAUNCHER: &str = include_str!("../launcher.py");
/// Another program may take the port between our probe of it and the emulator's.
const TRIES: u32 = 5;
/// It takes half a second; a machine under load, longer.
const START: Duration = Duration::from_secs(60);
/// Bytes of its log that an error shows.
const TAIL: usize = 4_000;

pub const REGION: &str = "us-east-1";

/// A running emulator.
#[derive(Debug)]
pub struct Emulator {
    venv: Venv,
    port: u16,
    dir: PathBuf,
    process: Child,
    /// The command line; none until it is first called.
    cli: Mutex<Option<Cli>>,
}

impl Emulator {
    /// # Panics
    /// If it cannot be started; with the end of its log.
    pub fn start() -> Emulator {
        Emulator::start_with(&[])
    }

    /// With more environment for it and its Lambdas, such as `AWS_ENDPOINT_URL_EC2`.
    ///
    /// # Panics
    /// If it cannot be started; with the end of its log.
    pub fn start_with(env: &[(&str, &str)]) -> Emulator {
        let venv = Venv::ready();
        let mut why = String::new();
        for _ in 0..TRIES {
            match Emulator::on(&venv, free_port(), env) {
                Ok(emulator) => return emulator,
                Err(e) => why = e,
            }
        }
        panic!("the emulator does not start:\n{why}");
    }

    fn on(venv: &Venv, port: u16, env: &[(&str, &str)]) -> Result<Emulator, String> {
        let dir = own_directory();
        let log = File::create(dir.join("log")).map_err(|e| format!("{}: {e}", dir.display()))?;
        let mut command = Command::new(venv.python());
        command.args(["-c", LAUNCHER]).process_group(0).current_dir(&dir);
        command.envs(self::env(port)).envs(env.iter().copied());
        command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        command.env("TMPDIR", &dir).env("PATH", venv.path());
        let both = log.try_clone().map_err(|e| e.to_string())?;
        let process = command.stdin(Stdio::piped()).stdout(log).stderr(both).spawn();
        let process = process.map_err(|e| format!("{}: {e}", venv.python().display()))?;
        let mut emulator = Emulator { venv: venv.clone(), port, dir, process, cli: Mutex::default() };
        emulator.wait()?;
        Ok(emulator)
    }

    /// Until it answers, and is the one that does.
    fn wait(&mut self) -> Result<(), String> {
        let end = Instant::now() + START;
        loop {
            let answered = wire::answers(self.port);
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("it ended with {status}:\n{}", self.log_tail()));
            }
            if answered {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("no answer within {} s:\n{}", START.as_secs(), self.log_tail()));
            }
            sleep(Duration::from_millis(50));
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    /// What a program needs to talk to it.
    pub fn env(&self) -> Vec<(String, String)> {
        env(self.port)
    }

    /// The Python that has the emulator's packages.
    pub fn python(&self) -> PathBuf {
        self.venv.python()
    }

    /// `PATH` with that Python's programs (`aws`) first.
    pub fn path(&self) -> String {
        self.venv.path()
    }

    /// The AWS command line, against this emulator.
    ///
    /// # Panics
    /// If it cannot be run at all.
    pub fn aws(&self, args: &[&str]) -> Output {
        let endpoint = self.endpoint();
        let args = [&["--endpoint-url", endpoint.as_str()], args].concat();
        self.call(&args).unwrap_or_else(|e| panic!("aws {}: {e}", args.join(" ")))
    }

    fn call(&self, args: &[&str]) -> std::io::Result<Output> {
        let mut cli = self.cli.lock().unwrap_or_else(PoisonError::into_inner);
        let mut one = match cli.take() {
            Some(one) => one,
            None => Cli::start(&self.venv, &self.dir, self.env())?,
        };
        let output = one.call(args)?;
        *cli = Some(one);
        Ok(output)
    }

    /// A request in the JSON protocol, such as `AWSStepFunctions.DescribeExecution`; the reply's body.
    ///
    /// # Errors
    /// If there is no reply, or it is no success; with what was answered.
    pub fn post(&self, action: &str, body: &str) -> Result<String, String> {
        wire::post(self.port, action, body)
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The end of its log, for messages.
    pub fn log_tail(&self) -> String {
        let bytes = std::fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the emulator's log ends:\n{}", self.log_tail());
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn env(port: u16) -> Vec<(String, String)> {
    let endpoint = endpoint(port);
    [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn own_directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("spotmill-emulator-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", Path::new(&dir).display()));
    dir
}
