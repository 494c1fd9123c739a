use spotmill_core::publish::{Part, keys, part, run_hash, stale, success_mark};
use spotmill_core::records::{Intent, RECORD_VERSION, SealedFile};

#[track_caller]
fn check_mark(template: &str, key: &[&str], expected: &str) {
    let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
    assert_eq!(success_mark(template, &key, "abc"), expected, "{template}");
}

#[test]
fn the_mark_is_the_known_one_only_where_it_speaks_of_one_run() {
    check_mark("{out}/date={date}", &["date"], "_SUCCESS");
    check_mark("{out}/{date:%Y/%m/%d}", &["date"], "_SUCCESS");
    check_mark("{out}/{date:%Y/%m}", &["date"], "_SUCCESS.abc");
    check_mark("{out}/daily", &["date"], "_SUCCESS.abc");
    check_mark("{out}/{date}", &["date", "region"], "_SUCCESS.abc");
    check_mark("{out}/{region}/{date}", &["date", "region"], "_SUCCESS");
}

#[test]
fn names_carry_run_step_generation_item_and_part() {
    let hash = run_hash(&"p/2013-01-01".into(), &"b".into());
    assert_eq!(hash.len(), 12);
    assert_ne!(hash, run_hash(&"p/2013-01-01".into(), &"c".into()));
    assert_ne!(hash, run_hash(&"p/2013-01-02".into(), &"b".into()));
    let file = |partition: &str, uri: &str| SealedFile {
        item: 7,
        partition: partition.into(),
        part: 2,
        uri: uri.into(),
        rows: 1,
        bytes: 1,
    };
    let files = [file("k=x", "s3://b/scratch/k=x/00002.parquet"), file("", "s3://b/scratch/00002.csv.gz")];
    let named = keys(&"s3://lake/t".into(), &hash, 3, &files);
    assert_eq!(named[0].as_str(), format!("s3://lake/t/k=x/{hash}-g3-0000007-00002.parquet"));
    assert_eq!(named[1].as_str(), format!("s3://lake/t/{hash}-g3-0000007-00002.csv.gz"));
}

#[test]
fn only_what_our_earlier_intents_put_there_is_deleted() {
    let intent = |destination: &str, keys: &[&str]| Intent {
        v: RECORD_VERSION,
        destination: destination.into(),
        generation: 1,
        keys: keys.iter().map(|k| (*k).into()).collect(),
    };
    let earlier = [intent("d", &["d/1", "d/2"]), intent("elsewhere", &["elsewhere/1"]), intent("d", &["d/2", "d/3"])];
    let old: Vec<String> = stale(&"d".into(), &["d/2".into()], &earlier).iter().map(ToString::to_string).collect();
    assert_eq!(old, ["d/1", "d/3"]);
}

#[test]
fn the_cursor_counts_copies_then_deletions() {
    let walk = |copies: usize, deletions: usize| {
        let (mut cursor, mut parts) = (0, Vec::new());
        loop {
            let part = part(cursor, copies, deletions, 2);
            parts.push(part);
            cursor = match part {
                Part::Copy { to, .. } => to as u64,
                Part::Delete { to, .. } => (copies + to) as u64,
                Part::Mark => return parts,
            };
        }
    };
    let (copy, delete) = (|from, to| Part::Copy { from, to }, |from, to| Part::Delete { from, to });
    assert_eq!(walk(3, 3), [copy(0, 2), copy(2, 3), delete(0, 2), delete(2, 3), Part::Mark]);
    assert_eq!(walk(2, 0), [copy(0, 2), Part::Mark]);
    assert_eq!(walk(0, 1), [delete(0, 1), Part::Mark]);
    assert_eq!(walk(0, 0), [Part::Mark]);
}
