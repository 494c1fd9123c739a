//! Whether a table that is there is one that a step may keep, with the columns that it makes. It is asked before anything is
//! published, and again with each call.

use super::{Field, merged};
use serde_json::Value;

/// The step that keeps the table.
pub(super) const STEP: &str = "spotmill.step";

/// What a step would have of a table.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// `pipeline/step`.
    pub step: &'a str,
    pub keys: &'a [Field],
    /// Empty: they are not known yet.
    pub columns: &'a [Field],
    /// The step's `schema_change = "allow"`.
    pub may_change: bool,
}

/// The columns that the table has afterwards; or why it is not for this step, and what to do.
pub fn fit(table: &Value, claim: &Claim<'_>) -> Result<Vec<Field>, String> {
    if let Some(why) = refused(table, claim) {
        return Err(why);
    }
    let there = columns_of(table);
    let merged = merged(&there, claim.columns)
        .map_err(|why| format!("{why}. Alter the table, CAST or rename with AS in the step, or name another table"))?;
    let is_free = text(&table["Parameters"][STEP]).is_empty();
    if !is_free || claim.may_change || claim.columns.is_empty() {
        return Ok(merged);
    }
    let list = |all: &[Field], but: &[Field]| {
        let all = all.iter().filter(|f| !but.contains(f)).map(|f| format!("`{}` {}", f.name, f.ty));
        all.collect::<Vec<_>>().join(", ")
    };
    let what = match (list(&there, claim.columns), list(claim.columns, &there)) {
        (gone, new) if gone.is_empty() && new.is_empty() => return Ok(merged),
        (gone, _) if !gone.is_empty() => {
            format!("it has {gone}, which this run does not make: readers would find NULL")
        }
        (_, new) => format!("this run makes {new}, which it does not have: they would be added"),
    };
    Err(format!(
        "no step keeps it yet, and {what}. If it is to be taken over so, set schema_change = \"allow\" under [step.output]; \
         else alter the table, or name another"
    ))
}

/// Why the table is none that this step may keep, whatever its columns.
fn refused(table: &Value, claim: &Claim<'_>) -> Option<String> {
    let owner = text(&table["Parameters"][STEP]);
    if !owner.is_empty() && owner != claim.step {
        return Some(format!(
            "it is kept by step {owner}, and this is {}: name another table, or take its parameter `{STEP}` away",
            claim.step
        ));
    }
    if text(&table["Parameters"]["projection.enabled"]).eq_ignore_ascii_case("true") {
        return Some(
            "it has partition projection, which reads folders and not partitions: old files beside new ones. Take its \
             parameter `projection.enabled` away, or name another table"
                .to_owned(),
        );
    }
    if text(&table["TableType"]) == "VIRTUAL_VIEW" {
        return Some("it is a view: name another table".to_owned());
    }
    if !text(&table["Parameters"]["table_type"]).is_empty() {
        let kind = text(&table["Parameters"]["table_type"]);
        return Some(format!("it is an {kind} table, whose files only {kind} may name: name another table"));
    }
    let serde = text(&table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]);
    if !serde.to_lowercase().contains("parquet") {
        return Some(format!("its files are read with `{serde}`, and these are Parquet: name another table"));
    }
    let keys = fields(&table["PartitionKeys"]);
    let list = |keys: &[Field]| match keys {
        [] => "nothing".to_owned(),
        some => some.iter().map(|k| format!("{} {}", k.name, k.ty)).collect::<Vec<_>>().join(", "),
    };
    (keys != claim.keys)
        .then(|| format!("it is partitioned by {}, and the step's by {}", list(&keys), list(claim.keys)))
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fields(list: &Value) -> Vec<Field> {
    let field = |f: &Value| Field { name: text(&f["Name"]).to_owned(), ty: text(&f["Type"]).to_owned() };
    list.as_array().into_iter().flatten().map(field).collect()
}

pub(super) fn columns_of(holder: &Value) -> Vec<Field> {
    fields(&holder["StorageDescriptor"]["Columns"])
}
