use crate::door::{failure, round_request};
use spotmill_core::bounds::{MAX_IDLE_ROUNDS, MAX_ROUNDS};
use spotmill_core::calls::{Caught, errors};
use spotmill_core::command::Caller;
use spotmill_core::format::bare_cause;
use spotmill_core::item::FailureClass::{BadData, Infra, Lost, Memory, Poison, Timeout, Transform};
use spotmill_core::model::Resources;
use spotmill_core::records::FailureRecord;
use spotmill_core::tally::{Items, RoaringBitmap, Seed, Tally};
use spotmill_core::verdict::{Ended, Facts, Verdict, can_climb, decide, memory_bytes};

const GIB: u64 = 1 << 30;

fn resources() -> Resources {
    Resources {
        vcpus: 1,
        memory_bytes: GIB,
        max_memory_bytes: 3 * GIB,
        timeout_secs: 60,
        max_attempts: 3,
        network: false,
        processes: Default::default(),
    }
}

#[derive(Default)]
struct Case {
    /// Of items 0, 1, 2.
    receipts: Vec<u32>,
    accepted: Vec<u32>,
    failures: Vec<FailureRecord>,
    hint: Vec<u32>,
    round: u32,
    rung: u32,
    idle_before: u32,
    caught: Option<&'static str>,
    /// Items the round's tally was about.
    asked: Option<Vec<u32>>,
}

fn verdict(edit: impl FnOnce(&mut Case)) -> Verdict {
    let mut case = Case::default();
    edit(&mut case);
    let (receipts, hint): (RoaringBitmap, RoaringBitmap) =
        (case.receipts.iter().copied().collect(), case.hint.iter().copied().collect());
    let facts = Facts {
        total: 3,
        receipts: &receipts,
        accepted: &case.accepted,
        failures: &case.failures,
        failed_hint: &hint,
        resources: &resources(),
        rung: case.rung,
    };
    let caught = case.caught.map(|error| Caught { error: error.into(), cause: "why".into() });
    let of = &round_request(1, case.round, case.rung);
    let tally = case.asked.map(|asked| {
        let seed = Seed { total: 3, asked: Items::from_iter(asked), done: Items::default(), failed: Items::default() };
        Tally::begin(of, seed, "t", 0)
    });
    let ended = Ended {
        step: "s",
        round: case.round,
        rung: case.rung,
        idle_before: case.idle_before,
        caught: caught.as_ref(),
        tally: tally.as_ref(),
        inspect: &Caller::new("aws").command("show").arg("p/1"),
        resume: &Caller::new("aws").run().option("--date", "1"),
    };
    decide(&facts, &ended)
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Case), expected: &str) {
    let answer = match verdict(edit) {
        Verdict::Round { round, rung, idle, .. } => format!("round {round} rung {rung} idle {idle}"),
        Verdict::Complete { missing } => format!("complete without {missing:?}"),
        Verdict::Failed { error, .. } => error,
    };
    assert_eq!(answer, expected);
}

#[test]
fn receipts_and_records_decide() {
    check(|c| c.receipts = vec![0, 1, 2], "complete without []");
    check(|c| (c.receipts, c.accepted) = (vec![0, 1], vec![2]), "complete without [2]");
    check(|c| (c.receipts, c.accepted) = (vec![0, 1, 2], vec![2]), "complete without []");
    check(|c| (c.receipts, c.caught) = (vec![0, 1, 2], Some("States.Timeout")), "complete without []");
    check(|c| (c.receipts, c.asked) = (vec![0, 1], Some(vec![0, 1, 2])), "round 1 rung 0 idle 0");
    check(|c| c.receipts = vec![0, 1], "round 1 rung 0 idle 1");
}

#[test]
fn an_item_has_failed_when_its_tries_are_spent_or_the_tally_and_a_record_agree() {
    let two = |c: &mut Case| c.receipts = vec![0, 1];
    let failures = |classes: &[spotmill_core::item::FailureClass]| -> Vec<FailureRecord> {
        classes.iter().map(|class| failure(2, *class, 0, 0)).collect()
    };
    let failed = errors::ITEMS_FAILED;
    check(|c| (two(c), c.failures = failures(&[Transform, Timeout, BadData])).0, failed);
    check(|c| (two(c), c.failures = failures(&[Transform, Timeout])).0, "round 1 rung 0 idle 0");
    check(|c| (two(c), c.hint = vec![2], c.failures = failures(&[BadData])).0, failed);
    check(|c| (two(c), c.hint = vec![2]).0, "round 1 rung 0 idle 1");
    check(|c| (two(c), c.failures = failures(&[Poison])).0, failed);
    check(|c| (two(c), c.failures = failures(&[Infra, Lost, Infra, Lost])).0, "round 1 rung 0 idle 1");
    // The others are finished first; then the step fails.
    check(|c| (c.receipts = vec![0], c.failures = failures(&[Poison])).0, "round 1 rung 0 idle 0");
}

#[test]
fn memory_climbs_to_the_limit() {
    let at = |rung: u32| {
        move |c: &mut Case| {
            c.receipts = vec![0, 1];
            c.failures = (0..=rung).map(|r| failure(2, Memory, r, r)).collect();
            (c.round, c.rung) = (rung, rung);
        }
    };
    check(at(0), "round 1 rung 1 idle 0");
    check(at(1), "round 2 rung 2 idle 0");
    check(at(2), errors::ITEMS_FAILED);
    let sizes: Vec<u64> = (0..4).map(|rung| memory_bytes(&resources(), rung) / GIB).collect();
    assert_eq!(sizes, [1, 2, 3, 3]);
    assert!(can_climb(&resources(), 1) && !can_climb(&resources(), 2));
    assert_eq!(memory_bytes(&resources(), 200), 3 * GIB);
    // What merely was lost is done on this rung before any machine is doubled.
    check(|c| (c.receipts, c.failures) = (vec![0], vec![failure(2, Memory, 0, 0)]), "round 1 rung 0 idle 0");
}

#[test]
fn rounds_end() {
    check(|c| c.idle_before = MAX_IDLE_ROUNDS - 2, "round 1 rung 0 idle 2");
    check(|c| c.idle_before = MAX_IDLE_ROUNDS - 1, errors::NO_PROGRESS);
    check(|c| (c.round, c.asked, c.receipts) = (MAX_ROUNDS - 1, Some(vec![0]), vec![0]), errors::NO_PROGRESS);
    for hopeless in [errors::FENCED, errors::REFUSED, errors::HELD] {
        check(|c| c.caught = Some(hopeless), hopeless);
    }
    check(|c| c.caught = Some(errors::TRANSIENT), "round 1 rung 0 idle 1");
}

#[test]
fn a_person_on_call_reads() {
    let spent = |c: &mut Case| {
        c.receipts = vec![0, 1];
        c.failures = (0..3).map(|_| failure(2, Transform, 0, 0)).collect();
        c.failures[0].remedy = Some("add the column".into());
    };
    let Verdict::Failed { cause, .. } = verdict(spent) else { panic!() };
    assert_eq!(
        cause,
        "1 of 3 items of `s` failed. Item 2 (transform error in 3 attempts): it broke. 2 items committed and kept; \
         nothing of this step was published. Look: `spotmill --target aws show p/1`. Again, when it is mended: `spotmill start --date 1`."
    );
    assert!(bare_cause(&cause).ends_with("2 items committed and kept; nothing of this step was published."), "{cause}");
    let silent = |c: &mut Case| (c.idle_before, c.caught) = (2, Some("States.HeartbeatTimeout"));
    let Verdict::Failed { cause, .. } = verdict(silent) else { panic!() };
    assert!(cause.starts_with("`s`: 3 rounds in a row left work undone; the last: no machine was heard of"), "{cause}");
    assert!(bare_cause(&cause).ends_with("0 items committed and kept."), "{cause}");
    assert!(
        cause.contains("Without receipt: 0, 1 and 2. 0 items committed and kept. Again: `spotmill start --date 1`."),
        "{cause}"
    );
}

/// One table says what every reader makes of an error.
#[test]
fn the_errors_after_which_no_round_is_worth_trying_are_those_of_the_table() {
    let going_on: Vec<&str> = errors::ALL.iter().map(|(error, _)| *error).filter(|e| !errors::end_a_step(e)).collect();
    assert_eq!(going_on, [errors::TRANSIENT, errors::PANICKED]);
    for foreign in ["States.HeartbeatTimeout", "States.TaskFailed", "Sandbox.Timedout", ""] {
        assert!(!errors::end_a_step(foreign), "{foreign}");
    }
}
