use crate::door::{file, pipeline, step};
use spotmill_core::model::{ItemValue, OnEmpty, Step, Values};
use spotmill_core::plan::{
    Found, FoundFile, PlanError, Written, item_digest, line_range, plan_for, work_list, work_pages,
};
use spotmill_core::records::WorkItem;
use std::collections::BTreeMap;

/// A step that nobody reads, whose files are objects of their own.
const PUBLISHED: Written = Written { is_read: false, is_bundled: false };

/// Files as `name:bytes`, of a step's output as `partition/name:bytes`.
fn found(files: &[&str]) -> Found {
    let one = |text: &&str| match text.split_once('/') {
        Some((partition, name)) => FoundFile { file: file(name), partition: partition.into() },
        None => FoundFile { file: file(text), partition: String::new() },
    };
    Found { files: files.iter().map(one).collect(), if_empty: "nothing matches".into() }
}

fn reading(by: &str, table: &str) -> Step {
    let text = format!(
        "[[step]]\nname = \"a\"\nsql = \"SELECT k FROM input\"\ninput = {{ path = \"/in/{{date}}.csv\", columns = [\"k string\"] }}\n\
         output = {{ partition_by = [\"k\"] }}\n[[step]]\nname = \"s\"\nsql = \"SELECT input.k FROM input{}\"\n\
         input = {{ step = \"a\", by = \"{by}\" }}\n{table}\n[step.output]\ndestination = \"/out/{{date}}\"\n",
        if table.is_empty() { "" } else { " JOIN t ON t.k = input.k" }
    );
    pipeline(&text).steps.remove(1)
}

/// Items as the names they read, `,` within and ` ` between.
#[track_caller]
fn check(step: &Step, input: &[&str], tables: &[(&str, &[&str])], expected: &str) {
    let tables = tables.iter().map(|(name, files)| ((*name).to_owned(), found(files))).collect();
    let input = found(input);
    let outcome = match plan_for(step, &input, &tables, PUBLISHED) {
        Ok(planned) => planned.items().map(|item| shown(&item)).collect::<Vec<_>>().join(" "),
        Err(PlanError::NoInput(why)) => format!("no input: {why}"),
        Err(PlanError::TooMuch(why)) => format!("too much: {why}"),
    };
    assert_eq!(outcome, expected);
}

fn shown(item: &WorkItem) -> String {
    let names = |files: &[spotmill_core::item::InputFile]| {
        files.iter().map(|f| f.uri.to_string()).collect::<Vec<_>>().join(",")
    };
    let mut text = item.partition.as_ref().map_or(String::new(), |p| format!("{p}="));
    text.push_str(&names(&item.inputs));
    for files in item.tables.values() {
        text.push_str(&format!("+{}", names(files)));
    }
    match &item.value {
        Some(v) => format!("{text}?{:?}", v.value),
        None => text,
    }
}

#[test]
fn paths_are_packed_in_listing_order_and_never_split() {
    let packed = step("item_bytes = \"10 B\"", "");
    check(&packed, &["a:4", "b:6", "c:1"], &[], "a,b c");
    check(&packed, &["a:11", "b:1", "c:9", "d:1"], &[], "a b,c d");
    check(&packed, &[], &[], "no input: nothing matches");
    let mut lenient = packed;
    lenient.input.on_empty = OnEmpty::Skip;
    check(&lenient, &[], &[], "");
}

#[test]
fn steps_are_read_by_partition_file_or_all() {
    let files = &["k=x/a:1", "k=x/b:1", "k=y/c:1"];
    check(&reading("partition", ""), files, &[], "k=x=a,b k=y=c");
    check(&reading("file", ""), files, &[], "a b c");
    check(&reading("all", ""), files, &[], "a,b,c");
}

#[test]
fn partitions_are_those_of_the_input_and_of_joined_tables() {
    let joined = reading("partition", "[step.tables.t]\nstep = \"a\"\nby = \"partition\"");
    check(&joined, &["k=x/a:1", "k=y/b:1"], &[("t", &["k=y/t1:1", "k=z/t2:1"])], "k=x=a+ k=y=b+t1 k=z=+t2");
    let whole = reading("partition", "[step.tables.t]\npath = \"/t.csv\"\ncolumns = [\"k string\"]");
    check(&whole, &["k=x/a:1"], &[("t", &["t:1"])], "k=x=a");
    check(&whole, &["k=x/a:1"], &[("t", &[])], "no input: side table `t`: nothing matches");
}

#[test]
fn values_are_one_item_each_over_the_whole_input() {
    let mut sliced = step("", "");
    sliced.input.values = Some(Values { column: "k".into(), range: Some((0, 1)), list: None });
    check(&sliced, &["a:1", "b:1"], &[], "a,b?Int(0) a,b?Int(1)");
    let list = Some(vec![ItemValue::Text("x".into())]);
    sliced.input.values = Some(Values { column: "k".into(), range: None, list });
    check(&sliced, &["a:1", "b:1"], &[], "a,b?Text(\"x\")");
}

#[test]
fn what_costs_more_in_requests_than_in_machines_is_refused_with_its_price() {
    let mut wide = step("item_bytes = \"1 B\"", "");
    wide.output.layout = spotmill_core::model::Layout::Bucket { by: vec!["k".into()], buckets: 512 };
    let names: Vec<String> = (0..977).map(|i| format!("f{i}:1")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let PlanError::TooMuch(why) = plan_for(&wide, &found(&names), &BTreeMap::new(), PUBLISHED).unwrap_err() else {
        panic!()
    };
    assert!(why.contains("977 items × 512 buckets are 500224 files") && why.contains("about $2.50 a run"), "{why}");
    assert!(plan_for(&wide, &found(&names[..976]), &BTreeMap::new(), PUBLISHED).is_ok());
    // One object an item: what is written costs little, and only lists of it are bounded.
    let bundled = Written { is_read: true, is_bundled: true };
    assert!(plan_for(&wide, &found(&names), &BTreeMap::new(), bundled).is_ok());
    wide.output.layout = spotmill_core::model::Layout::Bucket { by: vec!["k".into()], buckets: 819 };
    let PlanError::TooMuch(why) = plan_for(&wide, &found(&names), &BTreeMap::new(), bundled).unwrap_err() else {
        panic!()
    };
    assert!(why.contains("of at most 800000: the list of what later steps read"), "{why}");
}

#[test]
fn the_work_list_is_the_same_bytes_twice_and_offsets_point_at_lines() {
    let step = step("item_bytes = \"1 B\"", "");
    let (input, tables) = (found(&["a:1", "b:1"]), BTreeMap::new());
    let planned = plan_for(&step, &input, &tables, PUBLISHED).unwrap();
    assert_eq!(planned.items, 2);
    let list = work_list(planned.items()).unwrap();
    assert_eq!(list, work_list(planned.items()).unwrap());
    let bytes: Vec<u8> = work_pages(planned.items(), usize::MAX).flatten().collect();
    // Small pages are the same bytes.
    assert_eq!(work_pages(planned.items(), 1).count(), 2);
    assert_eq!(work_pages(planned.items(), 1).flatten().collect::<Vec<u8>>(), bytes);
    assert_eq!(list.digest, spotmill_core::digest::sha256(&bytes));
    for item in planned.items() {
        let (from, to) = line_range(&list.offsets, item.item).unwrap();
        let line = &bytes[from as usize..to as usize];
        assert_eq!(serde_json::from_slice::<WorkItem>(line).unwrap(), item);
        assert_eq!(item_digest(line).len(), 64);
    }
    assert_eq!(line_range(&list.offsets, 2), None);
}

#[test]
fn sizes_of_items_are_reported() {
    let sizes = |all: &[u64]| spotmill_core::plan::sizes(all.to_vec()).map(|s| (s.median, s.nine_of_ten, s.largest));
    assert_eq!(sizes(&[]), None);
    assert_eq!(sizes(&[7]), Some((7, 7, 7)));
    assert_eq!(sizes(&[9, 1, 2, 3, 4, 5, 6, 7, 8, 100]), Some((5, 9, 100)), "in whatever order");
}
