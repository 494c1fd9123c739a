use crate::door::file;
use spotmill_core::item::InputFile;
use spotmill_core::pins::{Changes, Compared, Frozen, Listings, pins};
use spotmill_core::reason::Code;
use spotmill_core::records::WorkItem;
use spotmill_core::tally::RoaringBitmap;
use std::collections::BTreeMap;

fn item(index: u32, files: &[&str]) -> WorkItem {
    let inputs = files.iter().map(|f| file(f)).collect();
    WorkItem { item: index, inputs, partition: None, value: None, tables: BTreeMap::new() }
}

fn changed(name: &str) -> InputFile {
    InputFile { etag: "new".into(), ..file(name) }
}

/// Items 0 (reads a), 1 (reads b and c); `now` is what the input lists, `table` what the side table `t` (of `x`) lists.
fn listings(now: Vec<InputFile>, table: Vec<InputFile>) -> Listings {
    let tables = BTreeMap::from([("t".to_owned(), Compared::new(table))]);
    let mut listings = Listings { input: Some(Compared::new(now)), tables };
    [item(0, &["a"]), item(1, &["b", "c"])].iter().for_each(|item| listings.add(item));
    listings.add_table("t", &[file("x")], 2);
    listings
}

/// The pinned names, a bar, and the number of notes.
#[track_caller]
fn check(open: &[u32], now: Vec<InputFile>, table: Vec<InputFile>, expected: Result<&str, &str>) {
    let open: RoaringBitmap = open.iter().copied().collect();
    let frozen = Frozen { step: "s", epoch: 3, open: &open };
    let outcome = pins(&frozen, &listings(now, table)).map(|pins| {
        let names: Vec<&str> = pins.changed.iter().map(|f| f.uri.as_str()).collect();
        format!("{}|{}", names.join(" "), pins.notes.len())
    });
    match (outcome, expected) {
        (Ok(outcome), Ok(expected)) => assert_eq!(outcome, expected),
        (Err(outcome), Err(part)) => assert!(outcome.contains(part), "{outcome}"),
        (outcome, expected) => panic!("{outcome:?} is not {expected:?}"),
    }
}

#[test]
fn what_a_resume_reads() {
    let same = || vec![file("a"), file("b"), file("c")];
    let table = || vec![file("x")];
    check(&[1], same(), table(), Ok("|0"));
    check(&[1], vec![file("a"), changed("b"), file("c")], table(), Ok("b|1"));
    check(&[1], vec![changed("a"), file("b"), file("c")], table(), Ok("|1"));
    check(&[1], vec![file("a"), file("c")], table(), Ok("|1"));
    check(&[1], vec![file("b"), file("c")], table(), Ok("|1"));
    check(&[1], vec![file("a"), file("aa"), file("b"), file("c")], table(), Ok("|1"));
    check(&[0, 1], same(), vec![changed("x")], Ok("x|1"));
    check(&[], same(), vec![changed("x")], Ok("|1"));
    check(&[1], same(), vec![changed("x")], Err("side table `t`: x changed since `s` was planned, and 1 of 2 items"));
}

/// Whoever starts a finished run hears what became of its inputs, and what `--changed` would do.
#[test]
fn what_a_finished_run_reports() {
    let none = RoaringBitmap::new();
    let notes = |now| {
        let frozen = Frozen { step: "s", epoch: 3, open: &none };
        pins(&frozen, &listings(now, vec![file("x")])).unwrap().notes
    };
    assert_eq!(notes(vec![file("a"), file("b"), file("c")]), Vec::<String>::new());
    assert_eq!(
        notes(vec![changed("a"), file("b"), file("c")]),
        ["a changed since it was read; --changed does 1 item again"]
    );
    assert_eq!(
        notes(vec![file("b"), file("c")]),
        ["a is gone since it was read, and its rows stay; --changed makes the result without it"]
    );
    // Without any there is nothing to make.
    assert!(notes(vec![]).iter().all(|note| note.ends_with("and its rows stay")));
}

/// What a start redoes, and how it reports it.
#[test]
fn what_a_start_redoes() {
    let committed: RoaringBitmap = [0].into_iter().collect();
    let because = |now, all| Changes::of(&listings(now, vec![file("x")]), &committed).because(all);
    let summary = |now, all| because(now, all).map(|because| because.text);
    let same = || vec![file("a"), file("b"), file("c")];
    assert_eq!(summary(same(), true), None);
    assert_eq!(summary(vec![changed("a"), file("b"), file("c")], false).as_deref(), Some("redo 1 item: `a` changed"));
    assert_eq!(summary(vec![file("a"), changed("b"), file("c")], false), None, "it is read as it is now");
    assert_eq!(summary(vec![file("a"), file("c")], false).as_deref(), Some("`b` is gone"));
    let more = [same(), vec![file("d"), file("e")]].concat();
    assert_eq!(summary(more.clone(), true).as_deref(), Some("`d` and 1 more are new"));
    assert_eq!(summary(more, false), None);
    let table = Changes::of(&listings(same(), vec![changed("x")]), &committed).because(false);
    assert_eq!(table.map(|because| because.text).as_deref(), Some("redo 1 item: `x` changed"));
    // The same by codes, with the versions.
    let mixed = because(vec![changed("a"), file("c"), file("d")], true).expect("reasons").reasons;
    let codes: Vec<Code> = mixed.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [Code::InputChanged, Code::InputRemoved, Code::InputAdded]);
    let (was, now) = (file("a"), changed("a"));
    assert_eq!(mixed[0].details, [format!("a: ETag {} → {}, {} bytes as before", was.etag, now.etag, now.bytes)]);
    assert_eq!(
        (mixed[1].details.as_slice(), mixed[2].details.as_slice()),
        (&["b".to_owned()][..], &["d".to_owned()][..])
    );
}

/// Notes are for people, and bounded; what changed is for workers, and whole.
#[test]
fn many_changes_are_reported_in_part() {
    let names: Vec<String> = (0..1000).map(|i| format!("f{i:04}")).collect();
    let open: RoaringBitmap = (0..1000).collect();
    let now = names.iter().map(|name| changed(name)).collect();
    let mut listings = Listings { input: Some(Compared::new(now)), tables: BTreeMap::new() };
    for (i, name) in (0..).zip(&names) {
        listings.add(&item(i, &[name]));
    }
    let pins = pins(&Frozen { step: "s", epoch: 3, open: &open }, &listings).unwrap();
    assert_eq!((pins.changed.len(), pins.notes.len()), (1000, 101));
    assert_eq!(pins.notes[100], "and 900 more of these");
}
