use crate::door::file;
use spotmill_core::item::InputFile;
use spotmill_core::pins::{Frozen, Listed, Pinning};
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
/// The pinned names, a bar, and the number of notes.
#[track_caller]
fn check(open: &[u32], now: Vec<InputFile>, table: Vec<InputFile>, expected: Result<&str, &str>) {
    let whole = BTreeMap::from([("t".to_owned(), vec![file("x")])]);
    let open: RoaringBitmap = open.iter().copied().collect();
    let items = [item(0, &["a"]), item(1, &["b", "c"])];
    let frozen = Frozen { step: "s", epoch: 3, items: 2, whole: &whole, open: &open };
    let listed = Listed { input: Some(now), tables: BTreeMap::from([("t".to_owned(), table)]) };
    let mut pinning = Pinning::new(frozen, listed);
    items.iter().for_each(|item| pinning.add(item));
    let said = pinning.finish().map(|pins| {
        let names: Vec<&str> = pins.changed.iter().map(|f| f.uri.as_str()).collect();
        format!("{}|{}", names.join(" "), pins.notes.len())
    });
    match (said, expected) {
        (Ok(said), Ok(expected)) => assert_eq!(said, expected),
        (Err(said), Err(part)) => assert!(said.contains(part), "{said}"),
        (said, expected) => panic!("{said:?} is not {expected:?}"),
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
    check(&[1], vec![file("a"), file("aa"), file("b"), file("c")], table(), Ok("|1"));
    check(&[0, 1], same(), vec![changed("x")], Ok("x|1"));
    check(&[], same(), vec![changed("x")], Ok("|1"));
    check(&[1], same(), vec![changed("x")], Err("side table `t`: x changed since `s` was planned, and 1 of 2 items"));
}

/// Notes are for people, and bounded; what changed is for workers, and whole.
#[test]
fn many_changes_are_told_in_part() {
    let names: Vec<String> = (0..1000).map(|i| format!("f{i:04}")).collect();
    let whole = BTreeMap::new();
    let open: RoaringBitmap = (0..1000).collect();
    let frozen = Frozen { step: "s", epoch: 3, items: 1000, whole: &whole, open: &open };
    let now = names.iter().map(|name| changed(name)).collect();
    let mut pinning = Pinning::new(frozen, Listed { input: Some(now), tables: BTreeMap::new() });
    for (i, name) in (0..).zip(&names) {
        pinning.add(&item(i, &[name]));
    }
    let pins = pinning.finish().unwrap();
    assert_eq!((pins.changed.len(), pins.notes.len()), (1000, 101));
    assert_eq!(pins.notes[100], "and 900 more of these");
}
