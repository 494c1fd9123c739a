//! Tables: what was seen, what is decided. `Sim` is the one door: it feeds inputs at chosen moments and shows the
//! commands as short words.

use super::budget::{Next, Waits, infra_wait, is_poison, next};
use super::ending::{Seen, Verdict, classify};
use super::*;
use spotmill_core::item::{FailureClass, ItemFailure, ItemOutcome, Usage};

const RULES: Rules = Rules {
    slots: 2,
    lone_receives: 5,
    extend_ms: 30_000,
    alive_ms: 300_000,
    term_wait_ms: 1_000,
    notice_wait_ms: 10_000,
    notice_margin_ms: 10_000,
    pause_ms: 1_000,
};
const LIMITS: Limits = Limits { timeout_ms: 60_000, memory_bytes: 1_000 };

struct Sim {
    state: State,
    now_ms: u64,
}

impl Sim {
    fn new() -> Sim {
        Sim { state: State::new(RULES), now_ms: 1_000_000 }
    }

    /// `after` milliseconds later.
    #[track_caller]
    fn check(&mut self, after: u64, input: Input, expected: &str) -> &mut Sim {
        self.now_ms += after;
        let (state, commands) = step(std::mem::take(&mut self.state), input.clone(), self.now_ms);
        self.state = state;
        let shown: Vec<String> = commands.iter().map(show).collect();
        assert_eq!(shown.join(", "), expected, "after {input:?}");
        self
    }

    /// Lets time pass to the next deadline, which must be `after` from now.
    #[track_caller]
    fn due(&mut self, after: u64, expected: &str) -> &mut Sim {
        assert_eq!(next_deadline(&self.state), Some(self.now_ms + after), "the next deadline");
        self.check(after, Input::Tick, expected)
    }

    /// One item, running.
    fn running() -> Sim {
        let mut sim = Sim::new();
        sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
        sim.check(0, Input::Ready(0, LIMITS), "start 0");
        sim
    }
}

fn show(command: &Command) -> String {
    match command {
        Command::Receive { most } => format!("receive {most}"),
        Command::GiveBack(id) => format!("give back {id}"),
        Command::Prepare(id) => format!("prepare {id}"),
        Command::Start(id) => format!("start {id}"),
        Command::Signal(id, Signal::Term) => format!("term {id}"),
        Command::Signal(id, Signal::Kill) => format!("kill {id}"),
        Command::Extend(id) => format!("extend {id}"),
        Command::Alive(id) => format!("alive {id}"),
        Command::Commit(id, _) => format!("commit {id}"),
        Command::Settle(id, ending) => format!("settle {id} {:?}", ending.class),
    }
}

fn received(messages: &[(TryId, u32)]) -> Input {
    Input::Received(messages.to_vec())
}

fn report() -> ItemReport {
    ItemReport {
        v: 1,
        rows_raw: 1,
        rows_read: 1,
        rows_rejected: 0,
        rows_written: 1,
        files: Vec::new(),
        rejects: None,
        columns: Vec::new(),
        violations: Vec::new(),
        notes: Vec::new(),
        usage: Usage::default(),
    }
}

fn done() -> Outcome {
    Outcome::There(Box::new(ItemOutcome::Done(report())))
}

fn said(class: FailureClass) -> Outcome {
    let failure = ItemFailure { class, message: "because".to_owned(), remedy: None, file: None };
    Outcome::There(Box::new(ItemOutcome::Failed(failure)))
}

fn exited(id: TryId, code: i32, outcome: Outcome) -> Input {
    Input::Exited(id, Exit::Code(code), outcome)
}

fn signalled(id: TryId, number: i32) -> Input {
    Input::Exited(id, Exit::Signal { number, oom: false }, Outcome::Absent)
}

#[test]
fn slots_are_filled_and_freed() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2");
    sim.check(0, Input::Tick, "");
    sim.check(0, received(&[]), "receive 2");
    sim.check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, Input::Ready(1, LIMITS), "start 1");
    sim.check(0, Input::Ready(0, LIMITS), "start 0");
    sim.check(500, exited(1, 0, done()), "commit 1");
    sim.check(10, Input::Over(1), "receive 1");
    sim.check(0, Input::Over(0), "");
    sim.check(0, received(&[]), "receive 2");
}

#[test]
fn a_failed_receive_is_repeated_after_a_pause() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, Input::ReceiveFailed, "").due(1_000, "receive 2");
}

#[test]
fn leases_are_extended_in_every_phase() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.due(30_000, "extend 0, extend 1");
    sim.check(0, Input::Ready(0, LIMITS), "start 0");
    sim.due(30_000, "extend 0, extend 1");
    sim.check(0, exited(0, 0, done()), "commit 0");
    sim.due(30_000, "extend 0, extend 1");
}

#[test]
fn a_long_run_says_that_it_is_alive() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, Input::Ready(0, Limits { timeout_ms: u64::MAX, ..LIMITS }), "start 0");
    sim.check(300_000, Input::Tick, "extend 0, alive 0, extend 1");
    sim.check(300_000, Input::Tick, "extend 0, alive 0, extend 1");
}

#[test]
fn a_time_out_is_polite_first() {
    let mut sim = Sim::running();
    sim.check(30_000, Input::Tick, "extend 0");
    sim.due(30_000, "extend 0, term 0");
    sim.due(1_000, "kill 0");
    sim.check(0, Input::Tick, "");
    sim.check(5, signalled(0, 9), "settle 0 Timeout");
    // What comes late changes nothing.
    sim.check(0, signalled(0, 9), "").check(0, Input::Memory(0, 5_000), "").check(0, Input::Ready(0, LIMITS), "");
}

#[test]
fn memory_over_the_limit_ends_the_child() {
    let mut sim = Sim::running();
    sim.check(0, Input::Memory(0, 1_000), "");
    sim.check(0, Input::Memory(0, 1_001), "term 0");
    sim.check(0, Input::Memory(0, 1_100), "");
    sim.check(0, Input::Memory(0, 1_300), "kill 0");
    sim.check(0, Input::Memory(0, 1_400), "");
    let (_, commands) = step(sim.state, signalled(0, 9), sim.now_ms + 7);
    let Command::Settle(0, ending) = &commands[0] else { panic!("{commands:?}") };
    assert_eq!(ending.class, FailureClass::Memory);
    assert_eq!(ending.ended, "memory 1.4 KiB over 1000 bytes");
    assert_eq!(ending.usage, Usage { wall_ms: 7, cpu_ms: 0, peak_bytes: 1_400 });
}

#[test]
fn a_foreign_signal_waits_for_a_notice() {
    let mut sim = Sim::running();
    sim.check(0, signalled(0, 9), "").due(10_000, "settle 0 Crash");

    let mut sim = Sim::running();
    sim.check(0, signalled(0, 15), "");
    sim.check(5_000, Input::Notice { deadline_ms: 2_000_000 }, "settle 0 Lost");

    let mut sim = Sim::running();
    sim.check(0, Input::Notice { deadline_ms: 2_000_000 }, "").check(0, signalled(0, 9), "settle 0 Lost");

    let mut sim = Sim::running();
    sim.check(0, signalled(0, 9), "").check(0, Input::Stop, "settle 0 Lost");
}

#[test]
fn a_notice_lets_finish_what_can() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
    sim.check(0, Input::Ready(0, LIMITS), "start 0");
    let deadline_ms = sim.now_ms + 25_000;
    sim.check(0, Input::Notice { deadline_ms }, "");
    // The receive under way brought one more: it goes back, never begun.
    sim.check(0, received(&[(1, 1)]), "give back 1");
    sim.due(15_000, "term 0").due(0, "kill 0");
    sim.check(1, signalled(0, 9), "settle 0 Lost").check(1, Input::Over(0), "");
    assert!(!sim.state.has_ended(), "it idles until somebody ends it");

    let mut sim = Sim::running();
    sim.check(0, Input::Notice { deadline_ms: sim.now_ms + 60_000 }, "").check(9, exited(0, 0, done()), "commit 0");
}

#[test]
fn what_is_not_begun_at_a_notice_goes_back() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 6)]), "prepare 0, prepare 1");
    sim.check(0, Input::Ready(0, LIMITS), "start 0").check(0, Input::Ready(1, LIMITS), "");
    sim.check(0, Input::Notice { deadline_ms: 9_000_000 }, "settle 1 Lost");

    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
    sim.check(0, Input::Stop, "").check(0, Input::Ready(0, LIMITS), "settle 0 Lost").check(0, Input::Over(0), "");
    assert!(sim.state.has_ended());
}

#[test]
fn stop_is_quick() {
    let mut sim = Sim::running();
    sim.check(0, Input::Stop, "term 0").due(500, "kill 0").check(3, signalled(0, 9), "settle 0 Lost");
    assert!(!sim.state.has_ended());
    sim.check(3, Input::Over(0), "");
    assert!(sim.state.has_ended());

    // A commit under way is finished; a child that finished before the signal came is committed.
    let mut sim = Sim::running();
    sim.check(0, Input::Stop, "term 0").check(0, exited(0, 0, done()), "commit 0").check(0, Input::Over(0), "");
    assert!(sim.state.has_ended());
}

#[test]
fn what_came_back_often_runs_alone() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 6)]), "prepare 0, prepare 1");
    sim.check(0, Input::Ready(0, LIMITS), "start 0");
    sim.check(0, Input::Ready(1, LIMITS), "");
    sim.check(0, exited(0, 0, done()), "commit 0, start 1");
    // Nobody joins it.
    sim.check(0, Input::Over(0), "").check(0, exited(1, 0, done()), "commit 1").check(0, Input::Over(1), "receive 2");
}

#[test]
fn endings_have_names() {
    use FailureClass::*;
    let seen = Seen { why: None, wall_ms: 5, peak_bytes: 2_100, limit_bytes: 2_000, timeout_ms: 600_000 };
    let by = |why| Seen { why: Some(why), ..seen };
    let signal = |number, oom| Exit::Signal { number, oom };
    let unreadable = Outcome::Unreadable("EOF".to_owned());
    let table = [
        (seen, Exit::Code(0), Outcome::Absent, Crash, "bad outcome file"),
        (seen, Exit::Code(0), unreadable.clone(), Crash, "bad outcome file"),
        (seen, Exit::Code(0), said(BadData), BadData, "exit code 0"),
        (seen, Exit::Code(1), said(Transform), Transform, "exit code 1"),
        (seen, Exit::Code(1), said(Infra), Infra, "exit code 1"),
        (seen, Exit::Code(1), said(Memory), Memory, "exit code 1"),
        (seen, Exit::Code(101), Outcome::Absent, Crash, "exit code 101"),
        (seen, Exit::Code(101), unreadable, Crash, "exit code 101"),
        (seen, Exit::Code(3), done(), Crash, "exit code 3"),
        (seen, signal(9, true), Outcome::Absent, Memory, "killed by the kernel for want of memory at 2.1 KiB"),
        (seen, Exit::NotStarted("no such file".to_owned()), Outcome::Absent, Infra, "not started"),
        (by(Why::Timeout), signal(15, false), Outcome::Absent, Timeout, "time-out after 600 s"),
        (by(Why::Timeout), Exit::Code(143), Outcome::Absent, Timeout, "time-out after 600 s"),
        (by(Why::Timeout), Exit::Code(1), said(Transform), Timeout, "time-out after 600 s"),
        (by(Why::Timeout), Exit::Code(0), Outcome::Absent, Timeout, "time-out after 600 s"),
        (by(Why::Memory), signal(9, false), Outcome::Absent, Memory, "memory 2.1 KiB over 2.0 KiB"),
        (by(Why::Lost), signal(9, true), Outcome::Absent, Lost, "the machine goes away, or the run was stopped"),
    ];
    for (seen, exit, outcome, class, ended) in table {
        let row = format!("{:?} {exit:?} {outcome:?}", seen.why);
        let Verdict::Settle(ending) = classify(seen, exit, outcome) else { panic!("{row}") };
        assert_eq!((ending.class, ending.ended.as_str()), (class, ended), "{row}");
        assert_eq!(ending.usage.wall_ms, 5);
    }
    for (number, ended) in [(9, "signal 9 (kill)"), (11, "signal 11 (segmentation fault)"), (33, "signal 33")] {
        let Verdict::Unexplained(ending) = classify(seen, signal(number, false), done()) else { panic!("{number}") };
        assert_eq!((ending.class, ending.ended.as_str()), (Crash, ended));
    }
    // Finished work is kept, whatever was on its way; what we saw of it is in its usage.
    for why in [None, Some(Why::Timeout), Some(Why::Memory), Some(Why::Lost)] {
        let Verdict::Commit(report) = classify(Seen { why, ..seen }, Exit::Code(0), done()) else { panic!("{why:?}") };
        assert_eq!(report.usage, Usage { wall_ms: 5, cpu_ms: 0, peak_bytes: 2_100 });
    }
}

#[test]
fn budgets_count_what_says_something_about_the_item() {
    use FailureClass::*;
    let waits = Waits { retry_ms: 1_000, infra_ms: 1_000, infra_most_ms: 3_600_000 };
    let retry = |after_ms| Next::Retry { after_ms };
    let table: &[(FailureClass, &[FailureClass], u32, Next)] = &[
        (Transform, &[], 3, retry(1_000)),
        (Transform, &[Crash], 3, retry(4_000)),
        (Transform, &[Crash, Timeout], 3, Next::GiveUp),
        (Transform, &[Lost, Lost, Infra, Memory], 3, retry(1_000)),
        (Transform, &[], 1, Next::GiveUp),
        (Transform, &[], 0, Next::GiveUp),
        (BadData, &[], 3, retry(1_000)),
        (BadData, &[BadData], 3, Next::GiveUp),
        (WorkerVersion, &[BadData], 9, Next::GiveUp),
        (InputChanged, &[], 3, Next::GiveUp),
        (Lost, &[Crash, Crash, Crash], 3, retry(0)),
        (Infra, &[Crash, Crash, Crash], 3, retry(4_000)),
        (Memory, &[Crash, Crash, Crash], 3, Next::NeedsMemory),
        (Poison, &[], 3, Next::GiveUp),
    ];
    for (class, before, most, expected) in table {
        assert_eq!(next(*class, before, *most, 3, waits), *expected, "{class:?} after {before:?}, at most {most}");
    }
    for (receives, expected) in [(1, 1_000), (2, 2_000), (11, 1_024_000), (13, 3_600_000), (4_000, 3_600_000)] {
        assert_eq!(infra_wait(receives, waits), expected, "{receives}");
    }
    assert!(!is_poison(15, 0) && is_poison(16, 0) && !is_poison(30, 15) && is_poison(30, 14) && !is_poison(1, 9));
}

/// Every input in every phase, many times over: a slot is never used twice, a child is never signalled without
/// being started, and a stopped supervisor always comes to its end.
#[test]
fn no_order_of_events_breaks_it() {
    for seed in 0..400 {
        random_walk(seed);
    }
}

fn random_walk(seed: u64) {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let (mut state, mut now_ms, mut next_id) = (State::new(RULES), 1_000_000, 0);
    let (mut preparing, mut running, mut settling) = (Vec::new(), Vec::new(), Vec::new());
    let mut asked = 0u32;
    for round in 0..3_000 {
        let pick = |from: &[TryId], n: u64| from.get(n as usize % from.len().max(1)).copied();
        let n = below(1_000);
        let input = match below(12) {
            0 | 1 if asked > 0 => {
                let most = std::mem::take(&mut asked);
                let ids: Vec<(TryId, u32)> =
                    (0..n as u32 % (most + 1)).map(|i| (next_id + u64::from(i), 1 + (n as u32 + i) % 8)).collect();
                next_id += ids.len() as u64;
                Input::Received(ids)
            }
            2 if asked > 0 && n < 100 => {
                asked = 0;
                Input::ReceiveFailed
            }
            3 | 4 => match pick(&preparing, n) {
                Some(id) if n < 900 => Input::Ready(id, LIMITS),
                Some(id) => Input::Over(id),
                None => Input::Tick,
            },
            5 => pick(&running, n).map_or(Input::Tick, |id| Input::Memory(id, n * 2)),
            6 | 7 => match (pick(&running, n), n % 4) {
                (Some(id), 0) => signalled(id, 9),
                (Some(id), 1) => exited(id, 1, said(FailureClass::Transform)),
                (Some(id), _) => exited(id, 0, done()),
                (None, _) => Input::Tick,
            },
            8 => pick(&settling, n).map_or(Input::Tick, Input::Over),
            9 if round > 1_500 && n < 2 => Input::Notice { deadline_ms: now_ms + 30_000 },
            10 if round > 2_000 && n < 20 => Input::Stop,
            _ => {
                now_ms += n * 10;
                Input::Tick
            }
        };
        if let Input::Over(id) = &input {
            preparing.retain(|p| p != id);
            settling.retain(|s| s != id);
        }
        if let Input::Exited(id, ..) = &input {
            running.retain(|r| r != id);
        }
        let (after, commands) = step(state, input, now_ms);
        state = after;
        for command in commands {
            match command {
                Command::Receive { most } => {
                    assert_eq!(asked, 0, "seed {seed}: two receives at once");
                    asked = most;
                }
                Command::Prepare(id) => preparing.push(id),
                Command::Start(id) => {
                    assert!(preparing.contains(&id), "seed {seed}");
                    preparing.retain(|p| *p != id);
                    running.push(id);
                }
                Command::Signal(id, _) => assert!(running.contains(&id), "seed {seed}: {id} is not running"),
                Command::Commit(id, _) | Command::Settle(id, _) => {
                    preparing.retain(|p| *p != id);
                    settling.push(id);
                }
                Command::Extend(_) | Command::Alive(_) | Command::GiveBack(_) => {}
            }
        }
        assert!(state.tries.len() <= RULES.slots as usize, "seed {seed}: more tries than slots");
        assert!(running.len() <= RULES.slots as usize);
    }
    let (after, _) = step(state, Input::Stop, now_ms);
    state = after;
    for id in state.tries.keys().copied().collect::<Vec<_>>() {
        if running.contains(&id) {
            state = step(state, signalled(id, 9), now_ms).0;
        }
        state = step(state, Input::Over(id), now_ms).0;
    }
    assert!(state.has_ended(), "seed {seed}");
}
