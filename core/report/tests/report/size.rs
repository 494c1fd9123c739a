//! A page stays small, whatever the run was.

use crate::sample::{Shape, run};
use spotmill_report::{compile, page};

const MOST: usize = 300_000;

#[track_caller]
fn bytes_of(shape: &Shape) -> usize {
    let page = page(&compile(&run(shape))).expect("a page");
    assert!(page.len() <= MOST, "{} bytes of {} items on {} machines", page.len(), shape.items, shape.machines);
    page.len()
}

#[test]
fn ten_thousand_items_take_at_most_300_kb() {
    let many = Shape { items: 10_000, machines: 40, slots: 8, ..Shape::default() };
    bytes_of(&many);
    let log_tail = "thread 'main' panicked at 'no memory', worker/item/src/read.rs:120:14 <note>\n".repeat(40);
    bytes_of(&Shape { failed: 900, interrupted: 20, log_tail, ..many.clone() });
    // Beyond sixty machines pools are drawn, beyond ten thousand items the table holds the slowest.
    bytes_of(&Shape { machines: 500, ..many.clone() });
    bytes_of(&Shape { items: 40_000, machines: 300, ..many });
}

#[test]
fn long_names_do_not_make_a_long_page() {
    let prefix = format!("s3://bucket/{}", "a-very-long-folder/".repeat(50));
    bytes_of(&Shape { items: 3_000, prefix: prefix.clone(), failed: 300, log_tail: prefix, ..Shape::default() });
}
