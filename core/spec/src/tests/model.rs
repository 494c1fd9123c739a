//! What the two example pipelines become.

use super::{fixture, parsed};
use crate::Severity;
use proptest::prelude::*;
use serde_json::json;
use spotmill_core::model::{By, Compression, Format, Layout, MaxBadRows, OnBadRows, Pipeline, Source};
use spotmill_core::types::{ColumnType, Value};
use std::collections::BTreeMap;

#[test]
fn flights_is_understood() {
    let parsed = parsed("flights", &[]);
    let p = &parsed.pipeline;
    assert_eq!((p.name.as_str(), p.key.as_slice()), ("flights", &["date".to_owned()][..]));
    let names: Vec<&str> = p.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["normalize", "by_route", "daily"]);
    let input = &p.steps[0].input;
    assert_eq!((input.read.format, input.read.header, input.read.compression), (Format::Csv, false, Compression::Auto));
    assert_eq!((input.read.columns.len(), input.read.on_bad_rows), (19, OnBadRows::Reject));
    assert_eq!(input.read.columns[18].ty, ColumnType::Timestamp);
    assert_eq!((input.item_bytes, input.max_bad_rows), (Some(256_000_000), MaxBadRows::Fraction(0.001)));
    assert_eq!(p.steps[0].output.layout, Layout::Partition { by: vec!["carrier".into()] });
    assert_eq!(p.steps[1].input.source, Source::Step { step: "normalize".into(), by: By::Partition });
    assert_eq!((p.steps[1].expect.min_rows, p.steps[1].expect.max_change), (Some(50), Some(0.4)));
    assert_eq!(p.steps[2].resources.timeout_secs, 600);
    assert_eq!((p.fleet.max_vcpus, p.fleet.on_demand_after_secs), (Some(32), Some(7200)));
    let warned: Vec<&str> = parsed.warnings.iter().map(|w| w.name).collect();
    assert_eq!(warned, ["not-checked"]);
}

#[test]
fn suppliers_is_understood() {
    let p = parsed("suppliers", &[]).pipeline;
    assert_eq!(p.steps[0].output.layout, Layout::Bucket { by: vec!["l_suppkey".into()], buckets: 32 });
    assert_eq!(p.steps[2].input.alias, "totals");
    assert_eq!(p.steps[2].tables.keys().collect::<Vec<_>>(), ["nation", "supplier"]);
    let r = &p.steps[0].resources;
    assert_eq!((r.vcpus, r.memory_bytes, r.max_memory_bytes, r.max_attempts), (2, 4 << 30, 32 << 30, 3));
}

#[test]
fn a_key_can_be_pointed_at() {
    let parsed = parsed("flights", &[]);
    let text = |place: crate::Place| parsed.sources.toml[place.span].to_owned();
    assert_eq!(text(parsed.locate("normalize", "input.columns.carrier").unwrap()), "\"carrier string\"");
    assert_eq!(text(parsed.locate("daily", "input.by").unwrap()), "\"all\"");
    assert_eq!(text(parsed.locate("daily", "expect.unique").unwrap()), "[[step]]");
    assert_eq!(text(parsed.locate_top("pipeline.name")), "\"flights\"");
    assert!(parsed.locate("nope", "input").is_none());
}

#[test]
fn steps_are_sorted_but_keep_the_order_of_the_file() {
    let sources = crate::Sources {
        path: "p.toml".into(),
        toml: r#"
            format = 1
            pipeline.name = "p"
            params.date = "date"
            [[step]]
            name = "last"
            sql = "SELECT * FROM input JOIN b USING (k)"
            input = { step = "a", by = "all" }
            tables.b = { step = "b" }
            output.destination = "out/{date}"
            [[step]]
            name = "b"
            sql = "SELECT k FROM input"
            input = { path = "b/*.parquet" }
            [[step]]
            name = "a"
            sql = "SELECT k FROM input"
            input = { path = "a/{date}.parquet" }
        "#
        .into(),
        ..Default::default()
    };
    let parsed = crate::parse(&sources).unwrap_or_else(|p| panic!("{}", super::shown(&p, &sources)));
    let names: Vec<&str> = parsed.pipeline.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "last"]);
    assert_eq!(parsed.line(&parsed.locate("last", "input.by").unwrap()), 8);
    assert!(parsed.warnings.iter().all(|w| w.severity == Severity::Warning));
}

fn round_trips(p: &Pipeline) {
    let frozen = crate::freeze(p);
    assert_eq!(crate::thaw(&frozen).as_ref(), Ok(p), "{frozen}");
    assert_eq!(crate::freeze(&crate::thaw(&frozen).unwrap()), frozen);
    assert_eq!(crate::digest(&frozen).len(), 16);
}

#[test]
fn a_frozen_pipeline_thaws_to_itself() {
    round_trips(&parsed("flights", &[]).pipeline);
    round_trips(&parsed("suppliers", &[]).pipeline);
    assert!(crate::thaw("format = 2").is_err());
}

proptest! {
    #[test]
    fn any_text_survives_freezing(sql in "\\PC*|[\\x00-\\x7f]*", nulls in proptest::collection::vec("\\PC*", 0..3), min in any::<u32>(), on in any::<bool>()) {
        let mut p = parsed("suppliers", &[]).pipeline;
        p.steps[0].transform = spotmill_core::model::Transform::Sql { text: sql, file: None };
        p.steps[0].input.read.null_values = nulls;
        p.steps[0].input.values = Some(spotmill_core::model::Values {
            column: "ff".into(),
            range: on.then_some((-5, i64::from(min))),
            list: (!on).then(|| vec![spotmill_core::model::ItemValue::Int(i64::from(min)), spotmill_core::model::ItemValue::Text("x".into())]),
        });
        p.steps[1].expect.min_rows = Some(u64::from(min));
        round_trips(&p);
    }
}

fn resolve(
    name: &str,
    target: &str,
    given: &[(&str, serde_json::Value)],
    date: Option<&str>,
) -> Result<String, String> {
    let p = parsed(name, &[]).pipeline;
    let given: BTreeMap<String, serde_json::Value> = given.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let values = crate::resolve(&p, target, &given, date)
        .map_err(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let pairs: Vec<String> = values.iter().map(|(k, v)| format!("{k}={v}")).collect();
    Ok(format!("{} {}", crate::run_id(&p, &values), pairs.join(" ")))
}

#[test]
fn params_resolve() {
    let check = |name, target, given: &[(&str, serde_json::Value)], date, want: Result<&str, &str>| {
        let got = resolve(name, target, given, date);
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned));
    };
    let day = Some("2013-01-01");
    check("flights", "local", &[], day, Ok("flights/2013-01-01 date=2013-01-01 late_after=15 out=out src=data"));
    let aws = "flights/2013-01-01 date=2013-01-01 late_after=15 out=s3://acme-lake/flights src=s3://acme-raw/flights";
    check("flights", "aws", &[], day, Ok(aws));
    check(
        "suppliers",
        "local",
        &[("scale", json!("10"))],
        None,
        Ok("suppliers/scale=10 out=out scale=10 src=data/tpch"),
    );
    check("flights", "local", &[], None, Err("param `date`: must be given: --date 2013-01-31"));
    check("suppliers", "local", &[], day, Err("pipeline `suppliers` has no param `date`"));
    check("suppliers", "local", &[("scale", json!(0))], None, Err("param `scale`: 0 is less than 1"));
    check(
        "suppliers",
        "local",
        &[("scal", json!(1))],
        None,
        Err("param `scal`: there is no such param; did you mean `scale`?"),
    );
    check("suppliers", "prod", &[], None, Err("there is no target `prod`; targets: "));
    check(
        "flights",
        "local",
        &[("late_after", json!(40000))],
        day,
        Err("param `late_after`: 40000 does not fit int16 (-32768 to 32767)"),
    );
    check(
        "flights",
        "local",
        &[("src", json!("a/../b"))],
        day,
        Err("param `src`: `a/../b`: `..` is not allowed in a path"),
    );
    check(
        "flights",
        "local",
        &[("out", json!("a/*"))],
        day,
        Err("param `out`: `a/*`: globs and braces belong in the pipeline file, not in a param"),
    );
    check(
        "flights",
        "local",
        &[("date", json!("2013-01-02"))],
        day,
        Err("param `date`: given twice, with different values"),
    );
}

#[test]
fn a_run_id_keeps_its_values_apart() {
    let mut p = parsed("flights", &[]).pipeline;
    p.key = vec!["date".into(), "region".into()];
    let mut values = BTreeMap::from([("date".to_owned(), Value::Date("2013-01-01".into()))]);
    values.insert("region".into(), Value::String("eu".into()));
    assert_eq!(crate::run_id(&p, &values).as_str(), "flights/date=2013-01-01,region=eu");
    values.insert("region".into(), Value::String("a,b=c/ü%".into()));
    assert_eq!(crate::run_id(&p, &values).as_str(), "flights/date=2013-01-01,region=a%2Cb%3Dc%2F%C3%BC%25");
}

#[test]
fn the_schema_knows_the_fixtures_keys() {
    let schema = crate::json_schema();
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(
        schema["properties"]["step"]["items"]["properties"]["input"]["properties"]["header"]["type"],
        json!("boolean")
    );
    assert!(!takes_null(&schema), "TOML has no null");
    for name in ["flights", "suppliers"] {
        let sources = fixture(name);
        let (root, _) = crate::tree::parse(&sources.toml);
        let mut shape = crate::shape::Shape::new("pipeline.toml", "a pipeline", &schema);
        shape.clean(&root);
        assert_eq!(shape.problems, []);
    }
}

/// Whether `null` is the type of something.
fn takes_null(schema: &serde_json::Value) -> bool {
    let typed = schema.get("type").is_some_and(|ty| ty.to_string().contains("\"null\""));
    typed
        || schema.as_object().is_some_and(|map| map.values().any(takes_null))
        || schema.as_array().is_some_and(|items| items.iter().any(takes_null))
}

/// The pipelines under `examples/` are what newcomers copy.
#[test]
fn the_examples_are_valid() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["flights", "reference-job"] {
        let dir = examples.join(name);
        let read =
            |file: &str| std::fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let toml = read("pipeline.toml");
        let sql_files = crate::sql_files(&toml).into_iter().map(|f| (f.clone(), read(&f))).collect();
        let sources = crate::Sources { path: format!("{name}/pipeline.toml"), toml, sql_files };
        let problems = super::reported(&sources);
        assert!(problems.is_empty(), "{}", super::shown(&problems, &sources));
    }
}

/// Editors read the schema from `docs/`; `spotmill schema --pipeline` prints it.
#[test]
fn the_published_schema_is_this_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pipeline.schema.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&crate::json_schema()).unwrap());
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "docs/pipeline.schema.json is old: run `spotmill schema --pipeline > {}`",
        path.display()
    );
}
