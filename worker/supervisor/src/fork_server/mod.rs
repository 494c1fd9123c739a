//! A worker program that is started once and waits, with one thread: items' processes are forked from it, which saves each the
//! start of a program, and each begins as clean as the first. It dies with this process, and its children die with it. A
//! thread of its own starts it and reads what it reports, because the kernel's death signal follows the thread.

pub mod protocol;
mod slot;

pub use slot::{ForkServers, NoForkServer};

use crate::bound::{be_bound, spawn};
use crate::environment;
use crate::post_mortem;
use protocol::{COMMAND, End, Fork, Reply, Request};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A fork server that has not answered for so long does not answer any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long after its SIGKILL the end of a process is reported.
const REPORTED_WITHIN: Duration = Duration::from_secs(5);

/// Ended when dropped, with all that was forked from it.
#[derive(Debug)]
pub struct ForkServer {
    socket: UnixStream,
    /// Whose turn it is to write: threads must not mix their lines.
    turn: Mutex<()>,
    next_id: AtomicU64,
    waiting: Arc<Mutex<Waiting>>,
    /// Ends with the process.
    thread: Option<JoinHandle<()>>,
}

/// Who waits for replies, by the number of the fork.
#[derive(Debug, Default)]
struct Waiting {
    ended: bool,
    forks: HashMap<u64, Sender<Reply>>,
}

impl ForkServer {
    /// Waits until it can fork.
    pub fn start(program: &Path) -> Result<ForkServer> {
        let (ours, its) = UnixStream::pair()?;
        let (waiting, (ready, first)) = (Arc::<Mutex<Waiting>>::default(), channel());
        let (reads, of_thread) = (ours.try_clone()?, Arc::clone(&waiting));
        let log = File::from(rustix::fs::memfd_create("fork-server", rustix::fs::MemfdFlags::CLOEXEC)?);
        let command = command(program, its, &log)?;
        let thread = move || {
            let ended = live(command, log, reads, &of_thread, &ready);
            let _ = ready.send(Reply::Unfit(ended.unwrap_or_else(|e| e.to_string())));
            let mut waiting = lock(&of_thread);
            waiting.ended = true;
            waiting.forks.clear();
        };
        let thread = Some(std::thread::Builder::new().name("fork server".to_owned()).spawn(thread)?);
        ours.set_write_timeout(Some(PATIENCE))?;
        let server =
            ForkServer { socket: ours, turn: Mutex::default(), next_id: AtomicU64::default(), waiting, thread };
        match first.recv_timeout(PATIENCE) {
            Ok(Reply::Ready) => Ok(server),
            Ok(Reply::Unfit(why)) => Err(Error::other(why)),
            Ok(_) | Err(RecvTimeoutError::Timeout) => Err(Error::other("it does not say that it is ready")),
            Err(RecvTimeoutError::Disconnected) => Err(Error::other("it ended at once")),
        }
    }

    /// It can fork no more.
    pub fn has_ended(&self) -> bool {
        lock(&self.waiting).ended
    }

    /// Waits until the process runs. The number in `fork` is given here.
    pub fn fork(self: Arc<Self>, mut fork: Fork) -> Result<Forked> {
        fork.id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (id, (sender, replies)) = (fork.id, channel());
        {
            let mut waiting = lock(&self.waiting);
            if waiting.ended {
                return Err(gone());
            }
            waiting.forks.insert(id, sender);
        }
        self.send(&Request::Fork(fork)).inspect_err(|_| self.forget(id))?;
        match replies.recv_timeout(PATIENCE) {
            Ok(Reply::Forked { pid, .. }) => Ok(Forked { server: self, id, pid, replies }),
            Ok(Reply::NotForked { why, .. }) => {
                self.forget(id);
                Err(Error::other(why))
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                self.end();
                Err(Error::other("the fork server does not answer"))
            }
        }
    }

    fn send(&self, request: &Request) -> Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let _turn = lock(&self.turn);
        (&self.socket).write_all(&line)
    }

    fn forget(&self, id: u64) {
        lock(&self.waiting).forks.remove(&id);
    }

    /// Its thread kills it where this does not end it.
    fn end(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for ForkServer {
    /// Waits for its end, which is at hand: what its children used counts as used by this process.
    fn drop(&mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A process that a fork server forked: unreaped, and so of that number, until `reap`.
pub struct Forked {
    server: Arc<ForkServer>,
    id: u64,
    pid: i32,
    replies: Receiver<Reply>,
}

impl Forked {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How it ended. `killed` says since when it should be dead: a fork server that does not report that is ended itself.
    pub fn wait(&self, killed: impl Fn() -> Option<Instant>) -> End {
        loop {
            match self.replies.recv_timeout(Duration::from_secs(1)) {
                Ok(Reply::Ended { end, .. }) => return end,
                // With its fork server, by the kernel. What is left of its group keeps the number from being another's.
                Err(RecvTimeoutError::Disconnected) => return End::Signal(rustix::process::Signal::KILL.as_raw()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if killed().is_some_and(|at| at.elapsed() > REPORTED_WITHIN) {
                        self.server.end();
                    }
                }
            }
        }
    }

    pub fn reap(self) {
        self.server.forget(self.id);
        let _ = self.server.send(&Request::Reap { pid: self.pid });
    }
}

fn gone() -> Error {
    Error::other("the fork server has ended")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Its outputs go to a file without a name, which is read when it ends before its time.
fn command(program: &Path, its: UnixStream, log: &File) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg(COMMAND).env_clear().envs(environment(&std::env::temp_dir(), 1)).current_dir("/").process_group(0);
    command.stdin(Stdio::from(OwnedFd::from(its))).stdout(log.try_clone()?).stderr(log.try_clone()?);
    be_bound(&mut command, None);
    Ok(command)
}

/// Starts the fork server and stays with it to its end; passes on what it reports. Returns its last words.
fn live(
    mut command: Command,
    mut log: File,
    reads: UnixStream,
    waiting: &Mutex<Waiting>,
    ready: &Sender<Reply>,
) -> Result<String> {
    let mut process = spawn(&mut command)?;
    // It holds the other end of the socket, which must close when the process ends.
    drop(command);
    for line in BufReader::new(reads).lines() {
        // A line that is cut off, or is none of ours, is the end of what it has to say.
        let Some(reply) = line.ok().and_then(|line| serde_json::from_str::<Reply>(&line).ok()) else { break };
        match &reply {
            Reply::Ready | Reply::Unfit(_) => _ = ready.send(reply),
            Reply::Forked { id, .. } | Reply::NotForked { id, .. } | Reply::Ended { id, .. } => {
                let sender = lock(waiting).forks.get(id).cloned();
                let _ = sender.map(|sender| sender.send(reply));
            }
        }
    }
    let _ = process.kill();
    let status = process.wait()?;
    Ok(format!("it ended ({status}): {}", post_mortem::tail_of(&mut log)?))
}
