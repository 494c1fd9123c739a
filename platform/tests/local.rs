//! The adapters of this machine keep the ports' contracts, and some promises of their own.

use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_core::records::WorkMessage;
use spotmill_platform::contract;
use spotmill_platform::local::{HeldBy, LocalQueues, LocalStore, LockError, RunLock};
use spotmill_platform::ports::{Created, Queue, Store};
use spotmill_platform::records::{self, RecordError};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

fn directory() -> (tempfile::TempDir, Uri) {
    let dir = tempfile::tempdir().expect("tempdir");
    let uri = Uri::new(dir.path().to_str().expect("UTF-8"));
    (dir, uri)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn store_contract() {
    let (_dir, base) = directory();
    contract::store::all(Arc::new(LocalStore::new()), &base).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_contract() {
    let ((_dir, base), (files, _)) = (directory(), directory());
    contract::files::all(Arc::new(LocalStore::new()), &base, files.path(), 1 << 20).await;
}

#[tokio::test]
async fn pages_contract() {
    let (_dir, base) = directory();
    contract::pages::all(&LocalStore::new(), &base).await;
}

#[tokio::test(start_paused = true)]
async fn queue_contract() {
    contract::queue::all(Arc::new(LocalQueues::new()), "contract").await;
}

#[tokio::test]
async fn only_absolute_paths() {
    let store = LocalStore::new();
    for (uri, part) in [("s3://bucket/key", "S3"), ("data/x.csv", "absolute"), ("", "absolute")] {
        let error = store.get(&Uri::new(uri)).await.expect_err("refused").to_string();
        assert!(error.contains(part), "{error}");
        assert!(store.list(&Uri::new(uri)).await.is_err());
        assert!(store.put(&Uri::new(uri), b"").await.is_err());
    }
}

#[tokio::test]
async fn leftovers_of_a_killed_writer_are_no_objects() {
    let (dir, base) = directory();
    let store = LocalStore::new();
    store.create(&base.join("lease.json"), b"1").await.expect("create");
    let etag = store.head(&base.join("lease.json")).await.expect("head").etag;
    store.swap(&base.join("lease.json"), &etag, b"2").await.expect("swap");
    std::fs::write(dir.path().join(".spotmill-tmp-1-2-3"), "half").expect("write");
    let found = store.list(&base.join("")).await.expect("list");
    assert_eq!(found.iter().map(|m| m.uri.clone()).collect::<Vec<_>>(), [base.join("lease.json")]);
}

#[tokio::test]
async fn an_edit_in_place_changes_the_etag() {
    let (dir, base) = directory();
    let store = LocalStore::new();
    let path = dir.path().join("input.csv");
    std::fs::write(&path, "a,1").expect("write");
    let before = store.head(&base.join("input.csv")).await.expect("head");
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(&path, "b,2").expect("write");
    let after = store.head(&base.join("input.csv")).await.expect("head");
    assert_eq!(before.bytes, after.bytes);
    assert_ne!(before.etag, after.etag);
}

/// Two names of one file have one identity, a copy has its own; places that are linked have one real location.
#[tokio::test]
async fn what_links_lead_to_is_known() {
    let ((dir, base), (elsewhere, _)) = (directory(), directory());
    let store = LocalStore::new();
    std::fs::write(elsewhere.path().join("x"), "1").expect("written");
    std::fs::write(dir.path().join("copy"), "1").expect("written");
    std::fs::hard_link(elsewhere.path().join("x"), elsewhere.path().join("hard")).expect("link");
    symlink(elsewhere.path(), dir.path().join("data")).expect("link");
    symlink(elsewhere.path().join("x"), dir.path().join("soft")).expect("link");
    symlink(dir.path(), dir.path().join("circle")).expect("link");
    let listed = store.list(&base.join("")).await.expect("listed");
    let file = |name: &str| listed.iter().find(|o| o.uri == base.join(name)).and_then(|o| o.file);
    assert!(file("soft").is_some());
    for name in ["data/x", "data/hard"] {
        assert_eq!(file(name), file("soft"), "{name}");
    }
    assert_ne!(file("copy"), file("soft"));
    let real = |path: &std::path::Path| Uri::new(path.canonicalize().expect("a path").to_string_lossy());
    let (here, there) = (real(dir.path()), real(elsewhere.path()));
    assert_eq!(store.real(&base.join("data/new/folder")).await.expect("found"), there.join("new/folder"));
    assert_eq!(store.real(&base.join("not/yet")).await.expect("found"), here.join("not/yet"));
    let mut links = store.links(&base.join("")).await.expect("listed");
    links.sort();
    assert_eq!(links, [(base.join("circle"), here), (base.join("data"), there)]);
}

#[tokio::test]
async fn links_are_followed_but_not_in_circles() {
    let (dir, base) = directory();
    let (elsewhere, _) = directory();
    std::fs::write(elsewhere.path().join("x.csv"), "1").expect("write");
    symlink(elsewhere.path(), dir.path().join("data")).expect("link");
    symlink(dir.path(), dir.path().join("circle")).expect("link");
    symlink("/nowhere/at/all", dir.path().join("broken")).expect("link");
    let found = LocalStore::new().list(&base.join("")).await.expect("list");
    // A link to nowhere is a file that cannot be read: whoever asks for it has to hear so.
    let expected = [base.join("broken"), base.join("data/x.csv")];
    assert_eq!(found.iter().map(|m| m.uri.clone()).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_delete_leaves_no_empty_directory_and_a_write_makes_it_again() {
    let (dir, base) = directory();
    let store = LocalStore::new();
    let (one, two) = (base.join("out/carrier=AA/1"), base.join("out/carrier=AA/2"));
    store.put(&one, b"1").await.expect("put");
    store.put(&two, b"2").await.expect("put");
    store.delete(&one).await.expect("delete");
    assert!(dir.path().join("out/carrier=AA").is_dir());
    store.delete(&two).await.expect("delete");
    assert!(!dir.path().join("out/carrier=AA").exists());
    assert!(dir.path().join("out").is_dir(), "one level only");
    store.put(&one, b"1").await.expect("put");
}

#[tokio::test]
async fn records_have_versions_and_errors_name_keys() {
    let (_dir, base) = directory();
    let store = LocalStore::new();
    let uri = base.join("message.json");
    assert!(records::load::<WorkMessage>(&store, &uri).await.expect("absent is no error").is_none());
    let message = WorkMessage {
        v: 1,
        run: "p/2013-01-01".into(),
        step: "s".into(),
        generation: 1,
        epoch: 2,
        round: 0,
        rung: 0,
        item: 3,
        work_digest: "d".to_owned(),
        from: 0,
        to: 9,
    };
    assert_eq!(records::create(&store, &uri, &message).await.expect("create"), Created::Now);
    let (read, etag) = records::load::<WorkMessage>(&store, &uri).await.expect("load").expect("there");
    assert_eq!(read, message);
    records::swap(&store, &uri, &etag, &WorkMessage { item: 4, ..message.clone() }).await.expect("swap");
    records::put(&store, &uri, &WorkMessage { v: 2, ..message }).await.expect("put");
    let error = records::load::<WorkMessage>(&store, &uri).await.expect_err("another version");
    assert!(matches!(error, RecordError::Version { found: 2, .. }), "{error}");
    for text in ["", "{", "[]", r#"{"v":1}"#, r#"{"run":"x"}"#] {
        store.put(&uri, text.as_bytes()).await.expect("put");
        let error = records::load::<WorkMessage>(&store, &uri).await.expect_err("corrupt");
        assert!(matches!(error, RecordError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(uri.as_str()), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_removed_queue_wakes_its_receivers_and_forgets_receipts() {
    let queues = LocalQueues::new();
    queues.create("q").await.expect("create");
    queues.send("q", &["a".to_owned()]).await.expect("send");
    let old = queues.receive("q", 1, Duration::ZERO, Duration::from_secs(9)).await.expect("receive").remove(0);
    let waiting = tokio::spawn({
        let queues = queues.clone();
        async move { queues.receive("q", 1, Duration::from_secs(3_600), Duration::from_secs(1)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    queues.remove("q").await.expect("remove");
    assert!(waiting.await.expect("task").is_err());
    queues.create("q").await.expect("create");
    queues.send("q", &["b".to_owned()]).await.expect("send");
    queues.receive("q", 1, Duration::ZERO, Duration::from_secs(9)).await.expect("receive");
    assert!(queues.delete("q", &old.receipt).await.is_err());
    assert_eq!(queues.depth("q"), Some(1));
}

#[test]
fn a_run_lock_names_its_holder_and_is_free_when_dropped() {
    let (dir, _) = directory();
    let path = dir.path().join("runs/x/lock");
    let held = RunLock::try_take(&path, &ExecutionId::new("local:1")).expect("free");
    let Err(LockError::Held { by, .. }) = RunLock::try_take(&path, &ExecutionId::new("local:2")) else {
        panic!("held")
    };
    assert_eq!(by, HeldBy { pid: std::process::id(), execution: ExecutionId::new("local:1"), since_ms: by.since_ms });
    assert!(by.since_ms > 0);
    drop(held);
    RunLock::try_take(&path, &ExecutionId::new("local:2")).expect("free again");
}
