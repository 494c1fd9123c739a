//! What plain Polars (of the pinned version) silently gets wrong, shown, and that an item does not. A test
//! that begins to fail on its first half means that Polars has mended it.

use crate::common::{Bench, plain, text};
use spotmill_core::item::FailureClass;
use spotmill_item::polars::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const ABC: &[&str] = &["a int32", "b int32", "c string"];

fn collected(frame: LazyFrame) -> String {
    text(&frame.collect_with_engine(Engine::Streaming).expect("no error at all").unwrap_single())
}

#[test]
fn a_short_row_is_padded_with_null() {
    let mut bench = Bench::new(ABC, "SELECT * FROM input");
    bench.file("a.csv", "1,2,x\n3,4\n5,6,z\n");
    assert_eq!(collected(plain(&bench.dir.path().join("a.csv"), ABC)), "1|2|x\n3|4|-\n5|6|z\n");
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::BadData);
    assert!(failure.message.contains("a.csv line 2: the row has 2 fields, not 3: 3,4"), "{}", failure.message);
    assert_eq!(bench.rejecting().rows(), "1|2|x\n5|6|z\n");
    assert!(bench.rejects().contains(r#""line":2,"byte":6,"kind":"too_few_fields""#), "{}", bench.rejects());
}

#[test]
fn a_shifted_row_passes_under_a_projection() {
    let mut bench = Bench::new(ABC, "SELECT a, c FROM input");
    bench.file("a.csv", "1,2,x\n3,OOPS,4,y\n5,6,z\n");
    let projected = plain(&bench.dir.path().join("a.csv"), ABC).select([col("a"), col("c")]);
    assert_eq!(collected(projected), "1|x\n3|4\n5|z\n");
    assert!(bench.failure().message.contains("line 2: the row has 4 fields, not 3"));
    assert_eq!(bench.rejecting().rows(), "1|x\n5|z\n");
}

#[test]
fn an_unselected_column_is_not_checked() {
    let mut bench = Bench::new(ABC, "SELECT a FROM input");
    bench.file("a.csv", "1,2,x\n3,OOPS,y\n");
    let projected = plain(&bench.dir.path().join("a.csv"), ABC).select([col("a")]);
    assert_eq!(collected(projected), "1\n3\n");
    assert!(bench.failure().message.contains("line 2, column `b`: `OOPS` is not a whole number"));
}

#[test]
fn blanks_are_taken_for_a_missing_number() {
    let mut bench = Bench::new(ABC, "SELECT * FROM input");
    bench.file("a.csv", "1,  ,x\n");
    assert_eq!(collected(plain(&bench.dir.path().join("a.csv"), ABC)), "1|-|x\n");
    assert!(bench.failure().message.contains("column `b`: `  ` is not a whole number"));
}

#[test]
fn a_decimal_is_rounded_while_it_is_read() {
    let list = &["a decimal(6,2)"];
    let mut bench = Bench::new(list, "SELECT * FROM input");
    bench.file("a.csv", "1.005\n");
    assert_ne!(collected(plain(&bench.dir.path().join("a.csv"), list)), "1.005\n");
    assert!(bench.failure().message.contains("at most 4 digits before the point and 2 after it"));
}

#[test]
fn a_sum_of_int32_wraps() {
    let mut bench = Bench::new(&["a int32"], "SELECT SUM(a) AS s FROM input");
    bench.file("a.csv", "2000000000\n2000000000\n");
    let summed = plain(&bench.dir.path().join("a.csv"), &["a int32"]).select([col("a").sum()]);
    // Built with overflow checks it panics instead.
    let wrapped = catch_unwind(AssertUnwindSafe(|| collected(summed))).unwrap_or_else(|_| "-294967296\n".into());
    assert_eq!(wrapped, "-294967296\n");
    assert_eq!(bench.rows(), "4000000000\n");
}

#[test]
fn a_count_is_signed_and_64_bits_wide() {
    // Polars counts in unsigned integers, 32 bits of them without the feature `bigidx`.
    let mut bench = Bench::new(&["a int32"], "SELECT COUNT(*) AS n, COUNT(a) AS m FROM input");
    bench.file("a.csv", "1\n2\n");
    let report = bench.report();
    let types: Vec<String> = report.columns.iter().map(|c| c.ty.to_string()).collect();
    assert_eq!(types, ["int64", "int64"]);
    assert_eq!(IdxSize::MAX as u128, u64::MAX as u128);
}

#[test]
fn sql_reads_what_no_one_declared() {
    let mut bench = Bench::new(&["a int32"], "SELECT * FROM read_csv('/etc/passwd')");
    bench.file("a.csv", "1\n");
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::Transform);
    assert!(failure.message.contains("SQL is one SELECT over declared tables"), "{}", failure.message);
}
