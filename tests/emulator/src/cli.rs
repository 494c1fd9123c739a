//! The AWS command line in a process of its own (`cli.py`), which answers one call after another until it is dropped.

use crate::Venv;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};

const PROGRAM: &str = include_str!("../cli.py");

#[derive(Debug)]
pub struct Cli {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Cli {
    pub fn start(venv: &Venv, dir: &Path, env: Vec<(String, String)>) -> io::Result<Cli> {
        let mut command = Command::new(venv.python());
        command.args(["-c", PROGRAM]).current_dir(dir).envs(env).env("TMPDIR", dir);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let replies = BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Cli { process, requests, replies })
    }

    pub fn call(&mut self, args: &[&str]) -> io::Result<Output> {
        let request = args.join("\0");
        write!(self.requests, "{}\n{request}", request.len())?;
        self.requests.flush()?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        let numbers: Vec<usize> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [code, out, err] = numbers[..] else {
            return Err(io::Error::other(format!("the command line answered `{line}`")));
        };
        let (mut stdout, mut stderr) = (vec![0; out], vec![0; err]);
        self.replies.read_exact(&mut stdout)?;
        self.replies.read_exact(&mut stderr)?;
        let code = i32::try_from(code).unwrap_or(255);
        Ok(Output { status: ExitStatus::from_raw(code << 8), stdout, stderr })
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
