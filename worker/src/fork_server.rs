//! The worker as a fork server (`spotmill_supervisor::fork_server`): it has started, has one thread and has done nothing yet. Asked
//! to, it forks: the child goes on as if the program had been started with its arguments, and the fork server waits for the next.
//! It has nothing of an item, so no item begins with what another left.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, getppid, kill_process, pidfd_open,
    set_parent_process_death_signal, setpgid, waitid,
};
use spotmill_item::Functions;
use spotmill_supervisor::become_user;
use spotmill_supervisor::fork_server::protocol::{End, Fork, Reply, Request};
use std::fs::{self, File};
use std::io::{Error, Read, Result, Write, pipe};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Whose process goes on.
pub enum Goes {
    /// The child's, with these arguments.
    Child(Vec<String>),
    /// The fork server's: its supervisor is gone.
    Nowhere,
}

/// Returns in each child, and once in the fork server.
pub fn serve(functions: &Functions) -> Result<Goes> {
    let mut server = ForkServer { socket: socket()?, unread: Vec::new(), children: Vec::new() };
    spotmill_item::warm(functions);
    if let Err(why) = fit() {
        server.reply(&Reply::Unfit(why))?;
        return Ok(Goes::Nowhere);
    }
    server.reply(&Reply::Ready)?;
    server.serve()
}

struct ForkServer {
    socket: UnixStream,
    unread: Vec<u8>,
    /// Those that run.
    children: Vec<Child>,
}

struct Child {
    id: u64,
    pidfd: OwnedFd,
}

impl ForkServer {
    fn serve(mut self) -> Result<Goes> {
        loop {
            let (asked, ended) = self.wait()?;
            for at in ended.into_iter().rev() {
                let child = self.children.swap_remove(at);
                self.reply(&Reply::Ended { id: child.id, end: end(&child.pidfd)? })?;
            }
            if !asked {
                continue;
            }
            let mut some = [0; 64 << 10];
            let read = (&self.socket).read(&mut some)?;
            if read == 0 {
                return Ok(Goes::Nowhere);
            }
            self.unread.extend_from_slice(&some[..read]);
            while let Some(line) = self.line() {
                match serde_json::from_slice(&line)? {
                    Request::Reap { pid } => _ = Pid::from_raw(pid).map(reap),
                    Request::Fork(fork) => {
                        if let Some(args) = self.forked(fork)? {
                            return Ok(Goes::Child(args));
                        }
                    }
                }
            }
        }
    }

    /// Whether something was asked, and the children that have ended.
    fn wait(&self) -> Result<(bool, Vec<usize>)> {
        let mut all = vec![PollFd::new(&self.socket, PollFlags::IN)];
        all.extend(self.children.iter().map(|child| PollFd::new(&child.pidfd, PollFlags::IN)));
        while poll(&mut all, None).is_err_and(|e| e == rustix::io::Errno::INTR) {}
        let happened = |at: usize| !all[at].revents().is_empty();
        Ok((happened(0), (0..self.children.len()).filter(|at| happened(at + 1)).collect()))
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.unread.iter().position(|byte| *byte == b'\n')?;
        Some(self.unread.drain(..=end).collect())
    }

    fn reply(&mut self, reply: &Reply) -> Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.socket.write_all(&line)
    }

    /// The arguments, in the child. What keeps a child from being forked, as no number being free, is no end of the others.
    fn forked(&mut self, fork: Fork) -> Result<Option<Vec<String>>> {
        let reply = match self.try_to_fork(&fork) {
            Ok(None) => return Ok(Some(fork.args)),
            Ok(Some(pid)) => Reply::Forked { id: fork.id, pid: pid.as_raw_nonzero().get() },
            Err(e) => Reply::NotForked { id: fork.id, why: e.to_string() },
        };
        self.reply(&reply)?;
        Ok(None)
    }

    /// None in the child. The fork server waits until the child has become what it is to be, or could not.
    fn try_to_fork(&mut self, fork: &Fork) -> Result<Option<Pid>> {
        let log = File::create(&fork.log).map_err(|e| Error::new(e.kind(), format!("{}: {e}", fork.log.display())))?;
        let (server, (mut words, says)) = (getpid(), pipe()?);
        let Some(pid) = fork_process()? else {
            drop(words);
            self.children.clear();
            if let Err(e) = begin(fork, server, &log) {
                let _ = (&says).write_all(e.to_string().as_bytes());
                std::process::exit(1);
            }
            return Ok(None);
        };
        drop(says);
        let mut why = String::new();
        let pidfd = words.read_to_string(&mut why).and_then(|_| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        let failed = match pidfd {
            Ok(pidfd) if why.is_empty() => {
                self.children.push(Child { id: fork.id, pidfd });
                return Ok(Some(pid));
            }
            Ok(_) => Error::other(why),
            Err(e) => e,
        };
        let _ = kill_process(pid, Signal::KILL);
        reap(pid);
        Err(failed)
    }
}

/// The supervisor's socket, which came as the standard input; what is read from there now is nothing.
fn socket() -> Result<UnixStream> {
    let socket = rustix::io::fcntl_dupfd_cloexec(std::io::stdin().as_fd(), 3)?;
    put(&File::open("/dev/null")?, libc::STDIN_FILENO)?;
    Ok(UnixStream::from(socket))
}

/// A process of several threads cannot be forked: what another thread held at that moment is held for ever in the child.
fn fit() -> std::result::Result<(), String> {
    let threads = fs::read_dir("/proc/self/task").map_err(|e| format!("/proc: {e}"))?.count();
    if threads != 1 {
        return Err(format!("its `main` has started threads before `Worker::main`: it has {threads}"));
    }
    pidfd_open(getpid(), PidfdFlags::empty()).map(drop).map_err(|e| format!("this kernel has no pidfd_open: {e}"))
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn fork_process() -> Result<Option<Pid>> {
    // SAFETY: this process has one thread (`fit`), and starts none: the child has all that the parent has.
    match unsafe { libc::fork() } {
        -1 => Err(Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// In the child: what the start of a program would have made of it.
fn begin(fork: &Fork, server: Pid, log: &File) -> Result<()> {
    setpgid(None, None)?;
    if let Some(user) = fork.user {
        become_user(user)?;
        be_readable()?;
    }
    // After that: who becomes another's forgets it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(server) {
        return Err(Error::other("the fork server has ended"));
    }
    std::env::set_current_dir(&fork.directory)?;
    environment(fork);
    put(log, libc::STDOUT_FILENO)?;
    put(log, libc::STDERR_FILENO)
}

/// In the place of one of the three files that every program has.
#[expect(unsafe_code, reason = "the standard library does not replace them")]
fn put(file: &File, place: i32) -> Result<()> {
    // SAFETY: a system call that takes two numbers; what was open there was open for the whole process and owned by nobody.
    if unsafe { libc::dup2(file.as_raw_fd(), place) } == place { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Who becomes another user's may not look into its own entry in `/proc`, until it starts a program or says this.
fn be_readable() -> Result<()> {
    Ok(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?)
}

#[expect(unsafe_code, reason = "a forked child has its fork server's environment, and is to have its own")]
fn environment(fork: &Fork) {
    // SAFETY: this process has one thread.
    unsafe {
        for (name, _) in std::env::vars_os() {
            std::env::remove_var(name);
        }
        for (name, value) in &fork.env {
            std::env::set_var(name, value);
        }
    }
}

/// How the process ended that is not reaped yet.
fn end(pidfd: &OwnedFd) -> Result<End> {
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    status.map(End::from).ok_or_else(|| Error::other("a child has ended and has no status"))
}

/// One that is reaped already needs it no more.
fn reap(pid: Pid) {
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
}
