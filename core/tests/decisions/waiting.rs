//! Whether an input is there, waited for or late: what lies there, what earlier runs read, the first check and now.

use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::model::{FileCount, LeastBytes, OnLate, WaitFor};
use spotmill_core::records::{AfterCheck, InputState, InputWait, RECORD_VERSION};
use spotmill_core::waiting::{Checked, Found, Judged, cause, clock, first_check, judge};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// 04:00 UTC of some day.
const FIRST: u64 = 20_000 * 24 * HOUR + 4 * HOUR;
const GB: u64 = 1_000_000_000;

fn wait() -> WaitFor {
    let nothing =
        WaitFor { exists: None, files: None, bytes: None, quiet_secs: None, up_to_secs: 7_200, on_late: OnLate::Fail };
    WaitFor { files: Some(FileCount::Min(24)), ..nothing }
}

/// So many files of a gigabyte, the last written at 04:51.
fn files(files: u64) -> Found {
    let newest_ms = (files > 0).then_some(FIRST + 51 * MINUTE);
    Found { marker: false, files, bytes: files * GB, newest_ms }
}

fn at(wait: &WaitFor, found: Found, past: &[u64], minutes: u64) -> Judged {
    let checked = Checked { step: "read".into(), wait, found, past };
    judge(&[checked], FIRST, FIRST + minutes * MINUTE)
}

/// `next, pause: sentence`.
#[track_caller]
fn check(wait: &WaitFor, found: Found, past: &[u64], minutes: u64, expected: &str) {
    let judged = at(wait, found, past, minutes);
    let next = format!("{:?} {}", judged.next, judged.pause_secs).to_lowercase();
    assert_eq!(format!("{next}: {}", judged.steps[0].text), expected);
}

#[test]
fn files_are_counted() {
    let check = |wait: &WaitFor, n, minutes, expected: &str| check(wait, files(n), &[], minutes, expected);
    let (least, exactly) = (wait(), WaitFor { files: Some(FileCount::Exactly(24)), ..wait() });
    check(&least, 0, 0, "wait 300: 0 of 24 files");
    check(&least, 21, 60, "wait 300: 21 of 24 files, last 04:51 UTC");
    check(&least, 24, 60, "go 0: 24 files, last 04:51 UTC");
    check(&least, 25, 60, "go 0: 25 files, last 04:51 UTC");
    check(&exactly, 23, 60, "wait 300: 23 of 24 files, last 04:51 UTC");
    check(&exactly, 24, 60, "go 0: 24 files, last 04:51 UTC");
    check(&exactly, 25, 60, "wait 300: 25 files, of exactly 24, last 04:51 UTC");
    check(&least, 21, 119, "wait 60: 21 of 24 files, last 04:51 UTC");
    check(&least, 21, 120, "late 0: 21 of 24 files, last 04:51 UTC");
    check(&least, 24, 500, "go 0: 24 files, last 04:51 UTC");
    check(&least, 21, 3 * 24 * 60, "late 0: 21 of 24 files, last 04:51 UTC, 2 days ago");
}

#[test]
fn a_marker_has_to_be_there() {
    let wait = WaitFor { exists: Some("in/_SUCCESS".into()), files: None, ..wait() };
    let with = |marker, n| Found { marker, ..files(n) };
    check(&wait, with(false, 3), &[], 60, "wait 300: 3 files, last 04:51 UTC; in/_SUCCESS is not there");
    check(&wait, with(true, 3), &[], 60, "go 0: 3 files, last 04:51 UTC");
    // The marker speaks for a day without files; what is then made of it is for `on_empty`.
    check(&wait, with(true, 0), &[], 60, "go 0: no file");
    let both = WaitFor { files: Some(FileCount::Min(24)), ..wait };
    check(&both, with(false, 23), &[], 60, "wait 300: 23 of 24 files, last 04:51 UTC; in/_SUCCESS is not there");
    check(&both, with(false, 24), &[], 120, "late 0: 24 files, last 04:51 UTC; in/_SUCCESS is not there");
}

#[test]
fn bytes_are_compared_with_a_size_or_the_last_runs() {
    let of = |bytes| WaitFor { files: None, bytes: Some(bytes), ..wait() };
    let size = of(LeastBytes::Absolute(10 * GB));
    check(&size, files(9), &[], 60, "wait 300: 9 files, last 04:51 UTC; 8.4 GiB of 9.3 GiB");
    check(&size, files(10), &[], 60, "go 0: 10 files, last 04:51 UTC");
    let share = of(LeastBytes::OfMedian { share: 0.7, runs: 3 });
    let past = [GB, 99 * GB, 10 * GB, 8 * GB, 11 * GB];
    check(
        &share,
        files(6),
        &past,
        60,
        "wait 300: 6 files, last 04:51 UTC; 5.6 GiB of 6.5 GiB, 70% of the median of 3 runs",
    );
    check(&share, files(7), &past, 60, "go 0: 7 files, last 04:51 UTC");
    let few = "; its bytes are compared with 2 earlier runs, of 3 asked for";
    check(&share, files(7), &[10 * GB, 20 * GB], 60, &format!("go 0: 7 files, last 04:51 UTC{few}"));
    let lacking = "wait 300: 6 files, last 04:51 UTC; 5.6 GiB of 6.5 GiB, 70% of the median of 2 runs";
    check(&share, files(6), &[10 * GB, 20 * GB], 60, &format!("{lacking}{few}"));
    let none = "go 0: 1 file, last 04:51 UTC; no earlier run to compare its bytes with, so they count as enough";
    check(&share, files(1), &[], 60, none);
}

#[test]
fn quiet_is_waited_for_as_long_as_it_takes() {
    let wait = WaitFor { files: None, quiet_secs: Some(600), ..wait() };
    check(&wait, files(3), &[], 53, "wait 480: 3 files, last 04:51 UTC; quiet for 2 min of 10 min");
    check(&wait, files(3), &[], 61, "go 0: 3 files, last 04:51 UTC");
    // Where nothing lies, nothing is quiet; a marker says that it is all.
    check(&wait, files(0), &[], 53, "wait 300: no file; quiet for 0 s of 10 min");
    let marked = WaitFor { exists: Some("in/done".into()), ..wait.clone() };
    check(&marked, Found { marker: true, ..files(0) }, &[], 53, "go 0: no file");
    // A file of the future, by a clock that goes before, is as new as can be.
    check(&wait, files(3), &[], 40, "wait 600: 3 files, last 04:51 UTC; quiet for 0 s of 10 min");
    // What lacks more is looked for as often as ever.
    let more = WaitFor { files: Some(FileCount::Min(4)), ..wait.clone() };
    check(&more, files(3), &[], 53, "wait 300: 3 of 4 files, last 04:51 UTC; quiet for 2 min of 10 min");
    let never = WaitFor { up_to_secs: 3_600, ..wait };
    check(
        &never,
        Found { newest_ms: Some(FIRST + 59 * MINUTE), ..files(3) },
        &[],
        59,
        "wait 60: 3 files, last 04:59 UTC; quiet for 0 s of 10 min",
    );
}

#[test]
fn checks_are_as_frequent_as_the_time_is_short_and_never_too_many() {
    let pause = |up_to_secs| at(&WaitFor { up_to_secs, ..wait() }, files(0), &[], 0).pause_secs;
    for (up_to, expected) in [(1, 1), (24, 1), (240, 10), (3_600, 150), (7_200, 300), (86_400, 300), (604_800, 303)] {
        assert_eq!(pause(up_to), expected, "{up_to}");
    }
}

/// Each step with its time in minutes, what it does when late, and its files; and what follows.
type Case<'a> = (&'a [(u64, OnLate, u64)], AfterCheck);

#[test]
fn the_strictest_step_decides() {
    let (fail, skip, run) = (OnLate::Fail, OnLate::Skip, OnLate::Run);
    let of = |up_to_secs, on_late| WaitFor { up_to_secs, on_late, ..wait() };
    // An hour after the first check.
    let cases: &[Case<'_>] = &[
        (&[], AfterCheck::Go),
        (&[(30, fail, 24), (30, skip, 24)], AfterCheck::Go),
        (&[(30, fail, 24), (90, fail, 0)], AfterCheck::Wait),
        (&[(30, run, 0), (90, fail, 0)], AfterCheck::Wait),
        (&[(30, run, 0), (90, fail, 24)], AfterCheck::Go),
        (&[(30, skip, 0), (90, fail, 0)], AfterCheck::Skip),
        (&[(30, run, 0), (30, skip, 0)], AfterCheck::Skip),
        (&[(30, skip, 0), (30, fail, 0)], AfterCheck::Late),
        (&[(30, fail, 0), (90, run, 0)], AfterCheck::Late),
    ];
    for (steps, expected) in cases {
        let waits: Vec<WaitFor> = steps.iter().map(|(minutes, on_late, _)| of(minutes * 60, *on_late)).collect();
        let checked = waits.iter().zip(*steps).enumerate();
        let checked: Vec<Checked<'_>> = checked
            .map(|(i, (wait, (_, _, n)))| Checked {
                step: format!("s{i}").as_str().into(),
                wait,
                found: files(*n),
                past: &[],
            })
            .collect();
        let judged = judge(&checked, FIRST, FIRST + HOUR);
        assert_eq!(judged.next, *expected, "{steps:?}");
        assert_eq!(judged.pause_secs > 0, *expected == AfterCheck::Wait, "{steps:?}");
    }
}

fn recorded(root: &str, next: AfterCheck) -> InputWait {
    let judged = at(&wait(), files(21), &[], if next == AfterCheck::Wait { 60 } else { 120 });
    let (first_ms, steps) = (FIRST, judged.steps);
    InputWait { v: RECORD_VERSION, root: ExecutionId::new(root), first_ms, checked_ms: FIRST + 2 * HOUR, next, steps }
}

#[test]
fn a_wait_counts_from_its_first_check() {
    let now = FIRST + HOUR;
    let first = |before: Option<&InputWait>| first_check(before, &ExecutionId::new("now"), now);
    assert_eq!(first(None), now);
    // A redrive goes on, even of one that was late; so does a start after one that was killed or stopped as it waited.
    assert_eq!(first(Some(&recorded("now", AfterCheck::Late))), FIRST);
    assert_eq!(first(Some(&recorded("now", AfterCheck::Wait))), FIRST);
    assert_eq!(first(Some(&recorded("before", AfterCheck::Wait))), FIRST);
    // What was ended begins again.
    for ended in [AfterCheck::Late, AfterCheck::Skip, AfterCheck::Go] {
        assert_eq!(first(Some(&recorded("before", ended))), now, "{ended:?}");
    }
}

#[test]
fn the_end_of_a_wait_is_described_with_what_is_there_and_what_follows() {
    let again = spotmill_core::command::Caller::new("local").command("run").option("--date", "d");
    let message = |next| cause(&RunId::from("p/d"), &recorded("x", next), &again);
    let there = "read: 21 of 24 files, last 04:51 UTC";
    assert_eq!(
        message(AfterCheck::Late),
        format!(
            "the input of p/d is late: {there}. It was waited for since 04:00 UTC, for 2 h. Nothing was launched, and nothing \
                 failed. Again: `spotmill run --date d`."
        )
    );
    assert_eq!(
        message(AfterCheck::Wait),
        format!(
            "p/d waits for input: {there}. It is late at 06:00 UTC. Nothing was launched. Again: `spotmill run --date d`."
        )
    );
    assert!(message(AfterCheck::Skip).ends_with("Nothing is run and nothing published for it."));
    assert!(message(AfterCheck::Go).ends_with("The run goes on with what is there."));
    assert_eq!(recorded("x", AfterCheck::Late).steps[0].state, InputState::Late);
    assert_eq!(clock(FIRST + 50 * HOUR, FIRST), "06:00 UTC, in 2 days");
}
