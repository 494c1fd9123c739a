//! What a publisher may do with what it finds at a destination.

use spotmill_core::destination::*;
use spotmill_core::ids::Uri;
use spotmill_core::records::{RECORD_VERSION, SealedFile};
use spotmill_core::types::{Column, ColumnType};
use std::collections::BTreeMap;

const MINE: &str = "aaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbb";

fn publication(id: &str, pipeline: &str, run: &str, step: &str, state: State) -> Publication {
    Publication {
        id: id.into(),
        pipeline: pipeline.into(),
        run: run.into(),
        step: step.into(),
        generation: 1,
        latest: run.split_once('/').map(|(_, date)| date.to_owned()),
        mark: "_SUCCESS".into(),
        state,
        files: 1,
        bytes: 4,
        rows: 1,
        columns: Vec::new(),
        missing: Vec::new(),
        folder: None,
        signature: None,
        since_ms: 0,
    }
}

fn file(id: &str) -> String {
    format!("{id}-0000000-00000.parquet")
}

fn lying(bytes: u64) -> Lying {
    Lying { bytes, etag: format!("e{bytes}") }
}

struct Case {
    contents: Option<Contents>,
    listed: Vec<(String, u64)>,
    above: Option<Contents>,
    replace_all: bool,
    published_before: bool,
    existing: Existing,
    mark: &'static str,
}

impl Default for Case {
    fn default() -> Self {
        Case {
            contents: None,
            listed: Vec::new(),
            above: None,
            replace_all: false,
            published_before: false,
            existing: Existing::Refuse,
            mark: "_SUCCESS",
        }
    }
}

impl Case {
    /// `publications` stand there, each with its file and its mark.
    fn with(publications: Vec<Publication>) -> Case {
        let mut listed: Vec<_> = publications.iter().map(|p| (file(&p.id), 4)).collect();
        listed.extend(publications.iter().map(|p| (p.mark.clone(), 17)));
        listed.push(("_spotmill/manifest.json".into(), 9));
        let contents = Contents { v: RECORD_VERSION, publications, ..Contents::default() };
        Case { contents: Some(contents), listed, ..Case::default() }
    }

    fn decide(&self) -> Decision {
        let list = FileList {
            v: RECORD_VERSION,
            id: MINE.into(),
            files: vec![ListedFile { path: file(MINE), rows: 1, bytes: 4 }],
        };
        let mut mine = publication(MINE, "p", "p/2024-03-10", "main", State::Coming);
        mine.mark = self.mark.into();
        let me = Me {
            publication: mine,
            list: &list,
            replace_all: self.replace_all,
            published_before: self.published_before,
            existing: self.existing,
        };
        let (destination, above) = (Uri::from("/out/d"), Uri::from("/out"));
        let listed: BTreeMap<String, Lying> = self.listed.iter().map(|(n, b)| (n.clone(), lying(*b))).collect();
        let above = self.above.as_ref().map(|c| (&above, c));
        decide(&me, &Seen { destination: &destination, contents: self.contents.as_ref(), listed: &listed, above })
    }

    /// The next manifest as a line: id and state of each.
    #[track_caller]
    fn puts(&self, expected: &str) -> Contents {
        let Decision::Put(next) = self.decide() else { panic!("{:?}", self.decide()) };
        let states: Vec<String> = next.publications.iter().map(|p| format!("{}:{:?}", &p.id[..1], p.state)).collect();
        assert_eq!(states.join(" "), expected);
        next
    }

    #[track_caller]
    fn offers_not(&self, way: &str) {
        let Decision::Refuse(why) = self.decide() else { panic!("{:?}", self.decide()) };
        assert!(!why.contains(way), "`{way}` would be refused next: {why}");
    }

    #[track_caller]
    fn refuses(&self, parts: &[&str]) {
        let Decision::Refuse(why) = self.decide() else { panic!("{:?}", self.decide()) };
        for part in parts {
            assert!(why.contains(part), "`{part}` is not in: {why}");
        }
    }
}

#[test]
fn an_empty_place_and_ones_own_are_published_to() {
    Case::default().puts("a:Coming");
    // The same run's previous publication goes, whatever its generation: also where the state was lost.
    Case::with(vec![publication(OTHER, "p", "p/2024-03-10", "main", State::Stands)]).puts("b:Going a:Coming");
    // A publisher that was killed is taken over from.
    Case::with(vec![publication(OTHER, "p", "p/2024-03-10", "main", State::Coming)]).puts("b:Going a:Coming");
}

#[test]
fn what_is_complete_stays_and_what_is_not_is_published_again() {
    let mut case = Case::with(vec![publication(MINE, "p", "p/2024-03-10", "main", State::Stands)]);
    assert_eq!(case.decide(), Decision::Stands);
    case.listed.retain(|(name, _)| name != "_SUCCESS");
    assert!(matches!(case.decide(), Decision::Finish(_)), "the mark is missing");
    case.listed.push(("_SUCCESS".into(), 17));
    case.listed[0].1 = 3;
    case.puts("a:Coming");
}

#[test]
fn another_steps_or_pipelines_files_are_never_touched_unasked() {
    for (pipeline, run, step) in [("q", "q/2024-03-10", "main"), ("p", "p/2024-03-10", "renamed")] {
        let mut case = Case::with(vec![publication(OTHER, pipeline, run, step, State::Stands)]);
        case.refuses(&["/out/d holds", &format!("step `{step}` of pipeline `{pipeline}`"), "--adopt"]);
        case.offers_not("--leave");
        case.existing = Existing::Adopt;
        case.puts("b:Going a:Coming");
        case.existing = Existing::Leave;
        case.refuses(&["both would share `_SUCCESS`"]);
        case.mark = "_SUCCESS.mine";
        let beside = case.puts("b:Stands a:Coming");
        // From then on each knows of the other.
        case.contents = Some(beside);
        case.existing = Existing::Refuse;
        case.puts("b:Stands a:Coming");
    }
}

#[test]
fn files_that_no_manifest_explains_are_named() {
    let strange = ["old.parquet", "k=1/part-0.csv", "_SUCCESS"];
    for name in strange {
        let mut case = Case { listed: vec![(name.into(), 7)], ..Case::default() };
        case.refuses(&["1 file that no manifest there explains", name, "--adopt"]);
        match name {
            "_SUCCESS" => case.offers_not("--leave"),
            _ => case.refuses(&["--leave"]),
        }
        case.existing = Existing::Adopt;
        let next = case.puts("a:Coming");
        assert!(next.to_remove(name, &lying(7), 0) && !next.to_remove(&file(MINE), &lying(4), 0));
        assert!(!next.to_remove(name, &lying(8), 0), "it is another file since");
    }
    let mut case = Case { listed: vec![("old.parquet".into(), 7)], ..Case::default() };
    case.existing = Existing::Leave;
    let next = case.puts("a:Coming");
    assert!(!next.to_remove("old.parquet", &lying(7), 0));
    case.contents = Some(next);
    case.existing = Existing::Refuse;
    case.puts("a:Coming");
    case.listed.push(("newer.parquet".into(), 7));
    case.refuses(&["newer.parquet"]);
    // A mark that this step would write cannot be left to somebody else.
    let case = Case { listed: vec![("_SUCCESS".into(), 0)], existing: Existing::Leave, ..Case::default() };
    case.refuses(&["`_SUCCESS`"]);
}

#[test]
fn a_late_file_of_a_publication_that_went_is_removed() {
    let mut case = Case::with(vec![publication(MINE, "p", "p/2024-03-10", "main", State::Stands)]);
    let contents = case.contents.as_mut().expect("there");
    contents.retired.push(OTHER.into());
    case.listed.push((format!("k=1/{}", file(OTHER)), 4));
    let Decision::Finish(next) = case.decide() else { panic!("{:?}", case.decide()) };
    assert!(next.to_remove(&format!("k=1/{}", file(OTHER)), &lying(4), 0));
    assert!(!next.to_remove(&file("cccccccccccccccc"), &lying(4), 0), "nobody knows that one");
}

#[test]
fn of_runs_that_replace_each_other_the_latest_date_stays() {
    let of = |date: &str| {
        let mut p = publication(OTHER, "p", &format!("p/{date}"), "main", State::Stands);
        p.mark = "_SUCCESS.other".into();
        Case { replace_all: true, mark: "_SUCCESS.mine", ..Case::with(vec![p]) }
    };
    of("2024-03-09").puts("b:Going a:Coming");
    let mut case = of("2024-03-11");
    let Decision::Superseded(why) = case.decide() else { panic!("{:?}", case.decide()) };
    assert!(why.contains("p/2024-03-11") && why.contains("is later") && why.contains("--adopt"), "{why}");
    case.existing = Existing::Adopt;
    case.puts("b:Going a:Coming");
    // Without dates the last to publish stays: one that was replaced is not put back by a start of a finished run.
    let mut case = of("2024-03-09");
    case.published_before = true;
    assert!(matches!(case.decide(), Decision::Superseded(_)));
}

#[test]
fn destinations_do_not_lie_in_each_other() {
    let inner = [("x/_spotmill/manifest.json", 9), (&*format!("x/{}", file(OTHER)), 4), ("x/_SUCCESS", 17)];
    let listed: Vec<(String, u64)> = inner.iter().map(|(n, b)| ((*n).to_owned(), *b)).collect();
    let mut case = Case { listed, ..Case::default() };
    case.refuses(&["another destination in it, /out/d/x"]);
    case.existing = Existing::Leave;
    let next = case.puts("a:Coming");
    case.contents = Some(next);
    case.existing = Existing::Refuse;
    case.puts("a:Coming");

    let stands = publication(OTHER, "q", "q/2024-03-10", "main", State::Stands);
    let above = Contents { v: RECORD_VERSION, publications: vec![stands], ..Contents::default() };
    let mut case = Case { above: Some(above), ..Case::default() };
    case.refuses(&["/out/d lies in /out", "pipeline `q`", "--leave"]);
    case.offers_not("--adopt");
    case.existing = Existing::Adopt;
    case.refuses(&["cannot be taken over"]);
    case.existing = Existing::Leave;
    case.puts("a:Coming");
}

#[test]
fn names_carry_the_publication_item_and_part_and_are_recognised() {
    let sealed = |partition: &str, uri: &str| SealedFile {
        item: 7,
        partition: partition.into(),
        part: 2,
        uri: uri.into(),
        rows: 1,
        bytes: 1,
        content: None,
        bundled: None,
    };
    let id = id(&"p/2013-01-01".into(), &"b".into(), 3, "digest", false);
    let named = paths(&id, None, &[sealed("k=x", "s3://b/k=x/00002.parquet"), sealed("", "s3://b/00002.csv.gz")]);
    assert_eq!(named[0].path, format!("k=x/{id}-0000007-00002.parquet"));
    assert_eq!(named[1].path, format!("{id}-0000007-00002.csv.gz"));
    assert!(named.iter().all(|f| id_of(&f.path) == Some(id.as_str())));
    for foreign in ["x.parquet", "part-00000.parquet", "6280745fa05a-g1-0000000-00000.parquet", "a-b-c.csv"] {
        assert_eq!(id_of(foreign), None, "{foreign}");
    }
    let other =
        |run: &str, step: &str, g, digest| spotmill_core::destination::id(&run.into(), &step.into(), g, digest, false);
    let all = [
        other("p/2013-01-02", "b", 3, "digest"),
        other("p/2013-01-01", "c", 3, "digest"),
        other("p/2013-01-01", "b", 4, "digest"),
        other("p/2013-01-01", "b", 3, "other"),
    ];
    assert!(!all.contains(&id), "other bytes have the same name");
    let apart = spotmill_core::destination::id(&"p/2013-01-01".into(), &"b".into(), 3, "digest", true);
    assert_ne!(apart, id, "in a folder of its own it is another publication");
    let named = paths(&apart, Some(&folder(3, &apart)), &[sealed("", "s3://b/00002.parquet")]);
    assert_eq!(named[0].path, format!("g3-{apart}/{apart}-0000007-00002.parquet"));
}

#[test]
fn a_tables_columns_lie_where_all_its_runs_publish_below() {
    let keys = ["date".to_owned()];
    for (template, folder, rest) in [
        ("out/d={date}", "out/", "d={date}"),
        ("{out}/b/date={date}/", "{out}/b/", "date={date}"),
        ("out/latest", "out/latest", ""),
        ("{date}", "", "{date}"),
        ("lake/{region}/{date:%Y}/x", "lake/{region}/", "{date:%Y}/x"),
    ] {
        assert_eq!(table_prefix(template, &keys), (folder, rest), "{template}");
    }
}

#[test]
fn a_change_of_columns_shows_both() {
    let column = |name: &str, ty| Column { name: name.into(), ty, parse: None };
    let old = vec![column("a", ColumnType::Int64), column("b", ColumnType::String)];
    let contract = Contract {
        v: RECORD_VERSION,
        template: "x".into(),
        run: "p/2024-03-10".into(),
        format: spotmill_core::model::Format::Parquet,
        columns: old.clone(),
        folders: Some(vec!["b".into()]),
        delimiter: None,
    };
    let check = |columns: &[Column], expected: Option<&str>| {
        let found = changes(&contract, &Contract { columns: columns.to_vec(), ..contract.clone() });
        match expected {
            None => assert_eq!(found, None),
            Some(part) => assert!(found.as_ref().is_some_and(|f| f.what.contains(part) && f.in_columns), "{found:?}"),
        }
    };
    check(&old, None);
    check(&[], None);
    check(&[old[1].clone(), old[0].clone()], Some("their order changed"));
    check(&old[..1], Some("`b` string is gone"));
    check(&[column("a", ColumnType::Int32), old[1].clone()], Some("`a` was int64 and is int32"));
    let more = [old[0].clone(), old[1].clone(), column("c", ColumnType::Date)];
    check(&more, Some("`c` date is new; published by p/2024-03-10: a int64, b string; now: a int64, b string, c date"));
    let csv = Contract { format: spotmill_core::model::Format::Csv, ..contract.clone() };
    let found = changes(&contract, &csv).expect("another format");
    assert!(found.what.contains("published by p/2024-03-10 are parquet, and now csv"), "{found:?}");
    assert!(!found.in_columns, "no declaration of columns helps");
    let flat = Contract { folders: Some(Vec::new()), ..contract.clone() };
    let found = changes(&contract, &flat).expect("other folders");
    assert!(found.what.contains("lie in folders `b=…`, and now in no folders"), "{found:?}");
    assert!(!found.in_columns, "no declaration of columns helps");
    let unknown = Contract { folders: None, ..contract.clone() };
    assert_eq!(changes(&unknown, &flat), None, "an older program did not write them down");
    assert!(!unknown.states_all_of(&flat) && flat.states_all_of(&unknown), "and a newer one does");

    let (commas, tabs) =
        (Contract { delimiter: Some(','), ..csv.clone() }, Contract { delimiter: Some('\t'), ..csv.clone() });
    let found = changes(&commas, &tabs).expect("another delimiter");
    assert!(found.what.contains("published by p/2024-03-10 have commas between fields, and now tabs"), "{found:?}");
    assert!(!found.in_columns, "no declaration of columns helps");
    assert_eq!(changes(&csv, &tabs), None, "an older program did not write it down");
    assert!(!csv.states_all_of(&tabs) && tabs.states_all_of(&csv) && tabs.states_all_of(&commas));
    let older = serde_json::to_value(&unknown).expect("JSON");
    assert!(older.get("folders").is_none() && older.get("delimiter").is_none(), "{older}");
    assert_eq!(serde_json::from_value::<Contract>(older).expect("a contract of an older program"), unknown);
}
