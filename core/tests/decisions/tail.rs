use crate::door::round_request;
use crate::machines::fleet;
use spotmill_core::bounds::{ALIVE_SECS, HOLDER_SECS, TAIL_INSPECT_SECS};
use spotmill_core::fleet::tail::shrink;
use spotmill_core::fleet::{FleetNow, Target};
use spotmill_core::records::{Callback, CallbackKind, RECORD_VERSION};
use spotmill_core::tally::{Items, Seed, Tally, fold};

const EIGHT: &str = "i-1 i-2 i-3 i-4 i-5 i-6 i-7 i-8";

fn callback(kind: CallbackKind, item: u32, worker: &str) -> Callback {
    Callback {
        v: RECORD_VERSION,
        run: "p/1".into(),
        step: "s".into(),
        generation: 1,
        epoch: 1,
        round: 0,
        item,
        attempt: "a".into(),
        kind,
        worker: worker.into(),
    }
}

fn alive(item: u32, worker: &str) -> Callback {
    callback(CallbackKind::Alive, item, &format!("{worker} r7g.xlarge use1-az4"))
}

/// A hundred items sent to a fleet of eight slots, of which all but `left` are done.
fn tally(left: u32) -> Tally {
    let of = round_request(1, 0, 0);
    let seed = Seed {
        total: 100,
        asked: Items::from_iter(0..100),
        done: Items::from_iter(left..100),
        failed: Items::default(),
    };
    Tally { slots: 8, cursor: 100, ..Tally::begin(&of, seed, "t", 0) }
}

/// `end i-4 i-5, target 12`, or `nothing`.
fn resized(fleet: &FleetNow, tally: &Tally, secs: u64) -> String {
    match shrink(fleet, tally, secs * 1000) {
        None => "nothing".into(),
        Some((resize, _)) => format!("end {}, target {}", resize.end.join(" "), resize.target.vcpus),
    }
}

#[test]
fn three_items_left_on_eight_machines_five_go() {
    let mut tally = tally(3);
    tally.note(&[alive(0, "i-2"), alive(1, "i-3"), alive(2, "i-7")], 10_000);
    assert_eq!(resized(&fleet(EIGHT), &tally, 10), "end i-1 i-4 i-5 i-6 i-8, target 12");
    let (_, because) = shrink(&fleet(EIGHT), &tally, 10_000).unwrap();
    assert_eq!(because, "3 items left: 5 of 8 machines had nothing to do and ended");
    // Once more, when they are gone: nothing to do.
    assert_eq!(resized(&fleet("i-2 i-3 i-7"), &tally, 30), "nothing");
    // One machine works on two of them.
    tally.note(&[alive(1, "i-2")], 20_000);
    assert_eq!(resized(&fleet("i-2 i-3 i-7 i-8"), &tally, 20), "end i-3 i-8, target 8");
}

#[test]
fn a_machine_is_kept_for_what_nobody_works_on_once_everybody_had_time_to_speak() {
    let mut tally = tally(3);
    tally.note(&[alive(0, "i-2")], 10_000);
    assert_eq!(resized(&fleet(EIGHT), &tally, 10), "nothing");
    assert_eq!(resized(&fleet(EIGHT), &tally, 10 + HOLDER_SECS - 1), "nothing");
    tally.note(&[alive(0, "i-2")], 30_000);
    assert_eq!(resized(&fleet(EIGHT), &tally, 10 + HOLDER_SECS), "end i-4 i-5 i-6 i-7 i-8, target 12");
    // Whoever held an item and is gone holds it no longer: it will come back, and needs a machine.
    assert_eq!(resized(&fleet("i-1 i-3 i-4 i-5 i-6"), &tally, 10 + HOLDER_SECS), "end i-5 i-6, target 12");
    // Nor does one that was not heard of for long.
    assert_eq!(resized(&fleet("i-2 i-3 i-4 i-5"), &tally, 31 + HOLDER_SECS), "end i-5, target 12");
}

#[test]
fn while_there_is_work_for_all_nobody_goes() {
    let mut eight = tally(8);
    eight.note(&[alive(0, "i-1")], 1_000);
    assert_eq!((eight.tail.is_some(), resized(&fleet(EIGHT), &eight, 1_000).as_str()), (false, "nothing"));
    let mut seven = tally(7);
    let all: Vec<Callback> = (0..7).map(|i| alive(i, &format!("i-{}", i + 1))).collect();
    seven.note(&all, 1_000);
    assert_eq!(resized(&fleet("i-1 i-2 i-3 i-4 i-5 i-6 i-7"), &seven, 1), "nothing");
    assert_eq!(resized(&fleet(EIGHT), &seven, 1), "end i-8, target 28");
    // Not all is sent yet.
    let mut sending = Tally { cursor: 50, ..tally(3) };
    sending.note(&[alive(0, "i-1"), alive(1, "i-1"), alive(2, "i-1")], 1_000);
    assert!(sending.tail.is_none() && sending.holders.is_empty());
}

#[test]
fn the_target_only_falls_and_keeps_its_share_on_demand() {
    let mut tally = tally(2);
    tally.note(&[alive(0, "i-1"), alive(1, "od-2")], 1_000);
    let mut low = fleet("i-1 od-2 i-3 od-4");
    low.target = Target { vcpus: 6, on_demand: 6 };
    let (resize, _) = shrink(&low, &tally, 1_000).unwrap();
    assert_eq!((resize.target, resize.end.join(" ").as_str()), (Target { vcpus: 6, on_demand: 4 }, "i-3 od-4"));
    low.target = Target { vcpus: 16, on_demand: 8 };
    assert_eq!(shrink(&low, &tally, 1_000).unwrap().0.target, Target { vcpus: 8, on_demand: 4 });
}

#[test]
fn a_machine_that_boots_is_idle_and_the_oldest_stay() {
    let mut tally = tally(2);
    tally.note(&[alive(0, "i-1")], 0);
    tally.note(&[alive(0, "i-1")], HOLDER_SECS * 1000);
    assert_eq!(resized(&fleet("i-9@50 i-1 i-3@20"), &tally, HOLDER_SECS), "end i-9, target 8");
}

#[test]
fn only_changes_are_written_and_one_at_a_time_inspects() {
    let mut tally = tally(3);
    assert!(tally.note(&[alive(0, "i-2")], 1_000), "the first word, and the tail begins");
    assert!(!tally.note(&[alive(0, "i-2")], 2_000), "nothing new");
    assert_eq!(tally.holders[&0].at_ms, 1_000);
    assert!(tally.note(&[alive(0, "i-2")], 1_000 + ALIVE_SECS * 1000), "before it is forgotten");
    assert!(tally.note(&[alive(0, "i-3")], 22_000), "another has it");
    assert!(tally.note(&[callback(CallbackKind::Lost, 0, "i-3")], 23_000) && tally.holders.is_empty());
    assert!(!tally.note(&[Callback { round: 1, ..alive(1, "i-2") }], 24_000), "of another round");
    assert!(tally.take_inspection(100_000) && !tally.take_inspection(100_000 + TAIL_INSPECT_SECS * 1000 - 1));
    assert!(tally.take_inspection(100_000 + TAIL_INSPECT_SECS * 1000));
    let mut done = fold(&tally, &[callback(CallbackKind::Done, 0, "i-2")]).tally;
    done.note(&[], 25_000);
    assert!(!done.holders.contains_key(&0));
}

#[test]
fn a_machine_that_fetches_inputs_is_busy_and_no_sign_of_progress() {
    let mut tally = tally(2);
    let held = [callback(CallbackKind::Held, 0, "i-1 x y"), callback(CallbackKind::Held, 1, "i-2 x y")];
    tally.note(&held, 1_000);
    assert_eq!(resized(&fleet("i-1 i-2 i-3"), &tally, 1), "end i-3, target 8");
    assert!(tally.heard && !fold(&tally, &held).heartbeat);
}

#[test]
fn a_tally_of_the_release_before_is_read() {
    let mut old = serde_json::to_value(tally(3)).unwrap();
    ["slots", "heard", "holders", "tail"].iter().for_each(|new| drop(old.as_object_mut().unwrap().remove(*new)));
    let read: Tally = serde_json::from_value(old).unwrap();
    assert_eq!((read.slots, read.heard, read.tail), (0, false, None));
}
