//! The page of three runs: a good one, one with interruptions, one that failed. And whatever names and errors hold, they are
//! text.

use crate::sample::{Shape, run};
use spotmill_report::{End, Ends, compile, index, page};

fn page_of(shape: &Shape) -> String {
    page(&compile(&run(shape))).expect("a page")
}

#[test]
fn a_good_run_a_run_with_interruptions_and_a_failed_one() {
    let good = page_of(&Shape::default());
    assert!(good.contains("<title>✓ clicks/2026-11-20 succeeded</title>"));
    assert!(good.contains("40/40") && !good.contains("<h2 id=\"failed\">"));
    // Four machines for a few minutes at 0.16 dollars an hour each: no figure stands without its source.
    assert!(good.contains("as AWS reported it when the machine was first seen"));
    assert!(good.contains("of its budget of $2.00"));

    let interrupted = page_of(&Shape { interrupted: 2, ..Shape::default() });
    assert_eq!(interrupted.matches(">▼</b>").count(), 1);
    assert_eq!(interrupted.matches(">✕</b>").count(), 1);
    assert!(interrupted.contains("2 interruptions, ") && interrupted.contains("vanished without a word"));

    let failed = page_of(&Shape { failed: 2, log_tail: "Killed: memory limit".to_owned(), ..Shape::default() });
    assert!(failed.contains("<title>✗ clicks/2026-11-20 failed</title>"));
    assert_eq!(failed.matches("<article class=\"dossier\">").count(), 2);
    assert!(failed.contains("Killed: memory limit") && failed.contains("38/40, 2 failed"));
    assert!(failed.contains("normalize 38 --log"));
}

#[test]
fn what_comes_from_outside_is_text() {
    let evil = "</script><script>alert('x')</script><img src=x onerror=\"alert(1)\">&amp;";
    let mut loaded = run(&Shape { failed: 2, log_tail: evil.to_owned(), prefix: evil.to_owned(), ..Shape::default() });
    for step in &mut loaded.steps {
        step.items.values_mut().for_each(|reads| reads.label = evil.to_owned());
        step.late.push(evil.to_owned());
    }
    let step = &mut loaded.report.steps[0];
    step.warnings.push(evil.to_owned());
    step.notes.push(evil.to_owned());
    for failure in &mut step.failures {
        (failure.message, failure.remedy) = (evil.to_owned(), Some(evil.to_owned()));
        (failure.worker, failure.ended) = (evil.to_owned(), evil.to_owned());
    }
    loaded.report.params.insert(evil.to_owned(), spotmill_core::types::Value::String(evil.to_owned()));
    loaded.notes.push(evil.to_owned());
    loaded.commands.resume = evil.to_owned();
    let ledger = loaded.ledger.as_mut().expect("a ledger");
    for machine in &mut ledger.machines {
        (machine.life.kind, machine.life.zone) = (evil.to_owned(), evil.to_owned());
        machine.own.as_mut().expect("a record").why = Some(evil.to_owned());
    }
    let good = loaded.good.as_mut().expect("a good run");
    good.worker.version = evil.to_owned();
    loaded.report.run = evil.into();
    let report = compile(&loaded);
    let page = page(&report).expect("a page");
    assert!(page.contains("&lt;img src=x"), "it is shown");
    assert_eq!(page.matches("<img").count() + page.matches("<script>alert").count(), 0);
    assert_eq!(page.matches("<script").count(), 2, "the items and the page's own");
    assert_eq!(page.matches("</script>").count(), 2);
    let ends = Ends::default().with("clicks\"><img", End::of(&report).expect("an end"));
    let list = index(&ends, 0).expect("a list");
    assert!(!list.contains("<img") && !list.contains("<script"), "{list}");
}

#[test]
fn the_last_runs_lead_to_their_pages() {
    let report = compile(&run(&Shape::default()));
    let ends = Ends::default().with("clicks", End::of(&report).expect("an end"));
    let list = index(&ends, 0).expect("a list");
    assert_eq!(list.matches("href=\"../runs/clicks/2026-11-20/report.html\"").count(), 2, "a bar and a row");
    assert!(list.contains("40/40") || list.contains("41/41"), "{list}");
}

#[test]
fn the_table_holds_every_item_and_its_numbers() {
    let report = compile(&run(&Shape { items: 3_000, ..Shape::default() }));
    let page = page(&report).expect("a page");
    let begin = page.find("id=\"items-data\">").expect("data") + "id=\"items-data\">".len();
    let end = begin + page[begin..].find("</script>").expect("an end");
    let data: serde_json::Value = serde_json::from_str(&page[begin..end]).expect("JSON");
    assert_eq!((&data["n"], &data["spans"]), (&3_000.into(), &serde_json::json!([[0, 0, 3_000]])));
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    let column = &data["columns"]["rows_in"];
    let width = column["width"].as_u64().expect("a width") as usize;
    let text = column["data"].as_str().expect("numbers");
    let value = |item: usize| {
        let of = text[item * width..(item + 1) * width].chars();
        of.fold(0, |sum, c| sum * 64 + digits.find(c).expect("a digit") as u64)
    };
    for item in [0, 1, 17, 2_999] {
        let attempt = report.attempts.iter().find(|a| a.item == item as u32).expect("an attempt");
        assert_eq!(value(item), attempt.rows.raw, "item {item}");
    }
}
