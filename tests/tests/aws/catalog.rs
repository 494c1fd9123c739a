//! A table of Glue on AWS: a partition a date, which names whole publications while the date is published again, and is
//! mended by the next start.

use super::*;
use serde_json::json;
use spotmill_tests::held_to_schemas;

const TABLE: [&str; 4] = ["--database-name", "lakehouse", "--table-name", "shops"];

/// A SELECT whose steps publish with a table; `factor` is for other data.
fn shops() -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "shops"
[params]
date = {{ type = "date" }}
src = {{ type = "path", default = "data" }}
out = {{ type = "path", default = "out" }}
[target.aws.params]
src = "s3://{LAKE}/input/shops"
out = "s3://{LAKE}/output/shops"
[[step]]
name = "shops"
sql = "SELECT shop, amount * 1 AS amount FROM input"
[step.input]
path = "{{src}}/{{date}}/*.csv"
columns = ["shop string", "amount int64"]
item_bytes = "1 B"
[step.output]
destination = "{{out}}/date={{date}}"
[step.output.catalog]
glue = "lakehouse.shops"
partition = ["date"]
[resources]
vcpus = 1
memory = "512 MiB"
"#
    ));
    for n in 0..3 {
        project.write(&format!("data/{DAY}/{n}.csv"), format!("shop,amount\ns{n},{n}\n"));
    }
    project
}

fn partition(aws: &LocalAws) -> Option<Value> {
    let mut args = vec!["glue", "get-partition"];
    args.extend(TABLE);
    args.extend(["--partition-values", DAY]);
    Some(aws.try_aws(&args).ok()?["Partition"].clone())
}

/// What a query over the table reads: partition, then location, then files.
fn read(aws: &LocalAws, project: &Project, n: usize) -> Vec<String> {
    let found = partition(aws).expect("a partition");
    let location = found["StorageDescriptor"]["Location"].as_str().expect("a location").to_owned();
    let there = format!("queried/{n}");
    aws.copy(&location, &project.path(&there).to_string_lossy(), true);
    rows(project, &there)
}

#[test]
fn a_date_is_a_partition_that_names_whole_publications() {
    let project = shops();
    let aws = aws();
    let _ = aws.try_aws(&["glue", "create-database", "--database-input", "Name=lakehouse"]);
    aws.deploy_project(&project, "shops");
    let run = succeeds(&aws, &json!({"pipeline": "shops", "date": DAY}));
    assert!(aws.all_states(&run).iter().any(|states| states.iter().any(|s| s == "AfterPublish")));
    let old = read(&aws, &project, 0);
    assert_eq!(old.len(), 3);
    let told = partition(&aws).unwrap()["Parameters"].clone();
    assert_eq!((&told["spotmill.run"], &told["numRows"]), (&json!(format!("shops/{DAY}")), &json!("3")));
    lineage_knows_the_table(&aws, &project);
    // Other data: whoever queries meanwhile gets the old or the new, whole.
    project.edit("pipeline.toml", "amount * 1", "amount * 10");
    aws.deploy_project(&project, "shops");
    let run = aws.start_run(&json!({"pipeline": "shops", "date": DAY}));
    let (mut seen, mut n) = (BTreeSet::new(), 0);
    while aws.execution(&run).status == "RUNNING" {
        n += 1;
        seen.insert(read(&aws, &project, n));
    }
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    let new = read(&aws, &project, n + 1);
    assert!(new.len() == 3 && new != old, "{new:?}");
    assert!(n > 0 && seen.contains(&old), "it was read {n} times");
    assert!(seen.iter().all(|rows| *rows == old || *rows == new), "a mixture or a gap: {seen:?}");
    // What somebody dropped is put back by a start that does nothing else.
    let mut drop = vec!["glue", "delete-partition"];
    drop.extend(TABLE);
    drop.extend(["--partition-values", DAY]);
    aws.aws(&drop);
    let before = machines(&aws);
    succeeds(&aws, &json!({"pipeline": "shops", "date": DAY}));
    assert_eq!((read(&aws, &project, n + 2), machines(&aws)), (new, before));
}

/// Its other name, as OpenLineage has it, in an event that its own schemas take.
fn lineage_knows_the_table(aws: &LocalAws, project: &Project) {
    let text = aws.text(&format!("runs/shops/{DAY}/openlineage.ndjson")).expect("events");
    project.write("openlineage.ndjson", &text);
    held_to_schemas(&project.path("openlineage.ndjson"));
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let found: Vec<Value> =
        events.map(|event| event["outputs"][0]["facets"]["symlinks"]["identifiers"].clone()).collect();
    let names = found.iter().find(|names| !names.is_null()).expect("a symlink")[0].clone();
    assert_eq!((&names["name"], &names["type"]), (&json!("table/lakehouse/shops"), &json!("TABLE")));
    let namespace = names["namespace"].as_str().expect("a namespace");
    assert!(
        namespace.starts_with("arn:aws:glue:us-east-1:") && namespace.split(':').nth(4).is_some_and(|a| a.len() == 12)
    );
}
