//! A command of this machine: it gets its text on stdin, and what it leaves behind when its time is over is ended with
//! it. It is never run by a shell, unless the command is one.

use crate::ports::{HookCall, Hooks};
use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Bytes of the end of its output that an error shows.
const SHOWN: usize = 2_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct Processes;

#[async_trait]
impl Hooks for Processes {
    async fn run(&self, call: HookCall<'_>) -> Result<(), String> {
        let Some((program, arguments)) = call.command.split_first() else {
            return Err("it names no program".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).process_group(0);
        if let Some(directory) = call.directory {
            command.current_dir(directory);
        }
        let child = command.spawn().map_err(|e| format!("`{program}` cannot be started: {e}"))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = tokio::time::timeout(call.timeout, to_its_end(child, call.stdin)).await;
        match ended {
            Ok(outcome) => outcome,
            Err(_) => {
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                Err(format!("it had not ended after {} s, and was ended", call.timeout.as_secs()))
            }
        }
    }
}

async fn to_its_end(mut child: Child, text: &[u8]) -> Result<(), String> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not read its text may end well all the same.
            let _ = stdin.write_all(text).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let read_out = async {
        if let Some(mut stdout) = stdout {
            let _ = stdout.read_to_end(&mut out).await;
        }
    };
    let read_err = async {
        if let Some(mut stderr) = stderr {
            let _ = stderr.read_to_end(&mut err).await;
        }
    };
    let ((), (), (), status) = tokio::join!(write, read_out, read_err, child.wait());
    let status = status.map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(());
    }
    out.extend_from_slice(&err);
    let end = String::from_utf8_lossy(&out[out.len().saturating_sub(SHOWN)..]).trim().to_owned();
    Err(if end.is_empty() { format!("{status}") } else { format!("{status}: {end}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn run(script: &str, stdin: &[u8], millis: u64) -> Result<(), String> {
        let command = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let timeout = Duration::from_millis(millis);
        Processes.run(HookCall { command: &command, directory: None, stdin, timeout }).await
    }

    #[tokio::test]
    async fn it_gets_its_text_and_its_end_is_told() {
        assert_eq!(run("test \"$(cat)\" = text", b"text", 10_000).await, Ok(()));
        assert_eq!(run("exit 0", &[0; 1 << 20], 10_000).await, Ok(()), "it need not read");
        let why = run("echo first; echo last >&2; exit 3", b"", 10_000).await.unwrap_err();
        assert!(why.contains("3") && why.contains("first") && why.ends_with("last"), "{why}");
    }

    #[tokio::test]
    async fn what_it_started_ends_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("late");
        let why = run(&format!("(sleep 1; touch {}) & wait", mark.display()), b"", 200).await.unwrap_err();
        assert!(why.contains("was ended"), "{why}");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!mark.exists(), "its child went on");
    }
}
