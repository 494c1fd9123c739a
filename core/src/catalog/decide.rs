//! The next call, in the JSON of Glue's API. What it does not set it hands back as it was found: descriptions, owners and
//! parameters of others stay.

use super::Field;
use super::fit::{Claim, STEP, columns_of, fit, text};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const INPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const OUTPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";
const SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
/// Which publication a location is.
const PUBLICATION: &str = "spotmill.publication";
/// What UpdateTable takes of what GetTable gives.
const TABLE_INPUT: &[&str] = &[
    "Name",
    "Description",
    "Owner",
    "LastAccessTime",
    "LastAnalyzedTime",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "TableType",
    "Parameters",
];

/// What a table is to name.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub database: String,
    pub table: String,
    /// The partition keys; none: the table itself has the location.
    pub keys: Vec<Field>,
    /// Of the keys, in their order.
    pub values: Vec<String>,
    pub columns: Vec<Field>,
    /// The folder of the publication, with a slash at its end.
    pub location: String,
    /// The folder that all partitions lie below.
    pub base: String,
    /// `pipeline/step`.
    pub step: String,
    /// The step's `schema_change = "allow"`.
    pub may_change: bool,
    pub publication: String,
    /// Parameters of the location: the run, its counts.
    pub facts: BTreeMap<String, String>,
}

impl Wanted {
    fn claim(&self) -> Claim<'_> {
        Claim { step: &self.step, keys: &self.keys, columns: &self.columns, may_change: self.may_change }
    }
}

/// What Glue answered: `Table` of GetTable, `Partition` of GetPartition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub table: Option<Value>,
    pub partition: Option<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// A reader gets exactly this publication.
    Done,
    Call {
        action: &'static str,
        body: Value,
    },
    Refuse(String),
}

pub fn next(found: &Found, wanted: &Wanted) -> Next {
    let Some(table) = &found.table else {
        let body = json!({"DatabaseName": wanted.database, "TableInput": new_table(wanted)});
        return Next::Call { action: "CreateTable", body };
    };
    let columns = match fit(table, &wanted.claim()) {
        Ok(columns) => columns,
        Err(why) => return Next::Refuse(format!("table {}.{}: {why}", wanted.database, wanted.table)),
    };
    let same = columns_of(table) == columns && text(&table["Parameters"][STEP]) == wanted.step;
    if wanted.keys.is_empty() {
        return if same && names(table, wanted) { Next::Done } else { update_table(table, wanted, &columns) };
    }
    if !same {
        return update_table(table, wanted, &columns);
    }
    let mut body = json!({"DatabaseName": wanted.database, "TableName": wanted.table});
    match &found.partition {
        None => {
            body["PartitionInput"] = partition(table, None, wanted, &columns);
            Next::Call { action: "CreatePartition", body }
        }
        Some(there) if names(there, wanted) && columns_of(there) == columns => Next::Done,
        Some(there) => {
            let input = partition(table, Some(there), wanted, &columns);
            body["Entries"] = json!([{"PartitionValueList": wanted.values, "PartitionInput": input}]);
            Next::Call { action: "BatchUpdatePartition", body }
        }
    }
}

/// Does the table or partition send readers to this publication?
fn names(holder: &Value, wanted: &Wanted) -> bool {
    let at = text(&holder["StorageDescriptor"]["Location"]);
    let facts = wanted.facts.iter().all(|(name, value)| text(&holder["Parameters"][name]) == value);
    at.trim_end_matches('/') == wanted.location.trim_end_matches('/')
        && text(&holder["Parameters"][PUBLICATION]) == wanted.publication
        && facts
}

fn as_columns(fields: &[Field]) -> Value {
    fields.iter().map(|f| json!({"Name": f.name, "Type": f.ty})).collect()
}

/// Columns that were there stay as they were described.
fn with_comments(was: &Value, columns: &[Field]) -> Value {
    let was = |f: &Field| was.as_array().into_iter().flatten().find(|c| text(&c["Name"]) == f.name).cloned();
    columns.iter().map(|f| was(f).unwrap_or_else(|| json!({"Name": f.name, "Type": f.ty}))).collect()
}

fn storage(columns: &[Field], location: &str) -> Value {
    json!({
        "Columns": as_columns(columns),
        "Location": location,
        "InputFormat": INPUT,
        "OutputFormat": OUTPUT,
        "SerdeInfo": {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1"}},
    })
}

/// The parameters as they were, with these.
fn parameters(was: &Value, wanted: &Wanted, with_facts: bool) -> Value {
    let mut all: Map<String, Value> = was.as_object().cloned().unwrap_or_default();
    if with_facts {
        all.insert(PUBLICATION.to_owned(), json!(wanted.publication));
        all.extend(wanted.facts.iter().map(|(name, value)| (name.clone(), json!(value))));
    }
    Value::Object(all)
}

fn new_table(wanted: &Wanted) -> Value {
    let whole = wanted.keys.is_empty();
    let own = json!({"EXTERNAL": "TRUE", "classification": "parquet", STEP: wanted.step});
    json!({
        "Name": wanted.table,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": as_columns(&wanted.keys),
        "Parameters": parameters(&own, wanted, whole),
        "StorageDescriptor": storage(&wanted.columns, if whole { &wanted.location } else { &wanted.base }),
    })
}

/// Of the version that was read, and no other: who came between is read first.
fn update_table(table: &Value, wanted: &Wanted, columns: &[Field]) -> Next {
    let whole = wanted.keys.is_empty();
    let mut input: Map<String, Value> = table.as_object().cloned().unwrap_or_default();
    input.retain(|name, value| TABLE_INPUT.contains(&name.as_str()) && !value.is_null());
    let mut input = Value::Object(input);
    input["StorageDescriptor"]["Columns"] = with_comments(&table["StorageDescriptor"]["Columns"], columns);
    if whole {
        input["StorageDescriptor"]["Location"] = json!(wanted.location);
    }
    let mut parameters = parameters(&table["Parameters"], wanted, whole);
    parameters[STEP] = json!(wanted.step);
    input["Parameters"] = parameters;
    let mut body = json!({"DatabaseName": wanted.database, "TableInput": input, "SkipArchive": true});
    if let Some(version) = table["VersionId"].as_str() {
        body["VersionId"] = json!(version);
    }
    Next::Call { action: "UpdateTable", body }
}

/// With the table's own way of reading, at this publication's place.
fn partition(table: &Value, was: Option<&Value>, wanted: &Wanted, columns: &[Field]) -> Value {
    let mut storage = table["StorageDescriptor"].clone();
    storage["Columns"] = as_columns(columns);
    storage["Location"] = json!(wanted.location);
    let was = was.map_or(&Value::Null, |was| &was["Parameters"]);
    json!({
        "Values": wanted.values,
        "StorageDescriptor": storage,
        "Parameters": parameters(was, wanted, true),
    })
}
