//! `[step.output.catalog]` and `[step.output.after_publish]`: what they mean, and every wrong value with its way out.

use super::{reported, shown};
use crate::{Sources, check_problems, freeze, parse, thaw};
use spotmill_core::item::{CheckReply, CheckedStep};
use spotmill_core::model::{Catalog, Hook};
use spotmill_core::types::{Column, ColumnType};

const RIGHT: &str =
    "destination = \"out/t/date={date}\"\n[step.output.catalog]\nglue = \"lake.t\"\npartition = [\"date\"]";

/// A step with such an `[step.output]`.
fn sources(output: &str) -> Sources {
    let toml = format!(
        "format = 1\n[pipeline]\nname = \"p\"\nkey = [\"date\", \"region\"]\n[params]\ndate = \"date\"\n\
         region = \"string\"\nat = \"timestamp\"\n[[step]]\nname = \"one\"\nsql = \"SELECT a, $at AS at FROM input\"\n\
         input = {{ path = \"in/{{region}}/{{date}}.csv\", columns = [\"a string\"] }}\n[step.output]\n{output}\n"
    );
    Sources {
        path: "p.toml".into(),
        toml: toml.replace("key = [\"date\", \"region\"]", key(output)),
        ..Default::default()
    }
}

/// Runs are told apart by what the destination has.
fn key(output: &str) -> &'static str {
    let has = |name: &str| output.contains(&format!("{{{name}"));
    match (has("date"), has("region"), has("at")) {
        (_, true, _) => "key = [\"date\", \"region\"]",
        (_, _, true) => "key = [\"at\"]",
        _ => "key = [\"date\"]",
    }
}

#[track_caller]
fn refused(output: &str, title: &str, label: &str) {
    let sources = sources(output);
    let problems = reported(&sources);
    let text = shown(&problems, &sources);
    assert!(text.contains(title) && text.contains(label), "{output}\n{text}");
    assert!(problems.iter().all(|p| p.span.is_some()), "each has its place: {text}");
}

fn taken(output: &str) -> crate::Parsed {
    let sources = sources(output);
    parse(&sources).unwrap_or_else(|p| panic!("{}", shown(&p, &sources)))
}

#[test]
fn a_table_and_a_command() {
    let hook = "\n[step.output.after_publish]\ncommand = [\"sh\", \"tell.sh\"]\ntimeout = \"2m\"";
    let parsed = taken(&format!("{RIGHT}{hook}"));
    let output = &parsed.pipeline.steps[0].output;
    let catalog = Catalog { database: "lake".into(), table: "t".into(), partition: vec!["date".into()] };
    assert_eq!(output.catalog, Some(catalog));
    let command = vec!["sh".to_owned(), "tell.sh".to_owned()];
    assert_eq!(output.after_publish, Some(Hook { command, timeout_secs: 120 }));
    let again = thaw(&freeze(&parsed.pipeline)).expect("it is frozen and read");
    assert_eq!(again.steps[0].output, *output);
    let without = taken("destination = \"out/t/date={date}\"");
    let frozen = freeze(&without.pipeline);
    assert!(!frozen.contains("catalog") && !frozen.contains("after_publish"), "{frozen}");
}

#[test]
fn every_layout_in_which_a_run_is_one_location() {
    taken("destination = \"out/{date}/{region}\"\ncatalog = { glue = \"lake.t\", partition = [\"region\", \"date\"] }");
    taken("destination = \"out/{date:%Y}/{date:%m-%d}\"\ncatalog = { glue = \"lake.t\", partition = [\"date\"] }");
    taken(
        "destination = \"out/{date:%Y}/{date:%m}/{date:%d}\"\ncatalog = { glue = \"lake.t\", partition = [\"date\"] }",
    );
    taken("destination = \"out/t\"\nreplace = \"all\"\ncatalog = { glue = \"lake.t\" }");
    taken(
        "destination = \"out/{region}\"\nreplace = \"all\"\ncatalog = { glue = \"lake.t\", partition = [\"region\"] }",
    );
    taken(&RIGHT.replace("[step.output.c", "bucket_by = [\"a\"]\nbuckets = 4\n[step.output.c"));
}

#[test]
fn what_a_reader_would_see_half_of() {
    let edit = |from: &str, to: &str| RIGHT.replace(from, to);
    refused(
        &edit("[step.output.c", "partition_by = [\"a\"]\n[step.output.c"),
        "catalog-layout",
        "each folder would be a partition that is swapped by itself",
    );
    refused(
        "destination = \"out/{date:%Y-%m}\"\ncatalog = { glue = \"lake.t\", partition = [\"date\"] }",
        "catalog-layout",
        "let it hold the whole date",
    );
    refused(&edit("partition = [\"date\"]", ""), "catalog-partition", "partition = [\"date\"]");
    refused(&edit("[\"date\"]", "[\"region\"]"), "catalog-partition", "varies by the key's \"date\"");
    refused(
        "destination = \"out/t\"\nreplace = \"all\"\ncatalog = { glue = \"lake.t\", partition = [\"date\"] }",
        "catalog-partition",
        "one place for all runs: remove `partition`",
    );
    refused(
        "destination = \"out/{at}\"\ncatalog = { glue = \"lake.t\", partition = [\"at\"] }",
        "a table cannot be partitioned by `at`",
        "a date, an integer or a string",
    );
}

#[test]
fn what_glue_and_athena_do_not_take() {
    let named = |name: &str, label: &str| refused(&RIGHT.replace("lake.t", name), "catalog-name", label);
    named("Lake.By-Route", "\"lake.by_route\"");
    named("t", "\"database.table\"");
    named("a.b.c", "\"database.table\"");
    refused(&RIGHT.replace("[step.output.c", "format = \"csv\"\n[step.output.c"), "catalog-format", "not csv");
    refused("[step.output.catalog]\nglue = \"lake.t\"", "`catalog` has no meaning here", "a step with a `destination`");
    refused("[step.output.after_publish]\ncommand = [\"x\"]", "`after_publish` has no meaning here", "`destination`");
    let hook = |hook: &str| format!("destination = \"out/{{date}}\"\nafter_publish = {{ {hook} }}");
    refused(&hook("command = []"), "bad-value", "this names no program");
    refused(&hook("command = [\"x\"], timeout = \"1h\""), "bad-value", "\"13m\"");
    refused(&hook("timeout = \"1m\""), "missing-key", "command");
    refused(&RIGHT.replace("partition", "partitions"), "unknown-key", "did you mean `partition`?");
}

#[test]
fn two_steps_do_not_keep_one_table() {
    let second = "\n[[step]]\nname = \"two\"\nsql = \"SELECT a FROM input\"\ninput = { path = \"in/{date}\", columns = \
                  [\"a string\"] }\n[step.output]\ndestination = \"out/u/date={date}\"\n[step.output.catalog]\nglue = \
                  \"lake.t\"\npartition = [\"date\"]";
    refused(&format!("{RIGHT}{second}"), "shared-table", "`one` and `two` would keep one table");
}

#[test]
fn columns_that_the_table_cannot_have() {
    let parsed = taken(RIGHT);
    let check = |name: &str, ty: ColumnType, part: &str| {
        let output = vec![Column { name: name.into(), ty, parse: None }];
        let checked = CheckedStep::Ok {
            input: Vec::new(),
            tables: Default::default(),
            output,
            origins: Default::default(),
            lineage: None,
        };
        let text = shown(&check_problems(&parsed, &CheckReply { v: 1, steps: vec![checked] }), &parsed.sources);
        assert!(text.contains(part), "{text}");
    };
    check("n", ColumnType::Uint16, "column `n` is uint16, and Athena has no unsigned integers: CAST it to INTEGER");
    check("Total", ColumnType::Int64, "rename it with AS");
    check("date", ColumnType::Date, "is what the table is partitioned by");
    let text = {
        let output = vec![Column { name: "n".into(), ty: ColumnType::Int64, parse: None }];
        let (tables, origins) = (Default::default(), Default::default());
        let checked = CheckedStep::Ok { input: Vec::new(), tables, output, origins, lineage: None };
        shown(&check_problems(&parsed, &CheckReply { v: 1, steps: vec![checked] }), &parsed.sources)
    };
    assert_eq!(text, "");
}
