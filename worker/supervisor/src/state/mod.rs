//! The supervisor's decisions: `(state, input, now) → (state, commands)`. A try is one received message and what
//! became of it; it holds a slot until its child has done it, or until it is over. This module never waits, reads or
//! writes; what a decision needs is in the input. `next_deadline` returns when a `Tick` is due.

pub mod budget;
pub mod ending;
mod step;
#[cfg(test)]
mod tests;
mod turn;

pub use ending::{Ending, Exit, Outcome};
pub use step::step;
pub use turn::next_deadline;

use spotmill_core::item::ItemReport;
use std::collections::BTreeMap;

/// One received message, numbered by the shell.
pub type TryId = u64;

/// What a supervisor keeps to; durations in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub slots: u32,
    /// A message received more often than this may have to run isolated.
    pub lone_receives: u32,
    pub extend_ms: u64,
    pub alive_ms: u64,
    /// Where the last item took less than this, the next ones are made ready ahead; none waits longer for a slot.
    pub ahead_ms: u64,
    pub term_wait_ms: u64,
    pub notice_wait_ms: u64,
    /// Before a notice's deadline children are ended.
    pub notice_margin_ms: u64,
    /// After a stop what is being committed has this long.
    pub stop_grace_ms: u64,
    /// After the last moment of children, their records and callbacks have this long.
    pub last_word_ms: u64,
    /// Pause after a receive that failed.
    pub pause_ms: u64,
}

#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) rules: Rules,
    pub(super) tries: BTreeMap<TryId, Try>,
    /// A receive is under way.
    pub(super) asking: bool,
    pub(super) ask_after_ms: u64,
    /// How long the last child took that did its item.
    pub(super) last_took_ms: Option<u64>,
    /// Children end then, because the machine goes away or the supervisor was stopped.
    pub(super) last_ms: Option<u64>,
    pub(super) stopping: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) receives: u32,
    /// Nothing may run beside it.
    pub(super) isolated: bool,
    pub(super) extend_at_ms: u64,
    pub(super) phase: Phase,
}

/// What a child may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub timeout_ms: u64,
    pub memory_bytes: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// The shell reads plan and receipt, copies the inputs and writes the child's spec.
    Preparing,
    /// Ready, but no slot is free yet, or it or another one must run isolated.
    Waiting {
        limits: Limits,
        since_ms: u64,
    },
    /// The shell records that it begins isolated.
    Announcing(Limits),
    Running(Run),
    /// Signalled; SIGKILL follows at `kill_at_ms` unless it has been sent.
    Ending {
        run: Run,
        why: Why,
        kill_at_ms: u64,
        killed: bool,
    },
    /// Ended by a signal that is not ours: perhaps a notice explains it.
    Unexplained {
        ending: Ending,
        until_ms: u64,
    },
    /// The shell copies what the child wrote; no receipt was sent.
    Uploading(Run),
    /// A receipt may have been sent.
    Committing,
    /// The shell records how it ended.
    Settling,
    /// Handed back: nothing follows, and its lease is not held any more.
    Leaving,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) limits: Limits,
    pub(super) since_ms: u64,
    pub(super) alive_at_ms: u64,
    pub(super) peak_bytes: u64,
    /// Another one ran beside it for a while.
    pub(super) shared: bool,
}

/// Why we ended a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Timeout,
    Memory,
    /// Notice or stop.
    Lost,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// The messages a receive brought, with their receive counts; perhaps none.
    Received(Vec<(TryId, u32)>),
    ReceiveFailed,
    /// The child can start, `isolated` or beside others.
    Ready {
        id: TryId,
        limits: Limits,
        isolated: bool,
    },
    /// The message leads to no child.
    Refused(TryId),
    /// The record that it begins isolated is written.
    Announced(TryId),
    /// Memory of the child's process group.
    Memory(TryId, u64),
    Exited(TryId, Exit, Outcome),
    Uploaded(TryId),
    /// What the child reported as written cannot be copied.
    NotUploaded(TryId, Ending),
    /// Nothing is left to do for it; its message is deleted or given back.
    Over(TryId),
    Notice {
        deadline_ms: u64,
    },
    Stop,
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Term,
    Kill,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Receive {
        most: u32,
    },
    /// Make it visible at once; it was never begun.
    GiveBack(TryId),
    Prepare(TryId),
    /// Report why, and delete the message or give it back.
    Refuse(TryId),
    Announce(TryId),
    Start(TryId),
    Signal(TryId, Signal),
    Extend(TryId),
    Alive(TryId),
    Upload(TryId, Box<ItemReport>),
    Commit(TryId),
    /// Record and report how it ended, and delete the message or give it back; what was under way for it ends.
    Settle(TryId, Ending),
    /// End what is under way for it and make it visible at once, whatever is on record by now.
    LetGo(TryId),
}

impl State {
    pub fn new(rules: Rules) -> State {
        State { rules, ..State::default() }
    }

    /// It was stopped, and nothing is left.
    pub fn has_ended(&self) -> bool {
        self.stopping && self.tries.is_empty()
    }
}

impl Try {
    /// Has a process, or may still be explained by what ends processes.
    pub(super) fn occupies(&self) -> bool {
        use Phase::{Announcing, Ending, Running, Unexplained};
        matches!(self.phase, Announcing(_) | Running(_) | Ending { .. } | Unexplained { .. })
    }

    /// Its child has done it: what it wrote is copied and committed.
    pub(super) fn is_being_kept(&self) -> bool {
        matches!(self.phase, Phase::Uploading(_) | Phase::Committing)
    }
}
