use crate::door::step;
use spotmill_core::generations::{Asked, StepShape, decide};
use spotmill_core::model::Step;
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
    renew: BTreeMap<String, String>,
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
    check(|c| c.renew = [("c".to_owned(), "its files are gone".to_owned())].into(), "1 1 2 1");
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
