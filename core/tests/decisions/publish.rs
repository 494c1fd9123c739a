use spotmill_core::publish::{Part, cursor_after, latest, part, run_hash, success_mark};
use spotmill_core::types::Value;

#[track_caller]
fn check_mark(template: &str, key: &[&str], expected: &str) {
    let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
    assert_eq!(success_mark(template, &key, "abc"), expected, "{template}");
}

#[test]
fn the_mark_is_the_standard_one_only_where_it_is_of_one_run() {
    check_mark("{out}/date={date}", &["date"], "_SUCCESS");
    check_mark("{out}/{date:%Y/%m/%d}", &["date"], "_SUCCESS");
    check_mark("{out}/{date:%Y/%m}", &["date"], "_SUCCESS.abc");
    check_mark("{out}/daily", &["date"], "_SUCCESS.abc");
    check_mark("{out}/{date}", &["date", "region"], "_SUCCESS.abc");
    check_mark("{out}/{region}/{date}", &["date", "region"], "_SUCCESS");
}

#[test]
fn a_mark_is_of_one_run_and_step() {
    let hash = run_hash(&"p/2013-01-01".into(), &"b".into());
    assert_eq!(hash.len(), 12);
    assert_ne!(hash, run_hash(&"p/2013-01-01".into(), &"c".into()));
    assert_ne!(hash, run_hash(&"p/2013-01-02".into(), &"b".into()));
}

#[test]
fn the_latest_is_the_one_of_the_highest_dates() {
    let params = [
        ("date".to_owned(), Value::Date("2024-03-10".into())),
        ("at".to_owned(), Value::Timestamp("2024-03-10T12:00:00".into())),
        ("region".to_owned(), Value::String("eu".into())),
    ];
    let of = |key: &[&str]| {
        let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
        latest(&key, &params.clone().into())
    };
    assert_eq!(of(&["date"]).as_deref(), Some("2024-03-10"));
    assert_eq!(of(&["region", "date"]).as_deref(), Some("2024-03-10"));
    assert_eq!(of(&["date", "at"]).as_deref(), Some("2024-03-10 2024-03-10T12:00:00"));
    assert_eq!(of(&["region"]), None, "no region is later than another");
}

#[test]
fn the_cursor_counts_copies_and_then_says_that_they_are_made() {
    let walk = |copies: usize| {
        let (mut cursor, mut parts) = (0, Vec::new());
        loop {
            let part = part(cursor, copies, 2);
            parts.push(part);
            cursor = match part {
                // The first call copies a page, too.
                Part::Begin => cursor_after(copies.min(2), copies),
                Part::Copy { to, .. } => cursor_after(to, copies),
                Part::Finish => return parts,
            };
        }
    };
    let copy = |from, to| Part::Copy { from, to };
    assert_eq!(walk(5), [Part::Begin, copy(2, 4), copy(4, 5), Part::Finish]);
    assert_eq!(walk(2), [Part::Begin, Part::Finish]);
    assert_eq!(walk(0), [Part::Begin, Part::Finish]);
}
