//! One child process: its own process group, least environment, first for the kernel's OOM killer, dead when this
//! process dies. It is forked from the worker's fork server, or the program is started for it. A thread of its own waits for
//! it, and starts it, because the kernel's death signal follows the *thread* that started a child, and runtime threads come
//! and go.

use crate::bound::{be_bound, spawn};
use crate::fork_server::protocol::{End, Fork};
use crate::fork_server::{ForkServers, Forked, NoForkServer};
use crate::own_user::{User, Users, take_back};
use crate::post_mortem;
use crate::state::{Exit, Signal};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What to start.
#[derive(Clone, Debug)]
pub struct Launch {
    pub program: PathBuf,
    /// Before `args`.
    pub program_args: Vec<String>,
    pub args: Vec<String>,
    /// Of this program; none where it is started for each child.
    pub fork_servers: Option<Arc<ForkServers>>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// Takes both outputs.
    pub log: PathBuf,
    /// Whose it is, where it is not ours.
    pub owned: Option<Owned>,
}

/// What a child of another user is given.
#[derive(Clone, Debug)]
pub struct Owned {
    pub users: Users,
    /// It may read this directory and all below.
    pub attempt: PathBuf,
    /// It may write here; below `attempt`.
    pub folders: Vec<PathBuf>,
}

/// Killed with its whole group when dropped.
#[derive(Debug)]
pub struct Child {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// While it runs, and until it is reaped: until then its number belongs to nobody else.
    pid: Option<Pid>,
    /// Asked before it had a number.
    pending: Option<Signal>,
    killed_at: Option<Instant>,
    over: bool,
}

impl Child {
    /// Returns at once; `note`, `started` and `ended` are called from the child's thread.
    pub fn spawn(
        launch: Launch,
        note: impl FnOnce(String) + Send + 'static,
        started: impl FnOnce(u32) + Send + 'static,
        ended: impl Fn(Exit) + Send + Sync + 'static,
    ) -> Child {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (of_thread, ended) = (Arc::clone(&shared), Arc::new(ended));
        let report = Arc::clone(&ended);
        let thread = std::thread::Builder::new().name("child".to_owned()).spawn(move || {
            let exit = live(&launch, &of_thread, note, started);
            lock(&of_thread).over = true;
            report(exit);
        });
        if let Err(e) = thread {
            lock(&shared).over = true;
            ended(Exit::NotStarted(format!("no thread to watch over it: {e}")));
        }
        Child { shared }
    }

    /// The process group, while there is one.
    pub fn group(&self) -> Option<i32> {
        lock(&self.shared).pid.map(|pid| pid.as_raw_nonzero().get())
    }

    /// Signals the whole group.
    pub fn signal(&self, signal: Signal) {
        let mut shared = lock(&self.shared);
        if signal == Signal::Kill {
            shared.killed_at.get_or_insert_with(Instant::now);
        }
        match shared.pid {
            Some(pid) => send(pid, signal),
            None if !shared.over => shared.pending = Some(signal),
            None => {}
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(group: Pid, signal: Signal) {
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    // A group that is gone has what it was to get.
    let _ = kill_process_group(group, signal);
}

/// Starts the child and stays with it to its end.
fn live(launch: &Launch, shared: &Mutex<Shared>, note: impl FnOnce(String), started: impl FnOnce(u32)) -> Exit {
    let oom_before = post_mortem::oom_kills();
    // Another child's when this function returns: nobody of this one's lives then, and its directory is ours again.
    let user = match launch.owned.as_ref().map(given).transpose() {
        Ok(user) => user,
        Err(e) => return Exit::NotStarted(format!("it has no user of its own: {e}")),
    };
    let process = match start(launch, user.as_ref(), note) {
        Ok(process) => process,
        Err(e) => return Exit::NotStarted(format!("{}: {e}", launch.program.display())),
    };
    let number = process.number();
    let Some(pid) = Pid::from_raw(number) else { return Exit::NotStarted("it has no process id".to_owned()) };
    {
        let mut shared = lock(shared);
        shared.pid = Some(pid);
        if let Some(signal) = shared.pending.take() {
            send(pid, signal);
        }
    }
    // Rather this process than a neighbour or the supervisor. Raising it needs no privilege.
    let _ = std::fs::write(format!("/proc/{number}/oom_score_adj"), "1000");
    started(number.unsigned_abs());
    let end = process.wait(pid, || lock(shared).killed_at);
    // The number stays the child's until its group has been cleared.
    {
        let mut shared = lock(shared);
        send(pid, Signal::Kill);
        shared.pid = None;
        process.reap();
    }
    if let Some(Err(e)) = launch.owned.as_ref().map(|owned| take_back(&owned.attempt)) {
        return Exit::NotStarted(format!("its directory cannot be taken back: {e}"));
    }
    match end {
        Err(e) => Exit::NotStarted(format!("its end is not known: {e}")),
        Ok(End::Code(code)) => Exit::Code(code),
        Ok(End::Signal(number)) => Exit::Signal { number, oom: post_mortem::oom_kills() > oom_before },
    }
}

/// A child of this process, or of its fork server.
enum Running {
    Own(std::process::Child),
    Forked(Forked),
}

impl Running {
    fn number(&self) -> i32 {
        match self {
            Running::Own(process) => i32::try_from(process.id()).unwrap_or_default(),
            Running::Forked(forked) => forked.pid(),
        }
    }

    /// How it ended, without reaping it.
    fn wait(&self, pid: Pid, killed: impl Fn() -> Option<Instant>) -> std::io::Result<End> {
        if let Running::Forked(forked) = self {
            return Ok(forked.wait(killed));
        }
        loop {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                status => return status?.map(End::from).ok_or_else(|| std::io::Error::other("it has no status")),
            }
        }
    }

    fn reap(self) {
        match self {
            Running::Forked(forked) => forked.reap(),
            Running::Own(mut process) => _ = process.wait(),
        }
    }
}

/// A user of the child's own, with what it is given.
fn given(owned: &Owned) -> std::io::Result<User> {
    let user = owned.users.take()?;
    user.hand_over(&owned.attempt, &owned.folders)?;
    Ok(user)
}

fn start(launch: &Launch, user: Option<&User>, note: impl FnOnce(String)) -> std::io::Result<Running> {
    match launch.fork_servers.as_ref().map(|fork_servers| fork_servers.get()) {
        Some(Ok(server)) => {
            let fork = Fork {
                id: 0,
                args: launch.args.clone(),
                env: launch.env.clone(),
                directory: launch.directory.clone(),
                log: launch.log.clone(),
                user: user.map(User::id),
            };
            return Ok(Running::Forked(server.fork(fork)?));
        }
        Some(Err(NoForkServer(Some(why)))) => note(format!("the worker cannot serve as a fork server: {why}")),
        Some(Err(NoForkServer(None))) | None => {}
    }
    let log = File::create(&launch.log)?;
    let mut command = Command::new(&launch.program);
    command.args(&launch.program_args).args(&launch.args);
    command.env_clear().envs(&launch.env).current_dir(&launch.directory);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    be_bound(&mut command, user.map(User::id));
    Ok(Running::Own(spawn(&mut command)?))
}
