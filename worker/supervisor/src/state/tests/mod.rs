//! Tables: what was seen, what is decided. All tests go through `Sim`: it feeds inputs at chosen moments and
//! renders the commands as short texts.

mod tables;
mod walk;

use super::*;
use spotmill_core::item::{FailureClass, ItemFailure, ItemOutcome, RowCounts, Usage};

const RULES: Rules = Rules {
    slots: 2,
    lone_receives: 5,
    extend_ms: 30_000,
    alive_ms: 300_000,
    ahead_ms: 0,
    term_wait_ms: 1_000,
    notice_wait_ms: 10_000,
    notice_margin_ms: 10_000,
    stop_grace_ms: 2_000,
    last_word_ms: 3_000,
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
        sim.check(0, ready(0), "start 0");
        sim
    }
}

fn show(command: &Command) -> String {
    match command {
        Command::Receive { most } => format!("receive {most}"),
        Command::GiveBack(id) => format!("give back {id}"),
        Command::Prepare(id) => format!("prepare {id}"),
        Command::Refuse(id) => format!("refuse {id}"),
        Command::Announce(id) => format!("announce {id}"),
        Command::Start(id) => format!("start {id}"),
        Command::Signal(id, Signal::Term) => format!("term {id}"),
        Command::Signal(id, Signal::Kill) => format!("kill {id}"),
        Command::Extend(id) => format!("extend {id}"),
        Command::Alive(id) => format!("alive {id}"),
        Command::Upload(id, _) => format!("upload {id}"),
        Command::Commit(id) => format!("commit {id}"),
        Command::LetGo(id) => format!("let go {id}"),
        Command::Settle(id, ending) => format!("settle {id} {:?}", ending.class),
    }
}

fn received(messages: &[(TryId, u32)]) -> Input {
    Input::Received(messages.to_vec())
}

fn ready(id: TryId) -> Input {
    Input::Ready { id, limits: LIMITS, isolated: false }
}

fn ready_isolated(id: TryId) -> Input {
    Input::Ready { id, limits: LIMITS, isolated: true }
}

fn report() -> ItemReport {
    ItemReport {
        v: 1,
        rows: RowCounts { raw: 1, read: 1, rejected: 0, written: 1 },
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

fn failed(class: FailureClass) -> Outcome {
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
    sim.check(0, ready(1), "start 1");
    sim.check(0, ready(0), "start 0");
    // What is done leaves its slot to the next while it is kept.
    sim.check(500, exited(1, 0, done()), "upload 1, receive 1").check(0, Input::Uploaded(1), "commit 1");
    sim.check(10, Input::Over(1), "");
    sim.check(0, exited(0, 1, failed(FailureClass::Transform)), "settle 0 Transform");
    sim.check(0, received(&[]), "receive 1");
    sim.check(0, Input::Over(0), "");
    sim.check(0, received(&[]), "receive 2");
}

#[test]
fn what_waits_to_be_kept_does_not_pile_up() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, ready(0), "start 0").check(0, ready(1), "start 1");
    sim.check(0, exited(0, 0, done()), "upload 0, receive 1").check(0, exited(1, 0, done()), "upload 1");
    sim.check(0, received(&[(2, 1)]), "prepare 2, receive 1").check(0, received(&[(3, 1)]), "prepare 3");
    sim.check(0, ready(2), "start 2").check(0, ready(3), "start 3");
    // The store takes nothing: two more are done, and two wait for it already.
    sim.check(0, exited(2, 0, done()), "upload 2").check(0, exited(3, 0, done()), "upload 3");
    sim.check(0, Input::Uploaded(0), "commit 0").check(0, Input::Over(0), "receive 1");
}

/// Two slots, where items are short.
fn ahead() -> Sim {
    let mut sim = Sim::new();
    sim.state.rules.ahead_ms = 20_000;
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, ready(0), "start 0").check(0, ready(1), "start 1");
    // One has been short: what the other slot needs next is made ready as well.
    sim.check(500, exited(0, 0, done()), "upload 0, receive 2").check(
        0,
        received(&[(2, 1), (3, 1)]),
        "prepare 2, prepare 3",
    );
    sim.check(0, ready(2), "start 2, receive 1").check(0, received(&[]), "receive 1");
    sim
}

#[test]
fn short_items_are_made_ready_ahead_and_start_when_a_slot_is_free() {
    let mut sim = ahead();
    sim.check(0, ready(3), "").check(0, exited(2, 0, done()), "upload 2, start 3");
    // One ahead for each slot, and no more.
    sim.check(0, received(&[(4, 1)]), "prepare 4, receive 1").check(0, received(&[(5, 1)]), "prepare 5");
    sim.check(0, ready(4), "").check(0, ready(5), "");
}

#[test]
fn nothing_waits_behind_a_long_item() {
    let mut sim = ahead();
    sim.check(0, ready(3), "");
    sim.due(20_000, "settle 3 Lost");
    // Both children are old by now, and who knows how long they take.
    sim.check(0, Input::Over(3), "").check(0, received(&[]), "");
}

#[test]
fn what_was_made_ready_ahead_goes_back_at_a_notice() {
    let mut sim = ahead();
    sim.check(0, ready(3), "").check(0, Input::Notice { deadline_ms: 9_000_000 }, "settle 3 Lost");
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
    sim.check(0, ready(0), "start 0");
    sim.due(30_000, "extend 0, extend 1");
    sim.check(0, exited(0, 0, done()), "upload 0, receive 1");
    sim.due(30_000, "extend 0, extend 1");
    sim.check(0, Input::Uploaded(0), "commit 0");
    sim.due(30_000, "extend 0, extend 1");
}

#[test]
fn a_long_run_sends_heartbeats() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, Input::Ready { id: 0, limits: Limits { timeout_ms: u64::MAX, ..LIMITS }, isolated: false }, "start 0");
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
    sim.check(0, signalled(0, 9), "").check(0, Input::Memory(0, 5_000), "").check(0, ready(0), "");
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
    sim.check(0, ready(0), "start 0");
    let deadline_ms = sim.now_ms + 25_000;
    sim.check(0, Input::Notice { deadline_ms }, "");
    // The receive under way brought one more: it goes back, never begun.
    sim.check(0, received(&[(1, 1)]), "give back 1");
    sim.due(15_000, "term 0").due(0, "kill 0");
    sim.check(1, signalled(0, 9), "settle 0 Lost").check(1, Input::Over(0), "");
    assert!(!sim.state.has_ended(), "it idles until somebody ends it");

    let mut sim = Sim::running();
    sim.check(0, Input::Notice { deadline_ms: sim.now_ms + 60_000 }, "").check(9, exited(0, 0, done()), "upload 0");
}

#[test]
fn what_is_not_begun_at_a_notice_goes_back() {
    for leave in [Input::Notice { deadline_ms: 9_000_000 }, Input::Stop] {
        let mut sim = Sim::new();
        sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 6)]), "prepare 0, prepare 1");
        sim.check(0, ready_isolated(1), "");
        // One waits to run isolated, the other's inputs are being copied: neither has a process.
        sim.check(0, leave, "settle 0 Lost, settle 1 Lost");
        // What comes late changes nothing, and a lease that was given back is not retaken.
        sim.check(0, ready(0), "").check(0, Input::Refused(1), "").check(60_000, Input::Tick, "");
    }
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
    sim.check(0, Input::Stop, "settle 0 Lost").check(0, Input::Over(0), "");
    assert!(sim.state.has_ended());
}

#[test]
fn what_hangs_at_the_end_is_handed_back_before_the_machine_goes() {
    let noticed = |sim: &mut Sim| {
        let deadline_ms = sim.now_ms + 20_000;
        sim.check(0, Input::Notice { deadline_ms }, "");
    };
    // Children end ten seconds before; three seconds later what is still being delivered ends.
    let mut sim = Sim::running();
    sim.check(0, exited(0, 0, done()), "upload 0");
    noticed(&mut sim);
    sim.due(13_000, "settle 0 Lost").check(0, Input::Uploaded(0), "");

    let mut sim = Sim::running();
    sim.check(0, exited(0, 0, done()), "upload 0").check(0, Input::Uploaded(0), "commit 0");
    noticed(&mut sim);
    sim.due(13_000, "let go 0").check(60_000, Input::Tick, "");

    let mut sim = Sim::running();
    sim.check(0, exited(0, 1, failed(FailureClass::Transform)), "settle 0 Transform");
    noticed(&mut sim);
    sim.due(13_000, "let go 0");

    // A child that ends at its last moment has the same three seconds.
    let mut sim = Sim::running();
    noticed(&mut sim);
    sim.due(10_000, "term 0").check(0, exited(0, 0, done()), "upload 0").due(3_000, "settle 0 Lost");

    let mut sim = Sim::running();
    sim.check(0, exited(0, 0, done()), "upload 0").check(0, Input::Stop, "").due(5_000, "settle 0 Lost");
}

#[test]
fn an_upload_lives_as_long_as_its_item_may() {
    let mut sim = Sim::running();
    sim.check(0, exited(0, 0, done()), "upload 0");
    sim.state.tries.get_mut(&0).expect("it").extend_at_ms = u64::MAX;
    // The item has a minute; its next sign of life is due after five.
    sim.check(300_000, Input::Tick, "");

    let mut sim = Sim::new();
    let limits = Limits { timeout_ms: 400_000, ..LIMITS };
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
    sim.check(0, Input::Ready { id: 0, limits, isolated: false }, "start 0").check(0, exited(0, 0, done()), "upload 0");
    sim.state.tries.get_mut(&0).expect("it").extend_at_ms = u64::MAX;
    sim.check(300_000, Input::Tick, "alive 0").check(300_000, Input::Tick, "");
}

#[test]
fn what_was_not_written_is_a_crash() {
    let mut sim = Sim::running();
    sim.check(0, exited(0, 0, done()), "upload 0");
    let missing = Ending::new(FailureClass::Crash, "no such file", "bad outcome file");
    sim.check(0, Input::NotUploaded(0, missing), "settle 0 Crash");
}

#[test]
fn a_message_may_lead_to_no_child() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1)]), "prepare 0, receive 1");
    sim.check(0, Input::Refused(0), "refuse 0").check(0, ready(0), "").check(0, Input::Over(0), "");
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
    sim.check(0, Input::Stop, "term 0").check(0, exited(0, 0, done()), "upload 0");
    sim.check(0, Input::Uploaded(0), "commit 0").check(0, Input::Over(0), "");
    assert!(sim.state.has_ended());
}

#[test]
fn an_item_with_unexplained_receives_runs_isolated() {
    let mut sim = Sim::new();
    // Received six times: while its history is read, no other item is received.
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 6)]), "prepare 0");
    sim.check(0, ready_isolated(0), "announce 0").check(0, Input::Announced(0), "start 0");
    sim.check(0, exited(0, 0, done()), "upload 0").check(0, Input::Uploaded(0), "commit 0");
    sim.check(0, Input::Over(0), "receive 2");

    // Interruptions on record explain it: it is as any other.
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 40)]), "prepare 0");
    sim.check(0, ready(0), "start 0, receive 1");
}

#[test]
fn running_items_end_before_an_isolated_one_starts() {
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 6)]), "prepare 0, prepare 1");
    sim.check(0, ready_isolated(1), "");
    sim.check(0, ready(0), "start 0");
    sim.check(0, exited(0, 0, done()), "upload 0, announce 1");
    // Nobody joins it.
    sim.check(0, Input::Over(0), "").check(0, Input::Announced(1), "start 1");
    sim.check(0, exited(1, 0, done()), "upload 1").check(0, Input::Over(1), "receive 2");
}

#[test]
fn the_kernels_victim_beside_others_is_not_held_to_account() {
    let killed = |id| Input::Exited(id, Exit::Signal { number: 9, oom: true }, Outcome::Absent);
    let mut sim = Sim::new();
    sim.check(0, Input::Tick, "receive 2").check(0, received(&[(0, 1), (1, 1)]), "prepare 0, prepare 1");
    sim.check(0, ready(0), "start 0").check(0, ready(1), "start 1");
    sim.check(0, Input::Memory(0, 400), "").check(0, Input::Memory(1, 950), "");
    sim.check(0, killed(0), "settle 0 Infra").check(0, killed(1), "settle 1 Memory");

    let mut sim = Sim::running();
    sim.check(0, Input::Memory(0, 400), "").check(0, killed(0), "settle 0 Memory");
}
