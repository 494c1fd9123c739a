//! The promises of a store. `base` is a location of the caller's own, empty before; suites leave things there.

use crate::ports::{Created, Store, StoreError, Swapped};
use spotmill_core::digest::Content;
use spotmill_core::ids::Uri;
use std::sync::Arc;

/// The whole suite.
pub async fn all<S: Store + 'static>(store: Arc<S>, base: &Uri) {
    absent_things(&*store, &base.join("absent")).await;
    round_trip(&*store, &base.join("round")).await;
    ranges(&*store, &base.join("ranges")).await;
    etags_agree_and_change(&*store, &base.join("etags")).await;
    create_only_if_absent(&*store, &base.join("create")).await;
    one_of_many_creates(store.clone(), &base.join("race")).await;
    swap_only_what_was_seen(&*store, &base.join("swap")).await;
    swaps_lose_no_update(store.clone(), &base.join("counter")).await;
    readers_see_whole_objects(store.clone(), &base.join("whole")).await;
    listing(&*store, &base.join("list")).await;
    super::pages::all(&*store, &base.join("pages")).await;
    copies(&*store, &base.join("copy")).await;
    copies_of_ranges(&*store, &base.join("part")).await;
    keys_below_keys(&*store, &base.join("below")).await;
    awkward_names(&*store, &base.join("names")).await;
}

pub(super) fn is_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>, uri: &Uri) {
    match result {
        Err(StoreError::NotFound(named)) => {
            assert_eq!(&named, uri, "the error names another object")
        }
        other => panic!("expected `not found` for {uri}, got {other:?}"),
    }
}

async fn absent_things(store: &(impl Store + ?Sized), base: &Uri) {
    let nothing = base.join("a/b/nothing.json");
    is_not_found(store.get(&nothing).await, &nothing);
    is_not_found(store.head(&nothing).await, &nothing);
    is_not_found(store.get_range(&nothing, 0, 1).await, &nothing);
    is_not_found(store.copy(&nothing, &base.join("to")).await, &nothing);
    store.delete(&nothing).await.expect("deleting what is absent is fine");
    assert_eq!(store.swap(&nothing, "x", b"").await.expect("swap"), Swapped::No, "nothing to replace");
    assert_eq!(store.list(base).await.expect("list"), [], "a failed operation left something");
}

async fn round_trip(store: &(impl Store + ?Sized), base: &Uri) {
    for (name, body) in [("empty", &b""[..]), ("deep/er/é x=1.json", b"{}"), ("big", &[7; 300_000])] {
        let uri = base.join(name);
        store.put(&uri, body).await.expect("put");
        assert_eq!(store.get(&uri).await.expect("get").body, body, "{uri}");
        assert_eq!(store.head(&uri).await.expect("head").bytes, body.len() as u64);
        store.put(&uri, b"other").await.expect("put replaces");
        assert_eq!(store.get(&uri).await.expect("get").body, b"other");
        store.delete(&uri).await.expect("delete");
        is_not_found(store.head(&uri).await, &uri);
    }
}

async fn ranges(store: &(impl Store + ?Sized), base: &Uri) {
    let uri = base.join("digits");
    store.put(&uri, b"0123456789").await.expect("put");
    for (from, to, expected) in [(0, 10, "0123456789"), (3, 5, "34"), (9, 10, "9"), (8, 99, "89"), (4, 4, "")] {
        let got = store.get_range(&uri, from, to).await.expect("range");
        assert_eq!(String::from_utf8_lossy(&got), expected, "{from}..{to}");
    }
}

async fn etags_agree_and_change(store: &(impl Store + ?Sized), base: &Uri) {
    let uri = base.join("object");
    let mut seen = Vec::new();
    for body in [b"aa", b"bb", b"cc", b"dd"] {
        store.put(&uri, body).await.expect("put");
        let got = store.get(&uri).await.expect("get").etag;
        let head = store.head(&uri).await.expect("head");
        let listed = store.list(&uri).await.expect("list");
        assert_eq!(got, head.etag, "get and head disagree");
        assert!(head.modified_ms > 1_600_000_000_000, "no time of writing: {head:?}");
        assert_eq!(listed, [head], "head and list disagree");
        assert!(!seen.contains(&got), "another content has an ETag seen before");
        seen.push(got);
    }
}

async fn create_only_if_absent(store: &(impl Store + ?Sized), base: &Uri) {
    let uri = base.join("receipt.json");
    assert_eq!(store.create(&uri, b"first").await.expect("create"), Created::Now);
    assert_eq!(store.create(&uri, b"second").await.expect("create"), Created::Already);
    assert_eq!(store.get(&uri).await.expect("get").body, b"first");
    store.delete(&uri).await.expect("delete");
    assert_eq!(store.create(&uri, b"third").await.expect("create"), Created::Now);
}

async fn one_of_many_creates<S: Store + 'static>(store: Arc<S>, base: &Uri) {
    for round in 0..10 {
        let uri = base.join(&format!("{round}.json"));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..16u32 {
            let (store, uri) = (store.clone(), uri.clone());
            writers.spawn(async move {
                let body = format!("{writer}").repeat(5_000);
                let outcome = store.create(&uri, body.as_bytes()).await.expect("create");
                let seen = store.get(&uri).await.expect("whoever created or lost can read").body;
                (outcome, body, seen)
            });
        }
        let ends = writers.join_all().await;
        let winners: Vec<_> = ends.iter().filter(|(outcome, ..)| *outcome == Created::Now).collect();
        assert_eq!(winners.len(), 1, "one writer wins");
        let (_, won, _) = winners[0];
        assert!(ends.iter().all(|(.., seen)| seen == won.as_bytes()), "everybody reads the winner's whole object");
    }
}

async fn swap_only_what_was_seen(store: &(impl Store + ?Sized), base: &Uri) {
    let uri = base.join("lease.json");
    store.create(&uri, b"1").await.expect("create");
    let first = store.get(&uri).await.expect("get").etag;
    let Swapped::Yes(second) = store.swap(&uri, &first, b"2").await.expect("swap") else {
        panic!("the version just read can be replaced")
    };
    assert_eq!(store.get(&uri).await.expect("get").etag, second, "a swap returns the new version's ETag");
    assert_eq!(store.swap(&uri, &first, b"3").await.expect("swap"), Swapped::No, "an old version was replaced");
    // The same content a second time is another version: an epoch must not be mintable twice.
    let Swapped::Yes(third) = store.swap(&uri, &second, b"1").await.expect("swap") else { panic!("swap") };
    assert_eq!(store.get(&uri).await.expect("get").body, b"1");
    assert_ne!(third, second);
    store.delete(&uri).await.expect("delete");
    assert_eq!(store.swap(&uri, &third, b"4").await.expect("swap"), Swapped::No, "a deleted object was replaced");
}

async fn swaps_lose_no_update<S: Store + 'static>(store: Arc<S>, base: &Uri) {
    const TASKS: u32 = 8;
    const TIMES: u32 = 8;
    let uri = base.join("counter");
    store.create(&uri, b"0").await.expect("create");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (store, uri) = (store.clone(), uri.clone());
        tasks.spawn(async move {
            for _ in 0..TIMES {
                loop {
                    let seen = store.get(&uri).await.expect("get");
                    let n: u32 = String::from_utf8(seen.body).expect("text").parse().expect("a whole number");
                    let next = (n + 1).to_string();
                    match store.swap(&uri, &seen.etag, next.as_bytes()).await.expect("swap") {
                        Swapped::Yes(_) => break,
                        Swapped::No => {}
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.get(&uri).await.expect("get").body, (TASKS * TIMES).to_string().as_bytes(), "an update was lost");
}

async fn readers_see_whole_objects<S: Store + 'static>(store: Arc<S>, base: &Uri) {
    let uri = base.join("object");
    store.put(&uri, &[0; 50_000]).await.expect("put");
    let writer = tokio::spawn({
        let (store, uri) = (store.clone(), uri.clone());
        async move {
            for n in 1..30u8 {
                store.put(&uri, &vec![n; 50_000]).await.expect("put");
            }
        }
    });
    while !writer.is_finished() {
        let body = store.get(&uri).await.expect("the object is there at every moment").body;
        assert_eq!(body.len(), 50_000);
        assert!(body.iter().all(|b| *b == body[0]), "half of one version and half of another");
    }
    writer.await.expect("writer");
}

async fn listing(store: &(impl Store + ?Sized), base: &Uri) {
    // Bytewise over the whole location: `-` and `.` sort before `/`, upper case before lower.
    let names = ["a-b", "a.b", "a/B", "a/b", "a/b/c/d", "a/é", "a0", "b/1", "b/10", "b/2"];
    for name in names.iter().rev() {
        // A file cannot also be a directory, and no key of ours is below another key.
        if *name != "a/b" {
            store.put(&base.join(name), name.as_bytes()).await.expect("put");
        }
    }
    let list = async |prefix: &str| -> Vec<String> {
        let found = store.list(&base.join(prefix)).await.expect("list");
        found.iter().map(|m| m.uri.as_str()[base.as_str().len() + 1..].to_owned()).collect()
    };
    assert_eq!(list("").await, ["a-b", "a.b", "a/B", "a/b/c/d", "a/é", "a0", "b/1", "b/10", "b/2"]);
    assert_eq!(list("a/").await, ["a/B", "a/b/c/d", "a/é"]);
    assert_eq!(list("a/b").await, ["a/b/c/d"], "a prefix is a string, not a directory");
    assert_eq!(list("b/1").await, ["b/1", "b/10"]);
    assert_eq!(list("zzz/y").await, [""; 0]);
    for found in store.list(base).await.expect("list") {
        assert_eq!(found, store.head(&found.uri).await.expect("head"));
    }
}

async fn copies(store: &(impl Store + ?Sized), base: &Uri) {
    let (from, to) = (base.join("from"), base.join("some/where/to"));
    store.put(&from, b"one").await.expect("put");
    let named = store.copy(&from, &to).await.expect("copy");
    let mut content = Content::default();
    content.update(b"one");
    assert!(named.is_none_or(|named| named == content.hex()), "the answer names other bytes");
    store.put(&from, b"two").await.expect("put");
    assert_eq!(store.get(&to).await.expect("get").body, b"one", "a copy is not a link");
    store.copy(&from, &to).await.expect("copy overwrites");
    assert_eq!(store.get(&to).await.expect("get").body, b"two");
    store.delete(&from).await.expect("delete");
    assert_eq!(store.get(&to).await.expect("get").body, b"two");
}

async fn copies_of_ranges(store: &(impl Store + ?Sized), base: &Uri) {
    let (from, to) = (base.join("digits"), base.join("some/where/to"));
    is_not_found(store.copy_range(&from, 0..1, &to).await, &from);
    store.put(&from, b"0123456789").await.expect("put");
    for (range, expected) in [(0..10, "0123456789"), (3..5, "34"), (9..10, "9"), (4..4, "")] {
        let named = store.copy_range(&from, range.clone(), &to).await.expect("copy");
        assert_eq!(String::from_utf8_lossy(&store.get(&to).await.expect("get").body), expected, "{range:?}");
        let mut content = Content::default();
        content.update(expected.as_bytes());
        assert!(named.is_none_or(|named| named == content.hex()), "the answer names other bytes");
    }
    let beyond = store.copy_range(&from, 8..11, &base.join("beyond")).await;
    assert!(matches!(&beyond, Err(StoreError::Changed(named)) if *named == from), "{beyond:?}");
    is_not_found(store.head(&base.join("beyond")).await, &base.join("beyond"));
}

/// Names that a URL, a header or XML would take for something else.
async fn awkward_names(store: &(impl Store + ?Sized), base: &Uri) {
    let names = ["100%", "a b", "a%20b", "a&b<c>", "carrier=AA", "plus+one", "q?x=1#y", "~tilde", "\"quoted'", "é–ü"];
    for name in names {
        store.put(&base.join(name), name.as_bytes()).await.expect("put");
        store.copy(&base.join(name), &base.join(&format!("copies/{name}"))).await.expect("copy");
    }
    for found in store.list(&base.join("copies/")).await.expect("list") {
        let name = found.uri.as_str().strip_prefix(base.join("copies/").as_str()).expect("below the prefix");
        assert!(names.contains(&name), "{name} was never written");
        assert_eq!(store.get(&found.uri).await.expect("get").body, name.as_bytes());
        assert_eq!(store.head(&found.uri).await.expect("head"), found);
    }
    assert_eq!(store.list(&base.join("copies/")).await.expect("list").len(), names.len());
}

/// What is above an object is no object.
async fn keys_below_keys(store: &(impl Store + ?Sized), base: &Uri) {
    store.put(&base.join("dir/file"), b"x").await.expect("put");
    let directory = base.join("dir");
    is_not_found(store.get(&directory).await, &directory);
    is_not_found(store.head(&directory).await, &directory);
    let below = base.join("dir/file/below");
    is_not_found(store.get(&below).await, &below);
    store.delete(&below).await.expect("absent is fine");
    assert_eq!(store.get(&base.join("dir/file")).await.expect("get").body, b"x");
}
