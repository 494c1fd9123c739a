//! The step function: what each input changes. Every input has an answer in every phase; what can no longer matter
//! changes nothing. What time and free slots allow follows in `turn`.

use super::ending::{Seen, Verdict, classify};
use super::{Command, Ending, Exit, Input, Limits, Outcome, Phase, Run, Signal, State, Try, TryId, Why};
use spotmill_core::item::FailureClass;

pub fn step(mut state: State, input: Input, now_ms: u64) -> (State, Vec<Command>) {
    let mut out = Vec::new();
    match input {
        Input::Received(messages) => state.received(messages, now_ms, &mut out),
        Input::ReceiveFailed => {
            state.asking = false;
            state.ask_after_ms = now_ms + state.rules.pause_ms;
        }
        Input::Ready { id, limits, isolated } => state.ready(id, limits, isolated, now_ms),
        Input::Refused(id) => state.refused(id, &mut out),
        Input::Announced(id) => state.announced(id, now_ms, &mut out),
        Input::Memory(id, bytes) => state.memory(id, bytes, now_ms, &mut out),
        Input::Exited(id, exit, outcome) => state.exited(id, exit, outcome, now_ms, &mut out),
        Input::Uploaded(id) => state.uploaded(id, None, &mut out),
        Input::NotUploaded(id, ending) => state.uploaded(id, Some(ending), &mut out),
        Input::Over(id) => {
            state.tries.remove(&id);
        }
        Input::Notice { deadline_ms } => state.notice(deadline_ms, &mut out),
        Input::Stop => state.stop(now_ms, &mut out),
        Input::Tick => {}
    }
    state.tick(now_ms, &mut out);
    state.admit(now_ms, &mut out);
    state.ask(now_ms, &mut out);
    (state, out)
}

impl State {
    pub(super) fn leaving(&self) -> bool {
        self.last_ms.is_some()
    }

    fn received(&mut self, messages: Vec<(TryId, u32)>, now_ms: u64, out: &mut Vec<Command>) {
        self.asking = false;
        for (id, receives) in messages {
            if self.leaving() {
                out.push(Command::GiveBack(id));
                continue;
            }
            let extend_at_ms = now_ms + self.rules.extend_ms;
            self.tries.insert(id, Try { receives, isolated: false, extend_at_ms, phase: Phase::Preparing });
            out.push(Command::Prepare(id));
        }
    }

    fn ready(&mut self, id: TryId, limits: Limits, isolated: bool, now_ms: u64) {
        let Some(t) = self.tries.get_mut(&id).filter(|t| matches!(t.phase, Phase::Preparing)) else { return };
        (t.phase, t.isolated) = (Phase::Waiting { limits, since_ms: now_ms }, isolated);
    }

    fn refused(&mut self, id: TryId, out: &mut Vec<Command>) {
        let Some(t) = self.tries.get_mut(&id).filter(|t| matches!(t.phase, Phase::Preparing)) else { return };
        t.phase = Phase::Settling;
        out.push(Command::Refuse(id));
    }

    fn announced(&mut self, id: TryId, now_ms: u64, out: &mut Vec<Command>) {
        let alive_at_ms = now_ms + self.rules.alive_ms;
        let Some(t) = self.tries.get_mut(&id) else { return };
        let Phase::Announcing(limits) = t.phase else { return };
        t.phase = Phase::Running(Run::new(limits, now_ms, alive_at_ms));
        out.push(Command::Start(id));
    }

    fn uploaded(&mut self, id: TryId, failure: Option<Ending>, out: &mut Vec<Command>) {
        let Some(t) = self.tries.get_mut(&id).filter(|t| matches!(t.phase, Phase::Uploading(_))) else { return };
        match failure {
            Some(ending) => t.settle(id, ending, out),
            None => {
                t.phase = Phase::Committing;
                out.push(Command::Commit(id));
            }
        }
    }

    fn memory(&mut self, id: TryId, bytes: u64, now_ms: u64, out: &mut Vec<Command>) {
        let term_wait_ms = self.rules.term_wait_ms;
        let Some(t) = self.tries.get_mut(&id) else { return };
        match &mut t.phase {
            Phase::Running(run) => {
                run.peak_bytes = run.peak_bytes.max(bytes);
                if bytes > run.limits.memory_bytes {
                    t.end(id, Why::Memory, now_ms + term_wait_ms, out);
                }
            }
            Phase::Ending { run, why: Why::Memory, killed, .. } => {
                run.peak_bytes = run.peak_bytes.max(bytes);
                // It grows faster than it dies: the neighbours come first.
                if !*killed && bytes / 5 > run.limits.memory_bytes / 4 {
                    *killed = true;
                    out.push(Command::Signal(id, Signal::Kill));
                }
            }
            _ => {}
        }
    }

    fn exited(&mut self, id: TryId, exit: Exit, outcome: Outcome, now_ms: u64, out: &mut Vec<Command>) {
        let (leaving, wait_ms) = (self.leaving(), self.rules.notice_wait_ms);
        let Some(t) = self.tries.get_mut(&id) else { return };
        let (run, why) = match &t.phase {
            Phase::Running(run) => (*run, None),
            Phase::Ending { run, why, .. } => (*run, Some(*why)),
            _ => return,
        };
        let seen = Seen {
            why,
            wall_ms: now_ms.saturating_sub(run.since_ms),
            peak_bytes: run.peak_bytes,
            limit_bytes: run.limits.memory_bytes,
            timeout_ms: run.limits.timeout_ms,
            shared: run.shared,
        };
        match classify(seen, exit, outcome) {
            Verdict::Commit(report) => {
                t.phase = Phase::Uploading(run);
                self.last_took_ms = Some(seen.wall_ms);
                out.push(Command::Upload(id, report));
            }
            Verdict::Settle(ending) => t.settle(id, ending, out),
            Verdict::Unexplained(ending) if leaving => t.settle(id, Ending { usage: ending.usage, ..gone() }, out),
            Verdict::Unexplained(ending) => {
                t.phase = Phase::Unexplained { ending, until_ms: now_ms + wait_ms };
            }
        }
    }

    fn notice(&mut self, deadline_ms: u64, out: &mut Vec<Command>) {
        self.leave_by(deadline_ms.saturating_sub(self.rules.notice_margin_ms));
        self.hand_back_idle(out);
    }

    fn stop(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        self.stopping = true;
        self.leave_by(now_ms + self.rules.stop_grace_ms);
        self.hand_back_idle(out);
        // Stopping has to be quick: most children die of SIGTERM at once, the others get half of the usual wait.
        let kill_at_ms = now_ms + self.rules.term_wait_ms / 2;
        for (id, t) in &mut self.tries {
            match &mut t.phase {
                Phase::Running(_) => t.end(*id, Why::Lost, kill_at_ms, out),
                Phase::Ending { kill_at_ms: at, .. } => *at = kill_at_ms.min(*at),
                _ => {}
            }
        }
    }

    fn leave_by(&mut self, moment_ms: u64) {
        self.last_ms = Some(self.last_ms.unwrap_or(u64::MAX).min(moment_ms));
    }

    /// What has no process needs none any more: another machine has all its time. What died unexplained is explained.
    fn hand_back_idle(&mut self, out: &mut Vec<Command>) {
        use Phase::{Announcing, Preparing, Unexplained, Waiting};
        for (id, t) in &mut self.tries {
            if matches!(t.phase, Preparing | Waiting { .. } | Announcing(_) | Unexplained { .. }) {
                t.settle(*id, gone(), out);
            }
        }
    }
}

impl Try {
    /// Signals the running child; politely, unless it is to be dead by now.
    pub(super) fn end(&mut self, id: TryId, why: Why, kill_at_ms: u64, out: &mut Vec<Command>) {
        let Phase::Running(run) = self.phase else { return };
        self.phase = Phase::Ending { run, why, kill_at_ms, killed: false };
        out.push(Command::Signal(id, Signal::Term));
    }

    pub(super) fn settle(&mut self, id: TryId, ending: Ending, out: &mut Vec<Command>) {
        self.phase = if ending.class == FailureClass::Lost { Phase::Leaving } else { Phase::Settling };
        out.push(Command::Settle(id, ending));
    }

    pub(super) fn holds_lease(&self) -> bool {
        !matches!(self.phase, Phase::Leaving)
    }

    /// Has a process, or will have one before any item that must run isolated.
    pub(super) fn comes_first(&self) -> bool {
        self.occupies() || matches!(self.phase, Phase::Preparing | Phase::Waiting { .. })
    }
}

impl Run {
    pub(super) fn new(limits: Limits, since_ms: u64, alive_at_ms: u64) -> Run {
        Run { limits, since_ms, alive_at_ms, peak_bytes: 0, shared: false }
    }

    pub(super) fn timeout_at(&self) -> u64 {
        self.since_ms.saturating_add(self.limits.timeout_ms)
    }
}

/// Another machine may have a slot for it.
pub(super) fn waited() -> Ending {
    Ending::lost("it was ready, but no slot became free here in time")
}

pub(super) fn gone() -> Ending {
    Ending::lost("the machine goes away, or the run was stopped")
}
