//! How children end and how often items are tried, row by row.

use super::*;
use crate::state::budget::{Next, Waits, infra_wait, is_poison, next, unexplained};
use crate::state::ending::{Seen, Verdict, classify};

#[test]
fn endings_have_names() {
    use FailureClass::*;
    let seen =
        Seen { why: None, wall_ms: 5, peak_bytes: 2_100, limit_bytes: 2_000, timeout_ms: 600_000, shared: false };
    let beside = Seen { shared: true, ..seen };
    let victim = Seen { peak_bytes: 1_700, ..beside };
    let by = |why| Seen { why: Some(why), ..seen };
    let signal = |number, oom| Exit::Signal { number, oom };
    let unreadable = Outcome::Unreadable("EOF".to_owned());
    let table = [
        (seen, Exit::Code(0), Outcome::Absent, Crash, "bad outcome file"),
        (seen, Exit::Code(0), unreadable.clone(), Crash, "bad outcome file"),
        (seen, Exit::Code(0), failed(BadData), BadData, "exit code 0"),
        (seen, Exit::Code(1), failed(Transform), Transform, "exit code 1"),
        (seen, Exit::Code(1), failed(Infra), Infra, "exit code 1"),
        (seen, Exit::Code(1), failed(Memory), Memory, "exit code 1"),
        (seen, Exit::Code(101), Outcome::Absent, Crash, "exit code 101"),
        (seen, Exit::Code(101), unreadable, Crash, "exit code 101"),
        (seen, Exit::Code(3), done(), Crash, "exit code 3"),
        (seen, signal(9, true), Outcome::Absent, Memory, "killed by the kernel for want of memory at 2.1 KiB"),
        (beside, signal(9, true), Outcome::Absent, Memory, "killed by the kernel for want of memory at 2.1 KiB"),
        (victim, signal(9, true), Outcome::Absent, Infra, "killed by the kernel for want of memory at 1.7 KiB"),
        (seen, Exit::NotStarted("no such file".to_owned()), Outcome::Absent, Infra, "not started"),
        (by(Why::Timeout), signal(15, false), Outcome::Absent, Timeout, "time-out after 600 s"),
        (by(Why::Timeout), Exit::Code(143), Outcome::Absent, Timeout, "time-out after 600 s"),
        (by(Why::Timeout), Exit::Code(1), failed(Transform), Timeout, "time-out after 600 s"),
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
    for code in [130, 137, 143] {
        let Verdict::Unexplained(ending) = classify(seen, Exit::Code(code), Outcome::Absent) else { panic!("{code}") };
        assert_eq!((ending.class, ending.ended), (Crash, format!("exit code {code}")));
        assert!(matches!(classify(seen, Exit::Code(code), failed(BadData)), Verdict::Settle(e) if e.class == BadData));
    }
    // Finished work is kept, whatever was on its way; what we saw of it is in its usage.
    for why in [None, Some(Why::Timeout), Some(Why::Memory), Some(Why::Lost)] {
        let Verdict::Commit(report) = classify(Seen { why, ..seen }, Exit::Code(0), done()) else { panic!("{why:?}") };
        assert_eq!(report.usage, Usage { wall_ms: 5, cpu_ms: 0, peak_bytes: 2_100 });
    }
}

#[test]
fn budgets_count_failures_of_the_item_only() {
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
        (Infra, &[Crash, Crash, Lost, Lost], 3, retry(1_000)),
        (Infra, &[Infra, Lost, Infra], 3, retry(4_000)),
        (Memory, &[Crash, Crash, Crash], 3, Next::NeedsMemory),
        (Poison, &[], 3, Next::GiveUp),
    ];
    for (class, before, most, expected) in table {
        assert_eq!(next(*class, before, *most, waits), *expected, "{class:?} after {before:?}, at most {most}");
    }
    for (before, expected) in [(0, 1_000), (1, 2_000), (10, 1_024_000), (12, 3_600_000), (4_000, 3_600_000)] {
        assert_eq!(infra_wait(before, waits), expected, "{before}");
    }
    assert_eq!((unexplained(16, 0), unexplained(41, 40), unexplained(3, 9)), (16, 1, 0));
    // Only isolated attempts whose machine vanished count against the item.
    assert!(is_poison(16, 10) && !is_poison(15, 10) && !is_poison(16, 9) && !is_poison(400, 0));
}

#[test]
fn what_cannot_succeed_is_tried_once() {
    let waits = Waits { retry_ms: 1, infra_ms: 1, infra_most_ms: 1 };
    assert_eq!(next(FailureClass::Permanent, &[], 3, waits), Next::GiveUp);
    assert!(matches!(next(FailureClass::Infra, &[FailureClass::Infra; 5], 3, waits), Next::Retry { .. }));
}
