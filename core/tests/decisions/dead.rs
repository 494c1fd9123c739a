use crate::claim::lease;
use spotmill_core::dead::{Facts, Fate, Letter, decide, read};
use spotmill_core::records::WorkMessage;

const BODY: &str = r#"{"v":1,"run":"p/1","step":"s","generation":2,"epoch":7,"round":0,"rung":0,"item":3,
    "work_digest":"d","from":0,"to":9}"#;

fn letter(resent: bool) -> Letter {
    Letter { resent, ..read(BODY).unwrap() }
}

#[track_caller]
fn check(letter: &Letter, owner: Option<&str>, round_ended: bool, receipted: bool, expected: &str) {
    let lease = lease(owner);
    let answer = match decide(letter, &Facts { lease: Some(&lease), round_ended, receipted }) {
        Fate::Drop { .. } => "drop",
        Fate::Done => "done",
        Fate::Resend => "resend",
        Fate::Poison => "poison",
    };
    assert_eq!(answer, expected);
}

#[test]
fn a_letter_is_sent_once_more_and_then_poison() {
    check(&letter(false), Some("r"), false, false, "resend");
    check(&letter(true), Some("r"), false, false, "poison");
}

#[test]
fn a_committed_item_is_done_however_often_its_letter_died() {
    check(&letter(false), Some("r"), false, true, "done");
    check(&letter(true), Some("r"), false, true, "done");
}

#[test]
fn what_nobody_waits_for_is_dropped() {
    check(&letter(true), None, false, false, "drop");
    check(&letter(true), Some("r"), true, false, "drop");
    let stale = |edit: fn(&mut WorkMessage)| {
        let mut letter = letter(true);
        edit(&mut letter.message);
        letter
    };
    check(&stale(|m| m.epoch = 6), Some("r"), false, false, "drop");
    check(&stale(|m| m.generation = 1), Some("r"), false, false, "drop");
    assert!(matches!(
        decide(&letter(true), &Facts { lease: None, round_ended: false, receipted: false }),
        Fate::Drop { .. }
    ));
}

#[test]
fn a_letter_that_was_sent_again_is_still_a_work_message() {
    let text = serde_json::to_string(&letter(true)).unwrap();
    assert!(read(&text).unwrap().resent);
    assert_eq!(serde_json::from_str::<WorkMessage>(&text).unwrap(), letter(false).message);
    let first = serde_json::to_string(&letter(false)).unwrap();
    assert!(!first.contains("resent"), "{first}");
}

#[test]
fn what_is_no_work_message_is_not_read() {
    for body in ["", "{}", "[1]", &BODY.replace("\"v\":1", "\"v\":2"), &BODY.replace("\"item\":3,", "")] {
        assert_eq!(read(body), None, "{body}");
    }
}
