//! The decision on a table of Glue, carried out over the wire: what Glue answers is what it takes for an answer.

use crate::world::aws;
use serde_json::{Value, json};
use spotmill_core::catalog::{Field, Found, Next, Wanted, next};
use spotmill_platform::ports::{CatalogError, Catalogs};

fn field(name: &str, ty: &str) -> Field {
    Field { name: name.into(), ty: ty.into() }
}

fn wanted(table: &str, id: &str, keys: Vec<Field>, columns: Vec<Field>) -> Wanted {
    Wanted {
        database: "contract".into(),
        table: table.into(),
        values: keys.iter().map(|_| "2013-01-01".to_owned()).collect(),
        keys,
        columns,
        location: format!("s3://b/t/date=2013-01-01/g1-{id}/"),
        base: "s3://b/t/".into(),
        step: "p/s".into(),
        may_change: false,
        publication: id.into(),
        facts: [("numRows".to_owned(), "7".to_owned())].into(),
    }
}

async fn found(glue: &dyn Catalogs, w: &Wanted) -> Found {
    let absent = |answer: Result<Value, CatalogError>, name: &str| match answer {
        Ok(answer) => Some(answer[name].clone()),
        Err(CatalogError::NotFound(_)) => None,
        Err(e) => panic!("{e}"),
    };
    let table = glue.call("GetTable", &json!({"DatabaseName": w.database, "Name": w.table})).await;
    let body = json!({"DatabaseName": w.database, "TableName": w.table, "PartitionValues": w.values});
    let partition = if w.keys.is_empty() { None } else { absent(glue.call("GetPartition", &body).await, "Partition") };
    Found { table: absent(table, "Table"), partition }
}

/// Calls until nothing is left to call.
async fn settle(glue: &dyn Catalogs, w: &Wanted) -> Vec<&'static str> {
    let mut actions = Vec::new();
    loop {
        match next(&found(glue, w).await, w) {
            Next::Done => return actions,
            Next::Refuse(why) => panic!("{why}"),
            Next::Call { action, body } => {
                glue.call(action, &body).await.unwrap_or_else(|e| panic!("{action}: {e}"));
                actions.push(action);
                assert!(actions.len() < 6, "it goes on for ever: {actions:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_table_is_made_swapped_and_widened_over_the_wire() {
    let glue = aws().await.catalogs();
    let columns = || vec![field("k", "string"), field("v", "bigint")];
    let day = || vec![field("date", "date")];
    let first = wanted("t", "aa", day(), columns());
    let Next::Call { action: "CreateTable", body } = next(&Found::default(), &first) else { panic!() };
    let absent = glue.call("CreateTable", &body).await;
    assert!(matches!(absent, Err(CatalogError::NotFound(_))), "without a database: {absent:?}");
    let made = database();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(settle(&glue, &first).await, ["CreateTable", "CreatePartition"]);
    assert_eq!(settle(&glue, &first).await, [""; 0]);
    assert_eq!(settle(&glue, &wanted("t", "bb", day(), columns())).await, ["BatchUpdatePartition"]);
    let wider = wanted("t", "cc", day(), [columns(), vec![field("n", "int")]].concat());
    assert_eq!(settle(&glue, &wider).await, ["UpdateTable", "BatchUpdatePartition"]);
    // Two who move one location: the one that read an older version is told so.
    let whole = |id: &str| wanted("whole", id, Vec::new(), columns());
    assert_eq!(settle(&glue, &whole("aa")).await, ["CreateTable"]);
    let stale = found(&glue, &whole("aa")).await;
    assert_eq!(settle(&glue, &whole("bb")).await, ["UpdateTable"]);
    let Next::Call { action, body } = next(&stale, &whole("cc")) else { panic!() };
    let refused = glue.call(action, &body).await;
    assert!(matches!(refused, Err(CatalogError::Changed(_))), "{refused:?}");
    let Next::Call { action, body } = next(&Found { table: None, partition: None }, &whole("cc")) else { panic!() };
    let refused = glue.call(action, &body).await;
    assert!(matches!(refused, Err(CatalogError::Changed(_))), "it exists: {refused:?}");
}

fn database() -> std::process::Output {
    crate::world::emulator().aws(&["glue", "create-database", "--database-input", "Name=contract"])
}
