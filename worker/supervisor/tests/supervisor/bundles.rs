//! What an item writes as one object of S3, and what it reads out of one.

use crate::common::World;
use spotmill_core::bundle;
use spotmill_core::digest::Content;
use spotmill_core::item::FailureClass;
use spotmill_core::records::CallbackKind;

/// Reports files of these bytes and texts, and a rejected row.
const SEVERAL: &str = r#"
several() { # BYTES OF THE SECOND
  mkdir -p "$SCRATCH/k=a" "$SCRATCH/k=b" "$SCRATCH/rejects"
  printf one > "$SCRATCH/k=a/0.parquet"; printf three > "$SCRATCH/k=b/0.parquet"
  printf '{}\n' > "$SCRATCH/rejects/rejects.ndjson"
  printf '{"done":{"v":1,"rows_raw":3,"rows_read":2,"rows_rejected":1,"rows_written":2,"files":[
    {"partition":"k=a","part":0,"path":"k=a/0.parquet","rows":1,"bytes":3,"offset":7},
    {"partition":"k=b","part":0,"path":"k=b/0.parquet","rows":1,"bytes":%d}],
    "rejects":{"partition":"rejects","part":0,"path":"rejects/rejects.ndjson","rows":1,"bytes":3,"offset":9},
    "columns":[],"violations":[],"notes":[]}}' "$1" > "$OUT"
}
"#;

fn content(text: &str) -> String {
    let mut content = Content::default();
    content.update(text.as_bytes());
    content.hex()
}

#[tokio::test]
async fn what_only_steps_read_is_one_object_of_its_attempt() {
    let world = World::away(1, &format!("{SEVERAL}\nseveral 5")).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    let receipt = world.receipt(0).await.expect("receipt");
    let (bundle, rejects) = (receipt.scratch.join(bundle::NAME), receipt.scratch.join("rejects/rejects.ndjson"));
    assert_eq!(world.scratch().await, [bundle.0.clone(), rejects.0]);
    assert_eq!(world.store.get(&bundle).await.expect("bundle").body, b"onethree");
    // Where a file lies, and what it holds, each by itself; what the child said of it counts for nothing.
    assert_eq!(receipt.files.iter().map(|file| file.offset).collect::<Vec<_>>(), [Some(0), Some(3)]);
    assert_eq!(receipt.contents, [content("one"), content("three")]);
    assert_eq!(receipt.rejects.expect("rejects").offset, None);
}

#[tokio::test]
async fn on_this_machine_files_stay_files() {
    let world = World::new(&format!("{SEVERAL}\nseveral 5"), "").await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    let receipt = world.receipt(0).await.expect("receipt");
    assert_eq!(world.scratch().await.len(), 3);
    assert!(receipt.files.iter().chain(&receipt.rejects).all(|file| file.offset.is_none()));
    assert_eq!(receipt.contents, [content("one"), content("three")]);
}

#[tokio::test]
async fn a_file_of_another_size_than_reported_is_a_crash_and_leaves_no_bundle() {
    let world = World::away(1, &format!("{SEVERAL}\nseveral 4")).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
    let record = world.failures().await.remove(0);
    assert_eq!(record.class, FailureClass::Crash);
    assert!(record.message.contains("reported 4 bytes of k=b/0.parquet, but there are 5"), "{record:?}");
    assert!(world.receipt(0).await.is_none());
    assert_eq!(world.scratch().await, [""; 0]);
}

#[tokio::test]
async fn a_file_is_read_out_of_its_bundle() {
    let read = "IN=$(grep -o '\"uri\":\"[^\"]*\"' \"$SPEC\" | head -1 | cut -d'\"' -f4)\ncp \"$IN\" $HERE/$(basename $(dirname $IN)); finish";
    let world = World::reading_a_bundle(2, read).await;
    world.settle(2).await;
    for (name, text) in [("k=0", "0\n1\n"), ("k=1", "2\n3\n")] {
        assert_eq!(std::fs::read_to_string(world.local(name)).expect("read"), text);
    }
}

#[tokio::test]
async fn a_bundle_that_changed_while_it_was_read_voids_the_attempt() {
    for change in ["echo 8 >> $BUNDLE", "rm $BUNDLE"] {
        let script = format!("BUNDLE=$HERE/../away/bucket/up/bundle\nfinish; {change}");
        let world = World::reading_a_bundle(1, &script).await;
        assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
        let record = world.failures().await.remove(0);
        assert_eq!(record.class, FailureClass::InputChanged);
        assert!(record.file.expect("file").ends_with("up/k=0/0.csv") && record.message.contains("while it was read"));
        assert!(world.receipt(0).await.is_none());
        assert_eq!(world.scratch().await, [""; 0]);
    }
}

#[tokio::test]
async fn another_bundle_than_was_planned_for_is_not_read() {
    let world = World::reading_a_bundle(1, "finish").await;
    world.store.put(&"s3://bucket/up/bundle".into(), b"0\n1\n2\n3\n4\n5\n6\n7\n").await.expect("put");
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
    let record = world.failures().await.remove(0);
    assert_eq!((record.class, world.started()), (FailureClass::InputChanged, 0));
    assert!(record.message.contains("up/k=0/0.csv was changed since it was pinned"), "{record:?}");
}
