//! What time and free slots allow, after whatever happened: leases are extended, time-outs and last moments kept, what
//! is ready starts, and more is asked for.

use super::step::{gone, waited};
use super::{Command, Phase, Run, Signal, State, Try, Why};

/// When something falls due by itself.
pub fn next_deadline(state: &State) -> Option<u64> {
    let (last, let_go) = (state.last_ms.unwrap_or(u64::MAX), state.let_go_ms().unwrap_or(u64::MAX));
    let of_tries = state.tries.values().flat_map(|t| {
        let phase = match &t.phase {
            Phase::Running(run) => Some(run.timeout_at().min(run.alive_at_ms).min(last)),
            Phase::Ending { kill_at_ms, killed: false, .. } => Some(*kill_at_ms),
            Phase::Unexplained { until_ms, .. } => Some(*until_ms),
            Phase::Uploading(run) => Some(run.alive_at_ms.min(let_go)),
            Phase::Committing | Phase::Settling => Some(let_go),
            Phase::Waiting { since_ms, .. } if !t.isolated => Some(since_ms + state.rules.ahead_ms),
            _ => None,
        };
        [t.holds_lease().then_some(t.extend_at_ms), phase]
    });
    // What is made ready ahead is asked for when something happens, and not by the clock.
    let ask = (state.may_ask(state.room(0)) && state.ask_after_ms > 0).then_some(state.ask_after_ms);
    of_tries.chain([ask]).flatten().min()
}

impl State {
    pub(super) fn tick(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        let rules = self.rules;
        let last = self.last_ms.is_some_and(|at| at <= now_ms);
        let let_go = self.let_go_ms().is_some_and(|at| at <= now_ms);
        let blocked = self.is_blocked();
        for (id, t) in &mut self.tries {
            if t.holds_lease() && t.extend_at_ms <= now_ms {
                t.extend_at_ms = now_ms + rules.extend_ms;
                out.push(Command::Extend(*id));
            }
            if let Phase::Running(run) | Phase::Uploading(run) = &mut t.phase
                && run.alive_at_ms <= now_ms
            {
                run.alive_at_ms = now_ms + rules.alive_ms;
                // An upload that never ends is no life.
                out.extend((now_ms <= run.timeout_at()).then_some(Command::Alive(*id)));
            }
            match &mut t.phase {
                Phase::Running(_) if last => t.end(*id, Why::Lost, now_ms, out),
                Phase::Running(run) if run.timeout_at() <= now_ms => {
                    t.end(*id, Why::Timeout, now_ms + rules.term_wait_ms, out);
                }
                Phase::Ending { kill_at_ms, killed, .. } if !*killed && *kill_at_ms <= now_ms => {
                    *killed = true;
                    out.push(Command::Signal(*id, Signal::Kill));
                }
                Phase::Unexplained { ending, until_ms } if *until_ms <= now_ms => {
                    let ending = ending.clone();
                    t.settle(*id, ending, out);
                }
                Phase::Waiting { since_ms, .. } if !t.isolated && blocked && *since_ms + rules.ahead_ms <= now_ms => {
                    t.settle(*id, waited(), out);
                }
                Phase::Uploading(_) if let_go => t.settle(*id, gone(), out),
                Phase::Committing | Phase::Settling if let_go => {
                    t.phase = Phase::Leaving;
                    out.push(Command::LetGo(*id));
                }
                _ => {}
            }
        }
    }

    /// Starts what is ready, in the slots that are free. An isolated item waits until no other is left on the
    /// machine, and no other joins it.
    pub(super) fn admit(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        if self.is_blocked() {
            return;
        }
        let others = self.tries.values().any(|t| !t.isolated && t.comes_first());
        let alive_at_ms = now_ms + self.rules.alive_ms;
        let (mut isolated_begun, mut free) = (false, self.rules.slots - self.occupied());
        for (id, t) in &mut self.tries {
            let Phase::Waiting { limits, .. } = t.phase else { continue };
            if !t.isolated {
                if free == 0 {
                    continue;
                }
                free -= 1;
                t.phase = Phase::Running(Run::new(limits, now_ms, alive_at_ms));
                out.push(Command::Start(*id));
            } else if !others && !isolated_begun {
                isolated_begun = true;
                t.phase = Phase::Announcing(limits);
                out.push(Command::Announce(*id));
            }
        }
        if self.occupied() > 1 {
            for t in self.tries.values_mut() {
                if let Phase::Running(run) | Phase::Ending { run, .. } = &mut t.phase {
                    run.shared = true;
                }
            }
        }
    }

    /// Slots with a process, or with what may yet be explained by what ends processes.
    fn occupied(&self) -> u32 {
        count(self.tries.values().filter(|t| t.occupies()))
    }

    /// Nothing can start: no slot is free, or the item that has one runs isolated.
    fn is_blocked(&self) -> bool {
        self.occupied() >= self.rules.slots || self.tries.values().any(|t| t.isolated && t.occupies())
    }

    /// How many more may be received where `ahead` are made ready ahead.
    fn room(&self, ahead: u32) -> u32 {
        let perhaps = |t: &Try| matches!(t.phase, Phase::Preparing) && t.receives > self.rules.lone_receives;
        let lone = self.tries.values().any(|t| t.isolated || perhaps(t));
        if lone { 0 } else { (self.rules.slots + ahead).saturating_sub(self.taken()) }
    }

    /// How many may be made ready while every slot has its own: one for each slot that is likely to be free soon.
    fn ahead(&self, now_ms: u64) -> u32 {
        let short = |ms: u64| ms < self.rules.ahead_ms;
        if !self.last_took_ms.is_some_and(short) {
            return 0;
        }
        let young = |t: &&Try| matches!(&t.phase, Phase::Running(run) if short(now_ms.saturating_sub(run.since_ms)));
        count(self.tries.values().filter(young))
    }

    /// Slots that are in use. What was done and is being kept leaves its slot to the next item, unless so much waits to
    /// be kept that more would only pile up.
    fn taken(&self) -> u32 {
        let keeping = count(self.tries.values().filter(|t| t.is_being_kept()));
        count(self.tries.values()) - keeping + keeping.saturating_sub(self.rules.slots)
    }

    /// When what still hangs is handed back.
    fn let_go_ms(&self) -> Option<u64> {
        self.last_ms.map(|at| at.saturating_add(self.rules.last_word_ms))
    }

    fn may_ask(&self, room: u32) -> bool {
        !self.asking && !self.leaving() && room > 0
    }

    pub(super) fn ask(&mut self, now_ms: u64, out: &mut Vec<Command>) {
        let room = self.room(self.ahead(now_ms));
        if self.may_ask(room) && self.ask_after_ms <= now_ms {
            self.asking = true;
            out.push(Command::Receive { most: room.min(10) });
        }
    }
}

fn count<T>(those: impl Iterator<Item = T>) -> u32 {
    u32::try_from(those.count()).unwrap_or(u32::MAX)
}
