use crate::door::round_request;
use spotmill_core::records::{Callback, CallbackKind, RECORD_VERSION};
use spotmill_core::tally::{Items, Seed, Tally, fold};

fn tally() -> Tally {
    let of = round_request(5, 2, 0);
    let seed =
        Seed { total: 4, asked: Items::from_iter([1, 2, 3]), done: Items::from_iter([0]), failed: Items::default() };
    Tally::begin(&of, seed, "t", 0)
}

/// `done:1`, or `done:1@4.0` for epoch 4 and round 0.
fn callback(text: &str) -> Callback {
    let (kind, rest) = text.split_once(':').unwrap();
    let (item, of) = rest.split_once('@').unwrap_or((rest, "5.2"));
    let (epoch, round) = of.split_once('.').unwrap();
    Callback {
        v: RECORD_VERSION,
        run: "p/1".into(),
        step: "s".into(),
        generation: 1,
        epoch: epoch.parse().unwrap(),
        round: round.parse().unwrap(),
        item: item.parse().unwrap(),
        attempt: "a".into(),
        kind: serde_json::from_value::<CallbackKind>(kind.into()).unwrap(),
        worker: "w".into(),
    }
}

/// Bits as `done/failed/needs_memory`, then what else the fold returns.
#[track_caller]
fn check(callbacks: &str, expected: &str) {
    let callbacks: Vec<Callback> = callbacks.split_whitespace().map(callback).collect();
    let folded = fold(&tally(), &callbacks);
    let t = &folded.tally;
    let bits = |items: &Items| items.0.iter().map(|i| i.to_string()).collect::<String>();
    let mut text = format!("{}/{}/{}", bits(&t.done), bits(&t.failed), bits(&t.needs_memory));
    for (flag, name) in [
        (folded.complete, "complete"),
        (folded.heartbeat, "heartbeat"),
        (folded.changed, "changed"),
        (t.malformed > 0, "malformed"),
    ] {
        if flag {
            text.push_str(&format!(" {name}"));
        }
    }
    assert_eq!(text, expected);
    let refolded = fold(t, &callbacks);
    assert_eq!((&refolded.tally.done, &refolded.tally.failed), (&t.done, &t.failed), "twice is once");
    let reversed: Vec<Callback> = callbacks.into_iter().rev().collect();
    let backwards = fold(&tally(), &reversed).tally;
    assert_eq!((&backwards.done, &backwards.failed, &backwards.needs_memory), (&t.done, &t.failed, &t.needs_memory));
}

#[test]
fn what_counts() {
    check("", "0//");
    check("done:1", "01// heartbeat changed");
    check("done:0", "0//");
    check("done:1 failed:1 needs_memory:1", "01// heartbeat changed");
    check("needs_memory:1 failed:1", "0/1/ heartbeat changed");
    check("poison:3", "0/3/ heartbeat changed");
    check("done:1 failed:2 needs_memory:3", "01/2/3 complete heartbeat changed");
    check("lost:1", "0//");
    check("alive:1", "0// heartbeat");
    check("alive:0", "0//");
    check("done:9", "0// changed malformed");
}

#[test]
fn of_other_epochs_and_rounds_only_done_counts() {
    check("failed:1@4.2 needs_memory:1@5.1 poison:2@6.0 alive:3@5.1", "0//");
    check("done:1@4.0 done:2@5.1 done:3@6.0", "0123// complete heartbeat changed");
    let mut other = callback("done:1");
    other.generation = 2;
    assert!(!fold(&tally(), &[other]).changed);
}

#[test]
fn a_record_comes_back_as_it_was() {
    let before = fold(&tally(), &[callback("done:1"), callback("needs_memory:3")]).tally;
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), before);
}

#[test]
fn a_retry_adds_its_token_and_keeps_what_was_sent() {
    let mut t = tally();
    t.cursor = 2;
    let seed = Seed { total: 4, asked: Items::default(), done: Items::from_iter([0, 1]), failed: Items::default() };
    t.rejoin(&seed, "t2");
    t.rejoin(&seed, "t");
    assert_eq!((t.tokens.join(" ").as_str(), t.cursor), ("t t2", 2));
    assert_eq!(t.unsent(0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(t.unsent(3).collect::<Vec<_>>(), [3]);
}
