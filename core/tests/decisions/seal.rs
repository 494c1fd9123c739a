use crate::door::step;
use spotmill_core::item::{InputFile, OutputFile, RowCounts, Usage, Violation};
use spotmill_core::model::{MaxBadRows, RowsRule, Step};
use spotmill_core::records::{Plan, RECORD_VERSION, Receipt, Seal, SealedFile};
use spotmill_core::seal::{PlannedItem, SealError, Sealing};
use spotmill_core::types::Column;
use std::collections::BTreeMap;

fn receipt(item: u32) -> Receipt {
    let file = |partition: &str, rows| OutputFile {
        partition: partition.into(),
        part: 0,
        path: format!("{partition}/00000.parquet"),
        rows,
        bytes: 10,
        offset: None,
    };
    Receipt {
        v: RECORD_VERSION,
        item,
        attempt: "a".into(),
        item_digest: format!("d{item}"),
        worker_digest: String::new(),
        epoch: 1,
        scratch: format!("/scratch/{item}").as_str().into(),
        contents: Vec::new(),
        files: vec![file("k=y", 3), file("k=x", 5)],
        rejects: None,
        rows: RowCounts { raw: 10, read: 8, rejected: 2, written: 8 },
        columns: vec![Column { name: "k".into(), ty: "string".parse().unwrap(), parse: None }],
        violations: Vec::new(),
        notes: vec!["line 7: `x` is no int32".into()],
        usage: Usage { wall_ms: 1, cpu_ms: 2, peak_bytes: 100 + u64::from(item) },
        rung: 0,
        worker: String::new(),
        committed_ms: 0,
    }
}

struct Case {
    step: Step,
    receipts: BTreeMap<u32, Receipt>,
    missing: Vec<u32>,
    rows: Option<u64>,
    programs: BTreeMap<String, String>,
}

fn sealed(edit: impl FnOnce(&mut Case)) -> Result<Seal, SealError> {
    let receipts = (0..2).map(|i| (i, receipt(i))).collect();
    let mut step = step("on_bad_rows = \"reject\"", "");
    step.input.max_bad_rows = MaxBadRows::Unlimited;
    let mut case = Case { step, receipts, missing: Vec::new(), rows: None, programs: BTreeMap::new() };
    edit(&mut case);
    let plan = Plan {
        base: None,
        v: RECORD_VERSION,
        run: "p/1".into(),
        step: "s".into(),
        generation: 1,
        items: 2,
        work_digest: String::new(),
        offsets: Vec::new(),
        input_columns: Vec::new(),
        input_bytes: 0,
        worker_version: String::new(),
        upstream_rows: None,
        sizes: None,
        packing: None,
        from: BTreeMap::new(),
        epoch: 1,
        planned_ms: 0,
    };
    let mut sealing = Sealing::new(&case.step, &plan, &case.missing, &case.programs);
    for (item, receipt) in case.receipts {
        let planned = PlannedItem { digest: format!("d{item}"), rows: case.rows, sliced: false, bytes: 2 << 20 };
        sealing.add(item, &planned, receipt)?;
    }
    sealing.finish(1, 9).map(|sealed| {
        let bytes: Vec<u8> = sealed.files.pages(1).flatten().collect();
        assert_eq!(spotmill_core::digest::sha256(&bytes), sealed.seal.files_digest);
        let names: Vec<String> = sealed.files.iter().map(|f| format!("{} {}", f.partition, f.item)).collect();
        assert!(names.is_sorted(), "{names:?}");
        sealed.seal
    })
}

/// The error's text contains `expected`; empty: sealed without a warning.
#[track_caller]
fn check(edit: impl FnOnce(&mut Case), expected: &str) {
    match sealed(edit) {
        Ok(seal) => assert_eq!(seal.warnings.join("; "), expected),
        Err(SealError::Corrupt(why)) => assert!(format!("corrupt: {why}").contains(expected), "{why}"),
        Err(SealError::Expectation(why)) => {
            assert!(!expected.is_empty() && format!("unmet: {why}").contains(expected), "{why}");
        }
    }
}

#[test]
fn the_files_of_a_bundle_lie_one_after_another_or_nothing_is_sealed() {
    let bundled = |offsets: [Option<u64>; 2]| {
        move |case: &mut Case| {
            let files = &mut case.receipts.get_mut(&1).unwrap().files;
            files.iter_mut().zip(offsets).for_each(|(file, offset)| file.offset = offset);
        }
    };
    check(bundled([Some(0), Some(10)]), "");
    check(bundled([Some(0), Some(9)]), "corrupt: the receipt of item 1 has `k=x/00000.parquet` at byte 9");
    check(bundled([Some(10), Some(0)]), "corrupt: the receipt of item 1 has `k=y/00000.parquet` at byte 10");
    check(bundled([Some(0), None]), "corrupt: the receipt of item 1 has `k=x/00000.parquet` alone");
    let whole = sealed(bundled([Some(0), Some(10)])).unwrap();
    assert_ne!(whole.files_digest, sealed(|_| {}).unwrap().files_digest, "where files lie is part of their list");
}

#[test]
fn files_alone_are_read_and_written_as_before_there_were_bundles() {
    let read = r#"{"uri":"s3://b/0","etag":"e","bytes":4}"#;
    let found: InputFile = serde_json::from_str(read).expect("an input");
    assert_eq!((found.bundled, serde_json::to_string(&found).expect("JSON").as_str()), (None, read));
    let wrote = r#"{"partition":"k=a","part":0,"path":"k=a/0","rows":1,"bytes":4}"#;
    let found: OutputFile = serde_json::from_str(wrote).expect("an output");
    assert_eq!((found.offset, serde_json::to_string(&found).expect("JSON").as_str()), (None, wrote));
    let sealed = r#"{"item":1,"partition":"","part":0,"uri":"s3://b/0","rows":1,"bytes":4}"#;
    let found: SealedFile = serde_json::from_str(sealed).expect("a sealed file");
    assert_eq!((found.object(), serde_json::to_string(&found).expect("JSON").as_str()), ("s3://b/0".into(), sealed));
}

#[test]
fn a_seal_sums_its_receipts() {
    let seal = sealed(|_| {}).unwrap();
    assert_eq!(seal.rows, RowCounts { raw: 20, read: 16, rejected: 4, written: 16 });
    assert_eq!((seal.files, seal.partitions, seal.bytes, seal.peak_bytes), (4, 2, 40, 101));
}

#[test]
fn receipts_that_cannot_be_of_the_plan_are_corrupt() {
    check(
        |c| c.receipts.get_mut(&1).unwrap().item_digest = "x".into(),
        "corrupt: the receipt of item 1 is about other",
    );
    check(|c| c.receipts.get_mut(&1).unwrap().rows.raw = 11, "corrupt: the receipt of item 1 does not add up: 11 raw");
    check(|c| c.receipts.get_mut(&0).unwrap().rows.written = 9, "corrupt: the receipt of item 0 says 9 rows written");
    // Numbers of which sums would wrap.
    let endless = |c: &mut Case| c.receipts.get_mut(&0).unwrap().files[0].bytes = u64::MAX;
    check(endless, "corrupt: the receipt of item 0 states 18446744073709551615 rows or bytes");
    check(|c| drop(c.receipts.remove(&1)), "corrupt: item 1 has no receipt");
    check(|c| drop(c.receipts.remove(&0)), "corrupt: item 0 has no receipt");
    check(|c| drop(c.receipts.insert(7, receipt(7))), "corrupt: the receipt of item 7 is of no planned item");
    check(|c| drop(c.receipts.insert(2, receipt(2))), "corrupt: the receipt of item 2 is of no planned item");
    check(|c| (c.receipts.remove(&1), c.missing = vec![1]).1, "");
}

#[test]
fn rows_and_columns_must_agree() {
    check(|c| c.rows = Some(10), "");
    check(|c| c.rows = Some(12), "unmet: item 0 read 10 rows of 12 that its inputs hold; item 1");
    check(|c| c.step.rows = Some(RowsRule::Same), "");
    let fewer = |c: &mut Case| c.receipts.get_mut(&1).unwrap().rows.read = 7;
    let odd = |c: &mut Case| (fewer(c), c.receipts.get_mut(&1).unwrap().rows.rejected = 3).1;
    check(
        |c| (odd(c), c.step.rows = Some(RowsRule::Same)).1,
        "unmet: `rows = \"same\"`: item 1 read 7 rows and wrote 8",
    );
    check(|c| (odd(c), c.step.rows = Some(RowsRule::Fewer)).1, "unmet: `rows = \"fewer\"`: item 1");
    let renamed = |c: &mut Case| c.receipts.get_mut(&1).unwrap().columns[0].name = "j".into();
    check(renamed, "unmet: items wrote different columns: item 0 has k string; item 1 has j string");
}

#[test]
fn bad_rows_have_a_limit() {
    check(|c| c.step.input.max_bad_rows = MaxBadRows::Rows(4), "");
    check(
        |c| c.step.input.max_bad_rows = MaxBadRows::Rows(3),
        "unmet: 4 of 20 rows were rejected, more than `max_bad_rows` (3); item 1 has most, 2, for example line 7",
    );
    check(|c| c.step.input.max_bad_rows = MaxBadRows::Fraction(0.2), "");
    check(|c| c.step.input.max_bad_rows = MaxBadRows::Fraction(0.1), "more than `max_bad_rows` (10%)");
}

#[test]
fn expectations_stop_or_warn() {
    let violated = |c: &mut Case| {
        let violation = Violation { expectation: "not_null(k)".into(), rows: 2, example: Some("{}".into()) };
        for receipt in c.receipts.values_mut() {
            receipt.violations.push(violation.clone());
        }
    };
    check(violated, "unmet: not_null(k) does not hold for 4 rows, first in item 0, for example {}");
    let warned = "not_null(k) does not hold for 4 rows, first in item 0, for example {}";
    check(|c| (violated(c), c.step.expect.warn_only = true).1, warned);
    check(|c| c.step.expect.min_rows = Some(17), "unmet: 16 rows written, of at least 17 expected");
    check(|c| c.step.expect.min_rows = Some(16), "");
}

#[test]
fn builds_of_one_version_that_mix_are_reported() {
    let with = |digest: &str| {
        sealed(|case| case.receipts.get_mut(&1).expect("item 1").worker_digest = digest.to_owned())
            .expect("sealed")
            .warnings
    };
    assert_eq!(with(""), Vec::<String>::new());
    let warnings = with("another build");
    assert!(warnings.len() == 1 && warnings[0].contains("2 builds of the worker"), "{warnings:?}");
    // A program is built for each of two architectures, and deployed again between two items.
    let on_two = |digests: [&str; 2]| {
        sealed(|case| {
            case.programs = ["aarch64", "x86_64"].map(|machine| (machine.to_owned(), format!("new {machine}"))).into();
            for (receipt, digest) in case.receipts.values_mut().zip(digests) {
                receipt.worker_digest = digest.to_owned();
            }
        })
        .expect("sealed")
        .warnings
    };
    for one in [["new x86_64", "new x86_64"], ["new x86_64", "new aarch64"], ["old x86_64", "old x86_64"]] {
        assert_eq!(on_two(one), Vec::<String>::new(), "{one:?}");
    }
    for mixed in [["old x86_64", "new x86_64"], ["new aarch64", "old x86_64"]] {
        let warnings = on_two(mixed);
        assert!(warnings.len() == 1 && warnings[0].contains("2 builds of the worker"), "{warnings:?}");
    }
}
