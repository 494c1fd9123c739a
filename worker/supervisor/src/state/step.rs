//! The step function. Every input has an answer in every phase; what can no longer matter changes nothing.

use super::ending::{Seen, Verdict, classify};
use super::{Command, Ending, Exit, Input, Limits, Outcome, Phase, Run, Signal, State, Try, TryId, Why};

pub fn step(mut state: State, input: Input, now_ms: u64) -> (State, Vec<Command>) {
    let mut out = Vec::new();
    match input {
        Input::Received(messages) => state.received(messages, now_ms, &mut out),
        Input::ReceiveFailed => {
            state.asking = false;
            state.ask_after_ms = now_ms + state.rules.pause_ms;
        }
        Input::Ready(id, limits) => state.ready(id, limits, &mut out),
        Input::Memory(id, bytes) => state.memory(id, bytes, now_ms, &mut out),
        Input::Exited(id, exit, outcome) => state.exited(id, exit, outcome, now_ms, &mut out),
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

/// When something falls due by itself.
pub fn next_deadline(state: &State) -> Option<u64> {
    let rules = &state.rules;
    let of_tries = state.tries.values().flat_map(|t| {
        let phase = match &t.phase {
            Phase::Running(run) => {
                let kill = state.notice_ms.map(|at| at.saturating_sub(rules.notice_margin_ms));
                let timeout = run.since_ms.saturating_add(run.limits.timeout_ms);
                Some(timeout.min(run.alive_at_ms).min(kill.unwrap_or(u64::MAX)))
            }
            Phase::Ending { kill_at_ms, killed: false, .. } => Some(*kill_at_ms),
            Phase::Unexplained { until_ms, .. } => Some(*until_ms),
            _ => None,
        };
        [Some(t.extend_at_ms), phase]
    });
    let ask = (state.may_ask() && state.ask_after_ms > 0).then_some(state.ask_after_ms);
    of_tries.chain([ask]).flatten().min()
}

impl State {
    fn leaving(&self) -> bool {
        self.stopping || self.notice_ms.is_some()
    }

    fn received(&mut self, messages: Vec<(TryId, u32)>, now_ms: u64, out: &mut Vec<Command>) {
        self.asking = false;
        for (id, receives) in messages {
            if self.leaving() {
                out.push(Command::GiveBack(id));
                continue;
            }
            let extend_at_ms = now_ms + self.rules.extend_ms;
            self.tries.insert(id, Try { receives, extend_at_ms, phase: Phase::Preparing });
            out.push(Command::Prepare(id));
        }
    }

    fn ready(&mut self, id: TryId, limits: Limits, out: &mut Vec<Command>) {
        let leaving = self.leaving();
        let Some(t) = self.tries.get_mut(&id).filter(|t| matches!(t.phase, Phase::Preparing)) else { return };
        if leaving {
            t.settle(id, gone(), out);
        } else {
            t.phase = Phase::Waiting(limits);
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
        };
        match classify(seen, exit, outcome) {
            Verdict::Commit(report) => {
                t.phase = Phase::Settling;
                out.push(Command::Commit(id, report));
            }
            Verdict::Settle(ending) => t.settle(id, ending, out),
            Verdict::Unexplained(_) if leaving => t.settle(id, gone(), out),
            Verdict::Unexplained(ending) => {
                t.phase = Phase::Unexplained { ending, until_ms: now_ms + wait_ms };
            }
        }
    }

    fn notice(&mut self, deadline_ms: u64, out: &mut Vec<Command>) {
        self.notice_ms = Some(self.notice_ms.unwrap_or(u64::MAX).min(deadline_ms));
        self.hand_back_idle(out);
    }

    fn stop(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        self.stopping = true;
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

    /// What has no process needs none any more; what died unexplained is explained.
    fn hand_back_idle(&mut self, out: &mut Vec<Command>) {
        for (id, t) in &mut self.tries {
            if matches!(t.phase, Phase::Waiting(_) | Phase::Unexplained { .. }) {
                t.settle(*id, gone(), out);
            }
        }
    }

    fn tick(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        let rules = self.rules;
        let last_moment = self.notice_ms.map(|at| at.saturating_sub(rules.notice_margin_ms));
        for (id, t) in &mut self.tries {
            if t.extend_at_ms <= now_ms {
                t.extend_at_ms = now_ms + rules.extend_ms;
                out.push(Command::Extend(*id));
            }
            match &mut t.phase {
                Phase::Running(run) => {
                    if run.alive_at_ms <= now_ms {
                        run.alive_at_ms = now_ms + rules.alive_ms;
                        out.push(Command::Alive(*id));
                    }
                    if last_moment.is_some_and(|at| at <= now_ms) {
                        t.end(*id, Why::Lost, now_ms, out);
                    } else if run.since_ms.saturating_add(run.limits.timeout_ms) <= now_ms {
                        t.end(*id, Why::Timeout, now_ms + rules.term_wait_ms, out);
                    }
                }
                Phase::Ending { kill_at_ms, killed, .. } if !*killed && *kill_at_ms <= now_ms => {
                    *killed = true;
                    out.push(Command::Signal(*id, Signal::Kill));
                }
                Phase::Unexplained { ending, until_ms } if *until_ms <= now_ms => {
                    let ending = ending.clone();
                    t.settle(*id, ending, out);
                }
                _ => {}
            }
        }
    }

    /// Starts what is ready; who has to be alone waits for the others, and they for it.
    fn admit(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        let lone = |t: &Try| t.receives > self.rules.lone_receives;
        let waiting = |t: &Try| matches!(t.phase, Phase::Waiting(_));
        let mut chosen = Vec::new();
        let running = self.tries.values().filter(|t| t.occupies()).count();
        let lone_runs = self.tries.values().any(|t| t.occupies() && lone(t));
        if lone_runs {
            return;
        }
        match self.tries.iter().find(|(_, t)| waiting(t) && lone(t)) {
            Some((id, _)) if running == 0 => chosen.push(*id),
            Some(_) => {}
            None => chosen.extend(self.tries.iter().filter(|(_, t)| waiting(t)).map(|(id, _)| *id)),
        }
        for id in chosen {
            let Some(t) = self.tries.get_mut(&id) else { continue };
            let Phase::Waiting(limits) = t.phase else { continue };
            let alive_at_ms = now_ms + self.rules.alive_ms;
            t.phase = Phase::Running(Run { limits, since_ms: now_ms, alive_at_ms, peak_bytes: 0 });
            out.push(Command::Start(id));
        }
    }

    fn free_slots(&self) -> u32 {
        let lone = self.tries.values().any(|t| t.receives > self.rules.lone_receives);
        if lone { 0 } else { self.rules.slots.saturating_sub(u32::try_from(self.tries.len()).unwrap_or(u32::MAX)) }
    }

    fn may_ask(&self) -> bool {
        !self.asking && !self.leaving() && self.free_slots() > 0
    }

    fn ask(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        if self.may_ask() && self.ask_after_ms <= now_ms {
            self.asking = true;
            out.push(Command::Receive { most: self.free_slots().min(10) });
        }
    }
}

impl Try {
    /// Signals the running child; politely, unless it is to be dead by now.
    fn end(&mut self, id: TryId, why: Why, kill_at_ms: u64, out: &mut Vec<Command>) {
        let Phase::Running(run) = self.phase else { return };
        self.phase = Phase::Ending { run, why, kill_at_ms, killed: false };
        out.push(Command::Signal(id, Signal::Term));
    }

    fn settle(&mut self, id: TryId, ending: Ending, out: &mut Vec<Command>) {
        self.phase = Phase::Settling;
        out.push(Command::Settle(id, ending));
    }
}

fn gone() -> Ending {
    Ending::lost("the machine goes away, or the run was stopped")
}
