//! Records that a program did not write, or wrote otherwise: whatever stands in them, they are read as what is written
//! back, or refused; and nothing that is made of one that was read panics. The samples are of a day of flights.
//! `PROPTEST_CASES` sets how many there are of each; what has failed once is kept beside this folder and tried first.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spotmill_core::dead;
use spotmill_core::destination::Contents;
use spotmill_core::fleet::FleetRequest;
use spotmill_core::history::History;
use spotmill_core::records::{
    Callback, Decisions, Deployed, Lease, Manifest, Plan, PlanTables, Receipt, RunReport, Seal, SealedFile, WorkItem,
    WorkMessage,
};
use spotmill_core::seal::SealedFiles;
use spotmill_core::tally::Tally;
use std::fmt::Debug;

/// Reads a text as a record and says whether it is one; what was read has to be what is written.
type Reads = fn(&[u8]) -> bool;

const RECORDS: [(&str, Reads); 17] = [
    (include_str!("records/callback.json"), same::<Callback>),
    (include_str!("records/decisions.json"), same::<Decisions>),
    (include_str!("records/deployed.json"), same::<Deployed>),
    (include_str!("records/history.json"), same::<History>),
    (include_str!("records/lease.json"), same::<Lease>),
    (include_str!("records/machines.json"), same::<FleetRequest>),
    (include_str!("records/manifest.json"), same::<Manifest>),
    (include_str!("records/plan.json"), same::<Plan>),
    (include_str!("records/plan_tables.json"), same::<PlanTables>),
    (include_str!("records/publication.json"), same::<Contents>),
    (include_str!("records/receipt.json"), receipt),
    (include_str!("records/report.json"), same::<RunReport>),
    (include_str!("records/seal.json"), same::<Seal>),
    (include_str!("records/sealed_file.json"), same::<SealedFile>),
    (include_str!("records/tally.json"), same::<Tally>),
    (include_str!("records/work_item.json"), same::<WorkItem>),
    (include_str!("records/work_message.json"), message),
];

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<T>(text) else { return false };
    let written = serde_json::to_vec(&read).expect("a record is written");
    assert_eq!(serde_json::from_slice::<T>(&written).expect("and read again"), read);
    true
}

fn receipt(text: &[u8]) -> bool {
    let Ok(receipt) = serde_json::from_slice::<Receipt>(text) else { return false };
    if receipt.rows.contradiction(&receipt.files).is_none() {
        let mut sum = receipt.rows;
        (0..1000).for_each(|_| sum += receipt.rows);
        assert_eq!(receipt.files.iter().map(|f| f.rows).sum::<u64>(), receipt.rows.written);
    }
    let mut files = SealedFiles::default();
    files.add(receipt.item, &receipt);
    files.sort();
    let lines = files.pages(100).flatten().filter(|byte| *byte == b'\n').count();
    assert_eq!((files.iter().count(), lines), (receipt.files.len(), receipt.files.len()), "a line a file");
    same::<Receipt>(text)
}

fn message(text: &[u8]) -> bool {
    let _ = dead::read(&String::from_utf8_lossy(text));
    same::<WorkMessage>(text)
}

/// The places of all values within a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(all) => all.iter().enumerate().for_each(|(i, one)| places(one, &format!("{at}/{i}"), found)),
        Value::Object(all) => all.iter().for_each(|(key, one)| {
            places(one, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => {}
    }
}

/// What stands where something else should.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!([]),
            json!({}),
            json!(true),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(-1),
            json!(1e300),
        ]),
        "[\\PC\n/.=%~]{0,12}".prop_map(Value::from),
        "[a-z_]{1,10}".prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
    ]
}

/// A record with some of its values changed, or gone.
fn changed(text: &str, changes: Vec<(prop::sample::Index, Option<Value>)>) -> Value {
    let mut value: Value = serde_json::from_str(text).expect("a sample is JSON");
    for (index, to) in changes {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let place = &all[index.index(all.len())];
        match (to, place.rsplit_once('/')) {
            (None, Some((parent, key))) => {
                if let Some(Value::Object(object)) = value.pointer_mut(parent) {
                    object.remove(&key.replace("~1", "/").replace("~0", "~"));
                }
            }
            (to, _) => *value.pointer_mut(place).expect("a place of it") = to.unwrap_or_default(),
        }
    }
    value
}

#[test]
fn the_samples_are_records() {
    for (text, reads) in RECORDS {
        assert!(reads(text.as_bytes()), "{text}");
    }
}

proptest! {
    #[test]
    fn a_record_with_other_values_is_read_as_it_is_written_or_refused(
        which in 0..RECORDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(odd())), 1..4),
    ) {
        let (text, reads) = RECORDS[which];
        let _ = reads(changed(text, changes).to_string().as_bytes());
    }

    #[test]
    fn bytes_that_are_no_record_are_refused(
        which in 0..RECORDS.len(),
        from in any::<prop::sample::Index>(),
        drop in 0..12usize,
        put in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let (text, reads) = RECORDS[which];
        let mut text = text.as_bytes().to_vec();
        let from = from.index(text.len());
        text.splice(from..(from + drop).min(text.len()), put);
        let _ = reads(&text);
    }
}
