//! Which files of what was replaced stay, while a catalog or a query may still name them.

use spotmill_core::bounds::OLD_FILES_SECS;
use spotmill_core::destination::*;
use spotmill_core::ids::Uri;
use spotmill_core::records::RECORD_VERSION;
use std::collections::BTreeMap;

const A: &str = "aaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbb";
const GRACE: u64 = OLD_FILES_SECS * 1000;

fn publication(id: &str, state: State, since_ms: u64) -> Publication {
    Publication {
        id: id.into(),
        pipeline: "p".into(),
        run: "p/2024-03-10".into(),
        step: "main".into(),
        generation: 1,
        latest: Some("2024-03-10".into()),
        mark: "_SUCCESS".into(),
        state,
        files: 1,
        bytes: 4,
        rows: 1,
        columns: Vec::new(),
        missing: Vec::new(),
        folder: Some(folder(1, id)),
        signature: None,
        since_ms,
    }
}

fn file(id: &str) -> String {
    format!("{}/{id}-0000000-00000.parquet", folder(1, id))
}

fn contents(publications: Vec<Publication>) -> Contents {
    Contents { v: RECORD_VERSION, publications, ..Contents::default() }
}

fn decided(contents: &Contents, id: &str, files: &[&str], now_ms: u64) -> (Decision, Contents) {
    let list =
        FileList { v: RECORD_VERSION, id: id.into(), files: vec![ListedFile { path: file(id), rows: 1, bytes: 4 }] };
    let me = Me {
        publication: publication(id, State::Coming, now_ms),
        list: &list,
        replace_all: false,
        published_before: false,
        existing: Existing::Refuse,
    };
    let lying = || Lying { bytes: 4, etag: "e".into() };
    let listed: BTreeMap<String, Lying> = files.iter().map(|f| ((*f).to_owned(), lying())).collect();
    let destination = Uri::from("/out/d");
    let seen = Seen { destination: &destination, contents: Some(contents), listed: &listed, above: None };
    (decide(&me, &seen), contents.standing(&me, now_ms))
}

fn states(contents: &Contents) -> String {
    let state = |p: &Publication| format!("{}:{:?}", &p.id[..1], p.state);
    contents.publications.iter().map(state).collect::<Vec<_>>().join(" ")
}

fn goes(contents: &Contents, id: &str, now_ms: u64) -> bool {
    contents.to_remove(&file(id), &Lying { bytes: 4, etag: "e".into() }, now_ms)
}

#[test]
fn what_stands_stands_until_the_next_does_and_both_change_in_one_record() {
    let old = contents(vec![publication(A, State::Stands, 0)]);
    let (Decision::Put(next), _) = decided(&old, B, &[&file(A), "_SUCCESS"], 5) else { panic!() };
    assert_eq!(states(&next), "a:Stands b:Coming");
    let (_, stands) = decided(&next, B, &[&file(A), &file(B)], 9);
    assert_eq!(states(&stands), "a:Going b:Stands");
    assert!(!goes(&stands, A, 9) && !goes(&stands, A, 8 + GRACE) && goes(&stands, A, 9 + GRACE));
}

#[test]
fn what_a_catalog_may_name_stays_however_long_that_takes() {
    let old = contents(vec![publication(A, State::Stands, 0)]).announced("lake.t", A, 1);
    let (_, stands) = decided(&old, A, &[], 1);
    assert_eq!(states(&stands), "a:Stands");
    let next =
        Contents { publications: vec![publication(A, State::Going, 5), publication(B, State::Stands, 5)], ..old };
    let years = 1_000 * GRACE;
    assert!(!goes(&next, A, years), "the catalog was not moved yet");
    let announcing = next.announcing("lake.t", B, years);
    assert_eq!(announcing.shown[0].ids, [A, B], "it was, or was not");
    assert!(!goes(&announcing, A, 2 * years));
    let after = announcing.announced("lake.t", B, years);
    assert!(!goes(&after, A, years + GRACE - 1), "queries that began before are under way");
    assert!(goes(&after, A, years + GRACE));
    assert_eq!(after.announced("lake.t", B, years + 5), after, "again it changes nothing");
    assert_eq!(states(&after.cleared(years)), "a:Going b:Stands");
    assert_eq!(states(&after.expired(years + GRACE)), "b:Stands");
    assert!(goes(&after.expired(years + GRACE), A, years + GRACE), "a late file of it as well");
}

#[test]
fn the_list_of_a_publications_files_goes_with_them() {
    let list = |id: &str| format!("_spotmill/files-{id}.json");
    let both = contents(vec![publication(A, State::Going, 5), publication(B, State::Stands, 5)]);
    let removes = |contents: &Contents, path: &str, now_ms| {
        contents.to_remove(path, &Lying { bytes: 4, etag: "e".into() }, now_ms)
    };
    assert!(!removes(&both, &list(A), 4 + GRACE) && removes(&both, &list(A), 5 + GRACE));
    assert!(!removes(&both, &list(B), 5 + GRACE), "what stands keeps its own");
    let expired = both.expired(5 + GRACE);
    assert!(removes(&expired, &list(A), 5 + GRACE) && expired.went(&list(A)) && expired.went(&file(A)));
    for theirs in [list("cccccccccccccccc"), list("mine"), format!("x/{}", list(A)), "_spotmill/manifest.json".into()] {
        assert!(!removes(&expired, &theirs, 5 + GRACE) && !expired.went(&theirs), "{theirs}");
    }
    assert!(!expired.went(&file(B)) && !expired.went("mine.parquet"));
}

#[test]
fn a_publication_that_never_stood_goes_when_the_one_before_it_is_published_again() {
    let both = contents(vec![publication(A, State::Stands, 0), publication(B, State::Coming, 3)]);
    let (Decision::Finish(next), _) = decided(&both, A, &[&file(A), "_SUCCESS"], 5) else { panic!() };
    assert_eq!(states(&next), "a:Stands b:Going");
}

/// It would lie half copied beside what is marked, and no table ever named it.
#[test]
fn what_never_stood_does_not_stay_for_readers() {
    let both = contents(vec![publication(A, State::Stands, 0), publication(B, State::Coming, 3)]);
    let (_, next) = decided(&both, A, &[], 7);
    assert_eq!(states(&next), "a:Stands b:Going");
    assert!(goes(&next, B, 7));
    let named = contents(both.publications.clone()).announcing("lake.t", B, 4);
    assert!(!goes(&decided(&named, A, &[], 7).1, B, 7 + GRACE), "it stood once, is put again, and may be named yet");
}

#[test]
fn files_at_the_destination_itself_give_way_at_once() {
    let flat = Publication { folder: None, ..publication(A, State::Stands, 0) };
    let flat_file = format!("{A}-0000000-00000.parquet");
    let (Decision::Put(next), _) = decided(&contents(vec![flat]), B, &[&flat_file, "_SUCCESS"], 5) else { panic!() };
    assert_eq!(states(&next), "a:Going b:Coming");
    assert!(next.to_remove(&flat_file, &Lying { bytes: 4, etag: "e".into() }, 5));
}

#[test]
fn a_standing_one_with_an_older_one_kept_beside_it_needs_nothing_until_that_may_go() {
    let both = contents(vec![publication(A, State::Going, 5), publication(B, State::Stands, 5)]);
    let files = [file(A), file(B), "_SUCCESS".to_owned()];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(decided(&both, B, &files, 6).0, Decision::Stands);
    assert!(matches!(decided(&both, B, &files, 5 + GRACE).0, Decision::Finish(_)));
}

#[test]
fn a_file_tells_whose_folder_it_lies_in() {
    let path = format!("s3://b/t/date=1/{}", file(A));
    assert_eq!(foldered(&path), Some(("s3://b/t/date=1", A)));
    assert_eq!(foldered(&format!("/t/g1-{A}/bucket=00001/{A}-0000000-00000.parquet")), Some(("/t", A)));
    assert_eq!(foldered(&format!("/t/g1-{B}/{A}-0000000-00000.parquet")), None);
    assert_eq!(foldered(&format!("/t/{A}-0000000-00000.parquet")), None);
    assert_eq!(foldered("/t/x.parquet"), None);
}

#[test]
fn a_manifest_of_before_folders_is_read_as_it_was_meant() {
    let text = r#"{"v":1,"publications":[{"id":"aaaaaaaaaaaaaaaa","pipeline":"p","run":"p/1","step":"main","generation":1,
        "mark":"_SUCCESS","state":"going","files":1,"bytes":4,"rows":1,"columns":[],"since_ms":5}]}"#;
    let read: Contents = serde_json::from_str(text).unwrap();
    assert_eq!((&read.publications[0].folder, read.shown.len()), (&None, 0));
    assert!(!read.kept(&read.publications[0], 6), "it goes at once");
    let written = serde_json::to_string(&read).unwrap();
    assert!(!written.contains("folder") && !written.contains("shown"), "{written}");
}

#[test]
fn a_table_that_is_told_no_longer_keeps_what_it_names() {
    let old = contents(vec![publication(A, State::Stands, 0)]).announced("lake.old", A, 1);
    let renamed = old.announced("lake.new", A, 2);
    let next =
        Contents { publications: vec![publication(A, State::Going, 5), publication(B, State::Stands, 5)], ..renamed };
    let after = next.announcing("lake.new", B, 6).announced("lake.new", B, 7);
    let names: Vec<(&str, &[String])> = after.shown.iter().map(|s| (s.table.as_str(), s.ids.as_slice())).collect();
    assert_eq!(names, [("lake.old", &[A.to_owned()][..]), ("lake.new", &[B.to_owned()][..])]);
    assert!(!goes(&after, A, 1_000 * GRACE), "the old table still names it");
}

/// Two dates of a step whose every run replaces those before it.
mod dates_of_one_destination {
    use super::*;

    fn of(date: &str, id: &str, state: State) -> Publication {
        let mark = format!("_SUCCESS.{id}");
        Publication {
            run: format!("p/{date}").as_str().into(),
            latest: Some(date.into()),
            mark,
            ..publication(id, state, 0)
        }
    }

    fn earlier(state: State) -> Publication {
        of("2024-03-10", A, state)
    }

    fn later(state: State) -> Publication {
        of("2024-03-11", B, state)
    }

    fn decided(contents: &Contents, mine: Publication, files: &[&str]) -> (Decision, Contents) {
        let files_of = vec![ListedFile { path: file(&mine.id), rows: 1, bytes: 4 }];
        let list = FileList { v: RECORD_VERSION, id: mine.id.clone(), files: files_of };
        let me = Me {
            publication: mine,
            list: &list,
            replace_all: true,
            published_before: true,
            existing: Existing::Refuse,
        };
        let lying = || Lying { bytes: 4, etag: "e".into() };
        let listed: BTreeMap<String, Lying> = files.iter().map(|f| ((*f).to_owned(), lying())).collect();
        let destination = Uri::from("/out/d");
        let seen = Seen { destination: &destination, contents: Some(contents), listed: &listed, above: None };
        (decide(&me, &seen), contents.standing(&me, 9))
    }

    #[test]
    fn an_earlier_one_that_is_kept_for_its_readers_does_not_come_back() {
        let both = contents(vec![earlier(State::Going), later(State::Stands)]);
        let files = [file(A), file(B), format!("_SUCCESS.{B}")];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (Decision::Superseded(why), _) = decided(&both, earlier(State::Coming), &files) else { panic!() };
        assert!(why.contains("p/2024-03-11"), "{why}");
    }

    #[test]
    fn of_two_at_once_the_later_stands_whichever_is_done_first() {
        let coming = contents(vec![earlier(State::Coming), later(State::Coming)]);
        let (_, first) = decided(&coming, earlier(State::Coming), &[&file(A), &file(B)]);
        assert_eq!(states(&first), "a:Stands b:Coming", "the later one goes on");
        let (_, both) = decided(&first, later(State::Coming), &[&file(A), &file(B)]);
        assert_eq!(states(&both), "a:Going b:Stands");
        let (_, other) = decided(&coming, later(State::Coming), &[&file(A), &file(B)]);
        assert_eq!(states(&other), "a:Going b:Stands");
    }
}
