//! The pages as files that can be inspected: `target/tmp/reports/`.
#![expect(clippy::disallowed_methods, reason = "these tests write files")]

use crate::sample::{Shape, huge, late, run};
use spotmill_report::{End, Ends, compile, index, page};

#[test]
fn the_pages_can_be_inspected() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    let log_tail = "reading part-00038.csv.gz\nthread 'main' panicked: no memory\nKilled: memory limit".to_owned();
    let shapes = [
        ("good", Shape::default()),
        ("interrupted", Shape { items: 120, machines: 6, interrupted: 3, ..Shape::default() }),
        ("failed", Shape { failed: 2, interrupted: 2, log_tail, ..Shape::default() }),
        ("many", Shape { items: 10_000, machines: 40, slots: 8, interrupted: 9, ..Shape::default() }),
        ("fleet", Shape { items: 10_000, machines: 300, slots: 4, ..Shape::default() }),
    ];
    let mut ends = Ends::default();
    let all = shapes.iter().map(|(name, shape)| (*name, run(shape))).chain([("late", late()), ("huge", huge())]);
    for (name, mut loaded) in all {
        ends = loaded.past.iter().fold(ends, |ends, end| ends.with("clicks", end.clone()));
        loaded.notes.push("requests, calls and storage are the least that records show".to_owned());
        let report = compile(&loaded);
        ends = ends.with("clicks", End::of(&report).expect("an end"));
        std::fs::write(folder.join(format!("{name}.html")), page(&report).expect("a page")).expect("written");
    }
    std::fs::write(folder.join("index.html"), index(&ends, 0).expect("a list")).expect("written");
}
