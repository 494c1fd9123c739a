//! A command of this machine: it gets its text on stdin, and what it leaves behind when its time is over is ended with
//! it, as it is when it is stopped: then it is asked first. It is never run by a shell, unless the command is one.

use crate::ports::{HookCall, Hooks};
use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Bytes of the end of its output that an error shows.
const SHOWN: usize = 2_000;
/// Between SIGTERM and SIGKILL of one that is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Commands that end when `stop` becomes true: none begins after that.
#[derive(Debug)]
pub struct Processes {
    stop: watch::Receiver<bool>,
    grace: Duration,
    /// The process groups of those that run.
    groups: watch::Sender<BTreeSet<i32>>,
}

/// The process group of a command that runs. Whoever is not waited for any more is killed.
struct Running<'a> {
    all: &'a Processes,
    group: Pid,
    has_ended: bool,
}

impl Processes {
    pub fn new(stop: watch::Receiver<bool>) -> Self {
        Self { stop, grace: GRACE, groups: watch::Sender::default() }
    }

    /// Returns once no command runs.
    pub async fn ended(&self) {
        let _ = self.groups.subscribe().wait_for(BTreeSet::is_empty).await;
    }

    /// Kills those that run, whatever they do.
    pub fn kill(&self) {
        self.groups
            .borrow()
            .iter()
            .filter_map(|group| Pid::from_raw(*group))
            .for_each(|group| send(group, Signal::KILL));
    }

    /// Starts it, unless it is to stop: whoever waits for the end of all sees it, or it does not begin.
    fn start(&self, mut command: Command, program: &str) -> Result<(Child, Running<'_>), String> {
        let mut started = Err("it was stopped before it began".to_owned());
        self.groups.send_if_modified(|groups| {
            if *self.stop.borrow() {
                return false;
            }
            started = command.spawn().map_err(|e| format!("`{program}` cannot be started: {e}"));
            let id = started.as_ref().ok().and_then(Child::id);
            id.is_some_and(|id| groups.insert(id.cast_signed()))
        });
        let child = started?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or("it has no process id")?;
        Ok((child, Running { all: self, group, has_ended: false }))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            send(self.group, Signal::KILL);
        }
        self.all.groups.send_modify(|groups| {
            groups.remove(&self.group.as_raw_nonzero().get());
        });
    }
}

fn send(group: Pid, signal: Signal) {
    // A group that is gone has what it was to get.
    let _ = kill_process_group(group, signal);
}

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
        let (child, mut running) = self.start(command, program)?;
        let mut stop = self.stop.clone();
        let mut end = pin!(to_its_end(child, call.stdin));
        tokio::select! {
            outcome = &mut end => {
                running.has_ended = true;
                outcome
            }
            () = tokio::time::sleep(call.timeout) => {
                Err(format!("it had not ended after {} s, and was ended", call.timeout.as_secs()))
            }
            () = stopped(&mut stop) => {
                send(running.group, Signal::TERM);
                let _ = tokio::time::timeout(self.grace, &mut end).await;
                // However it ended: it is told again by the next start.
                Err("it was stopped".to_owned())
            }
        }
    }
}

/// Never, where nobody can say so any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|&stop| stop).await.is_err() {
        std::future::pending::<()>().await;
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
    use std::path::Path;

    async fn run(script: &str, stdin: &[u8], millis: u64) -> Result<(), String> {
        run_with(&Processes::new(watch::channel(false).1), script, stdin, millis).await
    }

    async fn run_with(processes: &Processes, script: &str, stdin: &[u8], millis: u64) -> Result<(), String> {
        let command = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let timeout = Duration::from_millis(millis);
        processes.run(HookCall { command: &command, directory: None, stdin, timeout }).await
    }

    /// Runs until the script has made `begun`, and is stopped then. Returns what it was told, and whether the group lives.
    async fn stopped_once_begun(dir: &Path, script: &str) -> (Result<(), String>, bool) {
        let (stop, is_stopped) = watch::channel(false);
        let processes = Processes { grace: Duration::from_millis(300), ..Processes::new(is_stopped) };
        let script = format!("cd {}; echo $$ > group; {script}", dir.display());
        let begun = dir.join("begun");
        let stopper = async {
            while !begun.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.send(true).unwrap();
            processes.ended().await;
        };
        let (told, ()) = tokio::join!(run_with(&processes, &script, b"", 60_000), stopper);
        let group = std::fs::read_to_string(dir.join("group")).unwrap();
        let group = Pid::from_raw(group.trim().parse().unwrap()).unwrap();
        // A child that was killed is there until its parent, or init, has seen its end.
        for _ in 0..100 {
            if rustix::process::test_kill_process_group(group).is_err() {
                return (told, false);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (told, true)
    }

    #[tokio::test]
    async fn one_that_is_stopped_is_asked_and_then_killed_with_all_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let asked = "trap 'touch asked; exit 0' TERM; sleep 60 & touch begun; wait";
        let (told, lives) = stopped_once_begun(dir.path(), asked).await;
        assert_eq!((told, lives), (Err("it was stopped".to_owned()), false), "a good end says nothing now");
        assert!(dir.path().join("asked").exists());
        let dir = tempfile::tempdir().unwrap();
        let deaf = "trap '' TERM; sh -c 'sleep 60; touch late' & touch begun; wait";
        let (told, lives) = stopped_once_begun(dir.path(), deaf).await;
        assert_eq!((told, lives), (Err("it was stopped".to_owned()), false));
    }

    #[tokio::test]
    async fn none_begins_once_it_is_to_stop() {
        let processes = Processes::new(watch::channel(true).1);
        let why = run_with(&processes, "exit 0", b"", 10_000).await.unwrap_err();
        assert_eq!(why, "it was stopped before it began");
        processes.ended().await;
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
