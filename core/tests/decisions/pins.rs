use crate::door::file;
use spotmill_core::item::InputFile;
use spotmill_core::pins::{Frozen, Listed, decide};
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
    let frozen = Frozen { step: "s", epoch: 3, items: &items, whole: &whole, open: &open };
    let listed = Listed { input: Some(now), tables: BTreeMap::from([("t".to_owned(), table)]) };
    let said = decide(&frozen, &listed).map(|pins| {
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
