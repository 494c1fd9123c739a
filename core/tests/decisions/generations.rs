use crate::door::step;
use spotmill_core::generations::{Asked, StepShape, decide};
use spotmill_core::model::Step;
use spotmill_core::reason::{Because, Code, Reason};
use spotmill_core::signature::{Shape, Signature, Upstream, of};
use std::collections::BTreeMap;

/// a → b → c, and d beside them. `changed` are steps whose own program differs.
fn sign(name: &str, upstream: &BTreeMap<String, Upstream>, changed: &[&str]) -> Signature {
    let mut parts: BTreeMap<String, String> =
        upstream.iter().map(|(n, u)| (format!("step {n}"), format!("{u:?}"))).collect();
    parts.insert("sql".into(), changed.contains(&name).to_string());
    Signature { digest: format!("{parts:?}"), parts }
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Case), expected: &str) -> BTreeMap<String, String> {
    let mut case = Case::default();
    edit(&mut case);
    let steps = [("a", vec![]), ("b", vec!["a"]), ("c", vec!["b"]), ("d", vec![])];
    let steps: Vec<_> = steps.into_iter().map(|(name, upstream)| StepShape { name, upstream }).collect();
    let root = "me".into();
    let reset_by = case.reset_by.map(Into::into);
    let plain = Asked {
        fresh: false,
        from_step: None,
        root: &root,
        reset_by: None,
        accept: &BTreeMap::new(),
        renew: &BTreeMap::new(),
    };
    let existing = decide(&BTreeMap::new(), &steps, &plain, |n, u| sign(n, u, &[]));
    let asked = Asked {
        fresh: case.fresh,
        from_step: case.from_step,
        root: &root,
        reset_by: reset_by.as_ref(),
        accept: &case.accept,
        renew: &case.renew,
    };
    let new = decide(&existing, &steps, &asked, |n, u| sign(n, u, &case.changed));
    let numbers: Vec<String> = new.values().map(|g| g.generation.to_string()).collect();
    assert_eq!(numbers.join(" "), expected);
    new.into_iter().map(|(name, g)| (name, g.because)).collect()
}

#[derive(Default)]
struct Case {
    fresh: bool,
    from_step: Option<&'static str>,
    reset_by: Option<&'static str>,
    changed: Vec<&'static str>,
    accept: BTreeMap<String, Vec<u32>>,
    renew: BTreeMap<String, Because>,
}

#[test]
fn what_begins_anew_and_what_follows() {
    check(|_| {}, "1 1 1 1");
    let because = check(|c| c.changed = vec!["b"], "1 2 2 1");
    assert_eq!((because["b"].as_str(), because["c"].as_str()), ("its SQL changed", "the result of `b` changed"));
    check(|c| c.fresh = true, "2 2 2 2");
    let because = check(|c| c.from_step = Some("b"), "1 2 2 1");
    assert_eq!(because["b"], "--from-step named `b`");
    check(|c| (c.from_step, c.reset_by) = (Some("b"), Some("me")), "1 1 1 1");
    check(|c| (c.fresh, c.reset_by) = (true, Some("another")), "2 2 2 2");
    let gone = Because::one("its files are gone", Reason::of(Code::FilesLost));
    check(|c| c.renew = [("c".to_owned(), gone)].into(), "1 1 2 1");
    // Without some items of `a`, what reads it is something else; `a` itself is not.
    check(|c| c.accept = [("a".to_owned(), vec![7])].into(), "1 2 2 1");
}

#[test]
fn what_a_signature_depends_on() {
    let sign = |step: &Step, version: &str| {
        of(&Shape { step, params: &BTreeMap::new(), upstream: &BTreeMap::new(), worker_version: version })
    };
    let base = step("", "");
    let mut other = base.clone();
    other.resources.memory_bytes *= 2;
    other.resources.timeout_secs += 1;
    other.deadline_secs = Some(600);
    other.input.item_bytes = Some(256_000_000);
    other.output.destination = Some("/elsewhere/{date}".into());
    other.expect.min_rows = Some(5);
    other.expect.warn_only = true;
    assert_eq!(sign(&base, "1"), sign(&other, "1"), "these apply on resume");
    type Edit = fn(&mut Step);
    let cases: [(&str, Edit); 6] = [
        ("packing", |s| s.input.item_bytes = Some(1)),
        ("input", |s| s.input.read.header = !s.input.read.header),
        ("output", |s| s.output.file_rows = Some(9)),
        ("expect", |s| s.expect.check.push("k > 0".into())),
        ("packing", |s| {
            s.input.values = Some(spotmill_core::model::Values { column: "k".into(), range: Some((0, 1)), list: None })
        }),
        ("tables", |s| {
            let table = spotmill_core::model::Table { source: s.input.source.clone(), read: s.input.read.clone() };
            s.tables.insert("t".into(), table);
        }),
    ];
    for (part, edit) in cases {
        let mut other = base.clone();
        edit(&mut other);
        let (old, new) = (sign(&base, "1"), sign(&other, "1"));
        assert_ne!(old.digest, new.digest, "{part}");
        assert_eq!(spotmill_core::signature::changed(&old.parts, &new.parts), [part]);
    }
    assert_ne!(sign(&base, "1").digest, sign(&base, "2").digest);
}

/// The codes are what programs compare: each change has its own, and says no more than is known.
#[test]
fn a_decision_gives_its_reasons_by_codes() {
    let steps = [StepShape { name: "a", upstream: vec![] }];
    let root = "me".into();
    let (accept, renew) = (BTreeMap::new(), BTreeMap::new());
    let asked = Asked { fresh: false, from_step: None, root: &root, reset_by: None, accept: &accept, renew: &renew };
    let signed = |part: &str, value: &str| {
        let parts = BTreeMap::from([(part.to_owned(), value.to_owned())]);
        Signature { digest: format!("{parts:?}"), parts }
    };
    let first = decide(&BTreeMap::new(), &steps, &asked, |_, _| signed("sql", "old"));
    assert_eq!(first["a"].reasons, [Reason::of(Code::FirstRun)]);
    for (part, code) in [
        ("sql", Code::SqlChanged),
        ("transform", Code::TransformChanged),
        ("params", Code::ParamsChanged),
        ("input", Code::ReadingChanged),
        ("tables", Code::ReadingChanged),
        ("packing", Code::PackingChanged),
        ("output", Code::LayoutChanged),
        ("expect", Code::ExpectChanged),
        ("worker version", Code::WorkerChanged),
        ("format", Code::FormatBumped),
    ] {
        let before = decide(&BTreeMap::new(), &steps, &asked, |_, _| signed(part, "old"));
        let after = decide(&before, &steps, &asked, |_, _| signed(part, "new"));
        assert_eq!((after["a"].generation, after["a"].reasons.as_slice()), (2, &[Reason::of(code)][..]), "{part}");
        let same = decide(&before, &steps, &asked, |_, _| signed(part, "old"));
        assert_eq!(same["a"].reasons, [Reason::of(Code::FirstRun)], "a generation that goes on keeps its reason");
    }
    let fresh = decide(&first, &steps, &Asked { fresh: true, ..asked }, |_, _| signed("sql", "new"));
    assert_eq!(fresh["a"].reasons, [Reason::with(Code::Asked, ["--fresh".to_owned()])]);
}

#[test]
fn codes_are_stable_and_those_of_later_programs_are_read() {
    assert_eq!(Code::SqlChanged.name(), "sql-changed");
    assert_eq!(serde_json::from_str::<Code>("\"a-later-one\"").expect("read"), Code::Unknown);
    let many = Reason::with(Code::InputChanged, (0..7).map(|i| i.to_string()));
    assert_eq!(many.to_string(), "input-changed (0; 1; 2; 3; 4; and 2 more)");
}

/// Every item under one code, whatever overlaps.
#[test]
fn every_item_is_decided_once() {
    use spotmill_core::plan::decided::Decided;
    use spotmill_core::reason::of_open;
    use spotmill_core::tally::RoaringBitmap;
    let plan = serde_json::json!({
        "v": 1, "run": "p/d", "step": "s", "generation": 2, "items": 6, "work_digest": "", "offsets": [],
        "input_columns": [], "input_bytes": 0, "worker_version": "", "planned_ms": 0
    });
    let plan = serde_json::from_value(plan).expect("a plan");
    let open: RoaringBitmap = [1, 2, 3].into_iter().collect();
    let mut decided = Decided::new(&plan, &open, &[4, 9], of_open(false, &[Reason::of(Code::SqlChanged)]));
    decided.carried([2].into_iter().collect(), 7);
    let record = decided.record(5, 9);
    let of = |code: Code| record.by_code.get(&code).map(|items| items.0.iter().collect::<Vec<_>>()).unwrap_or_default();
    assert_eq!((of(Code::SqlChanged), of(Code::CarriedOver)), (vec![1, 3], vec![2]));
    assert_eq!((of(Code::Accepted), of(Code::Committed)), (vec![4], vec![0, 5]));
    assert_eq!((record.items, record.carried_from, record.epoch), (6, Some(7), 5));
    assert_eq!(of_open(true, &[Reason::of(Code::SqlChanged)]), Code::NoReceipt);
    assert_eq!(of_open(false, &[]), Code::NoReceipt);
    let text = serde_json::to_string(&record).expect("JSON");
    assert_eq!(serde_json::from_str::<spotmill_core::records::Decisions>(&text).expect("read back"), record);
}

/// Of a program that kept no reasons.
#[test]
fn a_generation_without_reasons_is_read_as_before() {
    let text = r#"{"generation": 2, "signature": "x", "parts": {"sql": "a"}, "because": "its SQL changed"}"#;
    let old: spotmill_core::records::StepGeneration = serde_json::from_str(text).expect("read");
    assert_eq!((old.reasons.as_slice(), old.because.as_str()), (&[][..], "its SQL changed"));
    let written = serde_json::to_string(&old).expect("JSON");
    assert!(!written.contains("reasons"), "{written}");
}
