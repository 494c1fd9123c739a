//! What somebody on call reads first.

use crate::sample::{Shape, late, run, waited, worker};
use spotmill_core::item::FailureClass;
use spotmill_core::records::AfterCheck;
use spotmill_report::compile;

#[test]
fn a_failure_says_what_readers_find_why_and_what_to_type() {
    let report = compile(&run(&Shape { failed: 2, interrupted: 3, ..Shape::default() }));
    let headline = &report.headline;
    assert_eq!(headline.impact, "Not published: by_site. Readers find what was there before.");
    let cause = "normalize item 38 (part-00038.csv.gz), out of memory: the child passed 16 GiB. And 1 more item.";
    assert_eq!(headline.cause.as_deref(), Some(cause));
    assert_eq!(headline.remedy.as_deref(), Some("raise max_memory, or partition by one more column"));
    let commands: Vec<&str> = headline.commands.iter().map(|c| c.command.as_str()).collect();
    let show = "spotmill --target aws show clicks/2026-11-20 normalize 38 --log";
    assert_eq!(commands, ["spotmill start --pipeline clicks --date 2026-11-20", show]);
    assert_eq!(headline.commands[0].what, "resumes it; 38 of 40 planned items are kept");
    assert!(headline.spot.starts_with("Not spot: 3 interruptions, "), "{}", headline.spot);
    assert_eq!((report.steps[0].peak_bytes, report.steps[0].limit_bytes), (16 << 30, 16 << 30), "on its rung");
    assert_eq!((report.failed.len(), report.failed[0].item, report.failed[0].limit_bytes), (2, 38, 16 << 30));
}

#[test]
fn a_good_run_has_no_cause() {
    let headline = compile(&run(&Shape::default())).headline;
    assert_eq!((headline.impact.as_str(), headline.cause), ("Published: by_site.", None));
    assert_eq!(headline.spot, "No machine was taken away.");
}

#[test]
fn an_end_without_a_failed_item_has_the_cause_on_record() {
    let mut loaded = run(&Shape { failed: 1, ..Shape::default() });
    loaded.report.steps[0].failures.clear();
    let headline = compile(&loaded).headline;
    assert_eq!(headline.cause.as_deref(), Some("it failed."), "the commands stand on lines of their own");
    loaded.state = "interrupted".to_owned();
    loaded.report.end = None;
    let headline = compile(&loaded).headline;
    assert!(headline.cause.is_some_and(|cause| cause.contains("gone without a word")));
}

#[test]
fn items_that_were_handed_back_have_not_failed() {
    let mut loaded = run(&Shape { failed: 2, ..Shape::default() });
    loaded.state = "stopped".to_owned();
    loaded.report.steps[0].failures.iter_mut().for_each(|failure| failure.class = FailureClass::Lost);
    let report = compile(&loaded);
    assert!(report.failed.is_empty());
    assert_eq!(report.headline.cause.as_deref(), Some("it failed."));
}

#[test]
fn what_changed_since_the_last_good_run_is_named() {
    let report = compile(&run(&Shape::default()));
    let whats: Vec<&str> = report.changes.changes.iter().map(|change| change.what.as_str()).collect();
    let expected =
        ["worker's version", "param late_after", "SQL of by_site", "items of normalize", "input of normalize"];
    assert_eq!(whats, expected);
    let sql = &report.changes.changes[2].diff;
    assert!(sql.iter().any(|l| l.starts_with("-       COUNT(*)")) && sql.iter().any(|l| l.starts_with("+       SUM(")));
    assert_eq!(report.changes.changes[3].after.as_deref(), Some("40 (+5.3 %)"));
    let mut alike = run(&Shape::default());
    let good = alike.good.as_mut().expect("a good run");
    (good.pipeline, good.params, good.worker) = (alike.pipeline.clone(), alike.report.params.clone(), worker("1.0"));
    good.steps.clear();
    assert_eq!(compile(&alike).changes.changes, []);
    alike.good = None;
    assert_eq!(compile(&alike).changes.since, None);
}

#[test]
fn a_destination_has_one_word() {
    let of = |rows: u64, edit: fn(&mut spotmill_report::Loaded)| {
        let mut loaded = run(&Shape::default());
        loaded.report.steps[1].rows.written = rows;
        edit(&mut loaded);
        let found = compile(&loaded).destinations.remove(0);
        (found.word, found.usual_rows)
    };
    assert_eq!(of(41, |_| ()), ("good".to_owned(), Some(40)));
    assert_eq!(of(19, |_| ()).0, "few rows");
    assert_eq!(of(81, |_| ()).0, "many rows");
    assert_eq!(of(19, |loaded| loaded.past.truncate(2)), ("good".to_owned(), None), "two runs are no custom");
    assert_eq!(of(41, |loaded| loaded.report.steps[1].warnings.push("late".to_owned())).0, "warned");
    assert_eq!(of(41, |loaded| loaded.report.steps[1].missing.push(0)).0, "partial");
    assert_eq!(of(41, |loaded| loaded.steps[1].superseded = Some("a later one".to_owned())).0, "superseded");
}

#[test]
fn money_that_is_not_known_is_said_to_be_unknown() {
    let mut loaded = run(&Shape::default());
    let ledger = loaded.ledger.as_mut().expect("a ledger");
    for charge in &mut ledger.charges {
        (charge.cost, charge.list, charge.source) = (None, None, spotmill_ledger::PriceSource::Unknown);
    }
    let report = compile(&loaded);
    let page = spotmill_report::page(&report).expect("a page");
    assert!(page.contains(r#"<p class="big">unknown</p>"#), "no dollars are made up");
    assert!(report.notes.iter().any(|note| note.contains("--rate vcpu_hour=0.05")), "{:?}", report.notes);
    assert_eq!(
        (report.steps[0].usd_nanos, report.machines[0].usd_nanos, report.pools[0].usd_nanos),
        (None, None, None)
    );
    assert_eq!(spotmill_report::End::of(&report).expect("an end").usd_nanos, None);
    loaded.ledger = None;
    let report = compile(&loaded);
    let page = spotmill_report::page(&report).expect("a page");
    assert!(page.contains("Unknown: not read for a run of so many items.") && !page.contains('$'), "{page}");
    assert!(report.notes[0].contains("`spotmill --target aws cost clicks/2026-11-20` adds up"), "{:?}", report.notes);
}

#[test]
fn a_run_whose_input_is_not_there_says_what_is_missing_and_that_nothing_failed() {
    let of = |state: &str, next: AfterCheck| {
        let mut loaded = run(&Shape::default());
        (loaded.report.input, loaded.state) = (Some(waited(next)), state.to_owned());
        let report = compile(&loaded);
        let page = spotmill_report::page(&report).expect("a page");
        (report.headline.cause, report.notes, page)
    };
    let nothing = compile(&late()).headline.commands.remove(0).what;
    assert_eq!(nothing, "starts it again", "no item was planned");
    let missing = "clean: 21 of 24 files, last 04:51 UTC";
    let late = format!("Its input was late: {missing}. Nothing was launched, and nothing failed.");
    let (cause, _, page) = of("late", AfterCheck::Late);
    assert!(cause == Some(late) && page.contains(missing), "{cause:?}");
    let skipped = format!("Its input was late: {missing}. Nothing was run or published.");
    assert_eq!(of("skipped", AfterCheck::Skip).0, Some(skipped));
    let (cause, notes, _) = of("running", AfterCheck::Wait);
    assert_eq!((cause, notes.last()), (None, Some(&format!("Waiting for input: {missing}."))));
    assert!(!of("succeeded", AfterCheck::Go).1.iter().any(|note| note.contains(missing)));
}
