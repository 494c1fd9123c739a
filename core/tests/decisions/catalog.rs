//! Which call a table of Glue needs, whatever it was found as; applied to the end by a small Glue of the tests.

use serde_json::{Value, json};
use spotmill_core::catalog::{Claim, Field, Found, Next, Wanted, fields, fit, merged, next};
use spotmill_core::types::{Column, ColumnType};

fn field(text: &str) -> Field {
    let (name, ty) = text.split_once(' ').expect("name and type");
    Field { name: name.into(), ty: ty.into() }
}

fn wanted(id: &str, keys: &[&str], columns: &[&str]) -> Wanted {
    Wanted {
        database: "lake".into(),
        table: "t".into(),
        keys: keys.iter().map(|k| field(k)).collect(),
        values: keys.iter().map(|_| "2013-01-01".to_owned()).collect(),
        columns: columns.iter().map(|c| field(c)).collect(),
        location: format!("s3://b/t/date=2013-01-01/g1-{id}/"),
        base: "s3://b/t/".into(),
        step: "p/s".into(),
        may_change: false,
        publication: id.into(),
        facts: [("numRows".to_owned(), "7".to_owned())].into(),
    }
}

/// A Glue of one table and one partition. Returns the actions that were needed.
fn settle(found: &mut Found, wanted: &Wanted) -> Result<Vec<&'static str>, String> {
    let mut actions = Vec::new();
    loop {
        match next(found, wanted) {
            Next::Done => return Ok(actions),
            Next::Refuse(why) => return Err(why),
            Next::Call { action, body } => {
                actions.push(action);
                assert!(actions.len() < 5, "it goes on for ever: {actions:?}");
                apply(found, action, &body);
            }
        }
    }
}

fn apply(found: &mut Found, action: &str, body: &Value) {
    match action {
        "CreateTable" => {
            found.table = Some(body["TableInput"].clone());
            found.table.as_mut().unwrap()["VersionId"] = json!("1");
        }
        "UpdateTable" => {
            let old = found.table.as_ref().unwrap()["VersionId"].as_str().unwrap().to_owned();
            assert_eq!(body["VersionId"], old.as_str(), "another version is not overwritten");
            found.table = Some(body["TableInput"].clone());
            found.table.as_mut().unwrap()["VersionId"] = json!(format!("{old}1"));
        }
        "CreatePartition" => found.partition = Some(body["PartitionInput"].clone()),
        "BatchUpdatePartition" => found.partition = Some(body["Entries"][0]["PartitionInput"].clone()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_table_is_made_once_and_a_partition_is_swapped_by_one_call() {
    let mut found = Found::default();
    let first = wanted("aa", &["date date"], &["k string", "v bigint"]);
    assert_eq!(settle(&mut found, &first).unwrap(), ["CreateTable", "CreatePartition"]);
    assert_eq!(found.table.as_ref().unwrap()["StorageDescriptor"]["Location"], "s3://b/t/");
    assert_eq!(settle(&mut found, &first).unwrap(), [""; 0], "again: nothing to do");
    let second = wanted("bb", &["date date"], &["k string", "v bigint"]);
    assert_eq!(settle(&mut found, &second).unwrap(), ["BatchUpdatePartition"]);
    let partition = found.partition.as_ref().unwrap();
    assert_eq!(partition["StorageDescriptor"]["Location"], "s3://b/t/date=2013-01-01/g1-bb/");
    assert_eq!(partition["Parameters"], json!({"spotmill.publication": "bb", "numRows": "7"}));
    found.partition = None;
    assert_eq!(settle(&mut found, &second).unwrap(), ["CreatePartition"], "what somebody dropped is put back");
}

#[test]
fn a_table_without_partitions_is_swapped_itself() {
    let mut found = Found::default();
    assert_eq!(settle(&mut found, &wanted("aa", &[], &["k string"])).unwrap(), ["CreateTable"]);
    found.table.as_mut().unwrap()["Description"] = json!("mine");
    found.table.as_mut().unwrap()["CreateTime"] = json!(17);
    found.table.as_mut().unwrap()["Parameters"]["x"] = json!("theirs");
    assert_eq!(settle(&mut found, &wanted("bb", &[], &["k string"])).unwrap(), ["UpdateTable"]);
    let table = found.table.unwrap();
    assert_eq!(table["StorageDescriptor"]["Location"], "s3://b/t/date=2013-01-01/g1-bb/");
    assert_eq!((&table["Description"], &table["Parameters"]["x"]), (&json!("mine"), &json!("theirs")));
    assert_eq!(table["CreateTime"], Value::Null, "UpdateTable does not take it");
}

#[test]
fn columns_may_come_and_are_not_retyped_or_renamed() {
    let table = || {
        let mut found = Found::default();
        settle(&mut found, &wanted("aa", &["date date"], &["k string", "v bigint"])).unwrap();
        found
    };
    let mut found = table();
    found.table.as_mut().unwrap()["StorageDescriptor"]["Columns"][0]["Comment"] = json!("theirs");
    let more = wanted("bb", &["date date"], &["k string", "n int", "v bigint"]);
    assert_eq!(settle(&mut found, &more).unwrap(), ["UpdateTable", "BatchUpdatePartition"]);
    let names = |holder: &Value| {
        let columns = holder["StorageDescriptor"]["Columns"].as_array().unwrap().clone();
        columns.iter().map(|c| c["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(found.table.as_ref().unwrap()), "k v n", "at the end, where readers of the others find theirs");
    assert_eq!(names(found.partition.as_ref().unwrap()), "k v n");
    let storage = &found.table.as_ref().unwrap()["StorageDescriptor"];
    assert_eq!((&storage["Location"], &storage["Columns"][0]["Comment"]), (&json!("s3://b/t/"), &json!("theirs")));
    let refused = |columns: &[&str]| settle(&mut table(), &wanted("bb", &["date date"], columns)).unwrap_err();
    assert_eq!(
        refused(&["k string", "v double"]),
        "table lake.t: column `v` is bigint in the table and double in this run. Alter the table, CAST or rename with AS in \
         the step, or name another table"
    );
    let why = refused(&["k string", "total bigint"]);
    assert!(
        why.contains("`v` bigint, which this run does not make") && why.contains("`total` bigint instead"),
        "{why}"
    );
    assert_eq!(
        merged(&[field("k string"), field("v bigint")], &[field("k string")]).unwrap().len(),
        2,
        "a run of before the column: it reads as NULL there"
    );
}

#[test]
fn what_is_not_the_steps_table_is_left_alone() {
    let case = |edit: fn(&mut Value), part: &str| {
        let mut found = Found::default();
        settle(&mut found, &wanted("aa", &["date date"], &["k string"])).unwrap();
        edit(found.table.as_mut().unwrap());
        let why = settle(&mut found, &wanted("bb", &["date date"], &["k string"])).unwrap_err();
        assert!(why.contains(part), "{why}");
    };
    case(|t| t["Parameters"]["spotmill.step"] = json!("q/other"), "kept by step q/other, and this is p/s");
    case(|t| t["Parameters"]["table_type"] = json!("ICEBERG"), "ICEBERG");
    case(|t| t["TableType"] = json!("VIRTUAL_VIEW"), "a view");
    case(|t| t["Parameters"]["projection.enabled"] = json!("True"), "partition projection");
    case(|t| t["PartitionKeys"] = json!([]), "partitioned by nothing, and the step's by date date");
    case(|t| t["PartitionKeys"][0]["Type"] = json!("string"), "by date string, and the step's by date date");
    case(|t| t["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] = json!("x.OpenCSVSerde"), "OpenCSVSerde");
}

#[test]
fn a_table_that_no_step_keeps_is_taken_over_with_other_columns_where_that_is_said() {
    let theirs = |columns: &[&str]| {
        let mut found = Found::default();
        settle(&mut found, &wanted("aa", &["date date"], columns)).unwrap();
        found.table.as_mut().unwrap()["Parameters"] = json!({"classification": "parquet"});
        found
    };
    let taken = |columns: &[&str], may_change: bool| {
        let mut found = theirs(&["k string", "v bigint"]);
        settle(&mut found, &Wanted { may_change, ..wanted("bb", &["date date"], columns) })
    };
    for (columns, part) in [
        (&["k string"][..], "it has `v` bigint, which this run does not make"),
        (&["k string", "v bigint", "n int"], "this run makes `n` int, which it does not have"),
    ] {
        let why = taken(columns, false).unwrap_err();
        assert!(why.contains("no step keeps it yet") && why.contains(part), "{why}");
        assert!(why.contains("schema_change = \"allow\"") && why.contains("alter the table"), "{why}");
        taken(columns, true).unwrap();
    }
    taken(&["v bigint", "k string"], false).expect("readers name columns, whatever their order");
    for may_change in [false, true] {
        let why = taken(&["k string", "v double"], may_change).unwrap_err();
        assert!(why.contains("column `v` is bigint in the table and double in this run. Alter the table"), "{why}");
    }
    // Before its columns are known it is only asked whether the table is one for the step.
    let (table, keys) = (theirs(&["x int"]).table.unwrap(), [field("date date")]);
    let fits = |keys: &[Field]| fit(&table, &Claim { step: "p/s", keys, columns: &[], may_change: false });
    assert!(fits(&keys).is_ok());
    assert!(fits(&[]).unwrap_err().contains("partitioned by date date"));
}

#[test]
fn a_table_of_somebody_that_fits_is_taken_into_care() {
    let mut found = Found::default();
    settle(&mut found, &wanted("aa", &["date date"], &["k string"])).unwrap();
    found.table.as_mut().unwrap()["Parameters"] = json!({"classification": "parquet"});
    let actions = settle(&mut found, &wanted("aa", &["date date"], &["k string"])).unwrap();
    assert_eq!(actions, ["UpdateTable"]);
    assert_eq!(found.table.unwrap()["Parameters"], json!({"classification": "parquet", "spotmill.step": "p/s"}));
}

#[test]
fn columns_are_in_hives_words_or_refused_by_name() {
    let check = |name: &str, ty: ColumnType, expected: &str| {
        let got = match fields(&[Column { name: name.into(), ty, parse: None }], &["date".to_owned()]) {
            Ok(fields) => fields[0].ty.clone(),
            Err(why) => why,
        };
        assert!(got.contains(expected), "{got}");
    };
    check("a", ColumnType::Int8, "tinyint");
    check("a", ColumnType::Decimal { precision: 18, scale: 4 }, "decimal(18,4)");
    check("a", ColumnType::TimestampUtc, "timestamp");
    check("n", ColumnType::Uint32, "column `n` is uint32, and Athena has no unsigned integers: CAST it to BIGINT");
    check("N", ColumnType::Int64, "column `N`: a table of Glue has lower-case letters");
    check("a b", ColumnType::Int64, "column `a b`");
    check("date", ColumnType::Date, "column `date` is what the table is partitioned by, too");
}
