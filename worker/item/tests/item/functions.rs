//! Rust functions in SQL and transforms: types, NULL, panics, and what the program reports of them.

use crate::common::Bench;
use spotmill_core::item::FailureClass;
use spotmill_core::model::Transform;
use spotmill_item::polars::prelude::*;
use spotmill_item::{Functions, TransformContext, TransformResult};
use std::collections::BTreeMap;

fn functions() -> Functions {
    let mut f = Functions::default();
    f.udf("minute_of_day", |hhmm: i16| hhmm / 100 * 60 + hhmm % 100);
    f.udf("half", |v: i32| (v % 2 == 0).then_some(v / 2));
    f.udf("known", |v: Option<i32>| v.is_some());
    f.udf("shout", |s: &str| s.to_uppercase() + "!");
    f.udf("both", |s: &str, n: Option<i32>| format!("{s}{}", n.unwrap_or(-1)));
    f.udf("mix", |a: i64, b: f64, c: bool, d: String| if c { a as f64 + b } else { d.len() as f64 });
    f.udf("boom", |v: i32| if v == 3 { panic!("three is too many") } else { v });
    f.transform("top", top);
    f.transform("fails", |_| Err("no such day".into()));
    f.transform("panics", |_| panic!("not today"));
    f
}

fn top(context: TransformContext) -> TransformResult {
    #[derive(serde::Deserialize)]
    struct With {
        rows: u32,
    }
    let With { rows } = context.with_as()?;
    Ok(context.input.sort(["v"], SortMultipleOptions::default().with_order_descending(true)).limit(rows.into()))
}

fn bench(sql: &str) -> Bench {
    let mut bench = Bench::new(&["v int32", "s string", "h int16"], sql);
    bench.file("a.csv", "1,a,517\n2,,5\n,c,\n4,d,2359\n");
    bench.functions = functions();
    bench.spec.worker_version = bench.functions.full_version();
    bench
}

fn check(sql: &str, expected: &str) {
    assert_eq!(bench(sql).rows(), expected, "{sql}");
}

#[test]
fn null_in_null_out_unless_asked_for() {
    check("SELECT minute_of_day(h) AS m FROM input", "317\n5\n-\n1439\n");
    check("SELECT half(v) AS m FROM input", "-\n1\n-\n2\n");
    check("SELECT known(v) AS m FROM input", "true\ntrue\nfalse\ntrue\n");
    check("SELECT shout(s) AS m FROM input", "A!\n-\nC!\nD!\n");
    check("SELECT both(s, v) AS m FROM input", "a1\n-\nc-1\nd4\n");
}

#[test]
fn literals_and_wider_types() {
    check(
        "SELECT minute_of_day(130) AS m, mix(v, h, TRUE, 'x') AS x FROM input",
        "90|518.0\n90|7.0\n90|-\n90|2363.0\n",
    );
    check("SELECT v FROM input WHERE known(v) AND MINUTE_OF_DAY(h) > 10 ORDER BY v", "1\n4\n");
    check("SELECT SUM(minute_of_day(h)) AS s FROM input GROUP BY known(v) ORDER BY s", "1761\n-\n");
}

#[test]
fn signatures_are_reported() {
    let about = functions().about();
    let custom: Vec<String> =
        about.functions.iter().filter(|f| f.custom).map(|f| f.name.clone() + &f.signature).collect();
    assert_eq!(custom[0], "boom(int32) -> int32");
    assert!(custom.contains(&"mix(int64, float64, bool, string) -> float64".to_owned()), "{custom:?}");
    assert!(about.functions.iter().any(|f| f.name == "upper" && !f.custom));
}

#[test]
fn a_panic_is_reported_with_its_place() {
    let mut bench = bench("SELECT boom(v) AS b FROM input");
    bench.file("b.csv", "3,x,1\n");
    spotmill_item::watch_panics();
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::Transform);
    assert!(failure.message.contains("the function boom panicked at "), "{}", failure.message);
    assert!(failure.message.contains("functions.rs:") && failure.message.contains("three is too many"));
}

fn transform(name: &str, with: &[(&str, i64)]) -> Bench {
    let mut bench = bench("");
    let with: BTreeMap<String, serde_json::Value> = with.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
    bench.spec.transform = Transform::Function { name: name.into(), with };
    bench
}

#[test]
fn transforms_are_called_by_name() {
    assert_eq!(transform("top", &[("rows", 2)]).rows(), "-|c|-\n4|d|2359\n");
    let message = |name: &str| {
        let failure = transform(name, &[]).failure();
        assert_eq!(failure.class, FailureClass::Transform);
        failure.message
    };
    assert!(message("top").starts_with("the transform `top`: `with`: missing field `rows`"));
    assert_eq!(message("fails"), "the transform `fails`: no such day");
    assert_eq!(message("nope"), "this worker has no transform `nope`");
    assert!(message("panics").contains("panicked"));
}
