//! What a store promises of files of this machine: up and down, whole, of the version asked for. `base` is a location
//! of the caller's own; `dir` is an empty directory; `large` is a number of bytes that the adapter moves in parts.

use super::store::is_not_found;
use crate::ports::{Store, StoreError};
use spotmill_core::ids::Uri;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The whole suite.
pub async fn all<S: Store + 'static>(store: Arc<S>, base: &Uri, dir: &Path, large: usize) {
    sizes(&*store, &base.join("sizes"), dir, large).await;
    nothing_to_fetch(&*store, &base.join("nothing"), dir).await;
    only_the_version_asked_for(&*store, &base.join("version"), dir).await;
    ranges(&*store, &base.join("ranges"), dir, large).await;
    nothing_to_send(&*store, &base.join("unsent"), dir).await;
    overwriting_is_whole(store, &base.join("whole"), dir, large).await;
}

/// Bytes that differ everywhere, so that a part in another's place is seen.
fn content(bytes: usize, seed: u8) -> Vec<u8> {
    let mut x = u32::from(seed) + 1;
    let next = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x.to_be_bytes()[0]
    };
    (0..bytes).map(next).collect()
}

fn write(dir: &Path, name: &str, body: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, body).expect("write");
    path
}

async fn sizes(store: &(impl Store + ?Sized), base: &Uri, dir: &Path, large: usize) {
    for bytes in [0, 1, 70_000, large - 1, large, large + 1, 2 * large + 4_321] {
        let (uri, body) = (base.join(&format!("{bytes} é")), content(bytes, 1));
        let from = write(dir, "up", &body);
        store.upload(&from, &uri).await.expect("upload");
        let head = store.head(&uri).await.expect("head");
        assert_eq!(head.bytes, bytes as u64);
        assert!(store.get(&uri).await.expect("get").body == body, "{bytes} bytes came up otherwise");
        assert_eq!(store.list(&uri).await.expect("list"), std::slice::from_ref(&head));
        // What was there, and longer, is replaced.
        let to = write(dir, "down", &content(bytes + 99, 2));
        assert_eq!(store.download(&uri, &head.etag, &to).await.expect("download"), bytes as u64);
        assert!(std::fs::read(&to).expect("read") == body, "{bytes} bytes came down otherwise");
        let copied = base.join("copied");
        store.copy(&uri, &copied).await.expect("copy");
        assert!(store.get(&copied).await.expect("get").body == body, "{bytes} bytes were copied otherwise");
    }
}

async fn nothing_to_fetch(store: &(impl Store + ?Sized), base: &Uri, dir: &Path) {
    let (uri, to) = (base.join("object"), dir.join("fetched"));
    is_not_found(store.download(&uri, "x", &to).await, &uri);
    assert!(!to.exists(), "a file for an object that is not there");
}

async fn only_the_version_asked_for(store: &(impl Store + ?Sized), base: &Uri, dir: &Path) {
    let (uri, to) = (base.join("object"), dir.join("version"));
    store.put(&uri, b"one").await.expect("put");
    let first = store.head(&uri).await.expect("head").etag;
    store.put(&uri, b"other").await.expect("put");
    let changed = store.download(&uri, &first, &to).await;
    assert!(matches!(&changed, Err(StoreError::Changed(named)) if *named == uri), "{changed:?}");
    assert!(!to.exists(), "a file of another version");
    let second = store.head(&uri).await.expect("head").etag;
    assert_eq!(store.download(&uri, &second, &to).await.expect("download"), 5);
}

async fn ranges(store: &(impl Store + ?Sized), base: &Uri, dir: &Path, large: usize) {
    let (uri, to, body) = (base.join("object"), dir.join("range"), content(3 * large, 5));
    is_not_found(store.download_range(&uri, "x", 0..1, &to).await, &uri);
    store.upload(&write(dir, "whole", &body), &uri).await.expect("upload");
    let (etag, bytes) = (store.head(&uri).await.expect("head").etag, body.len());
    let parts = [0..bytes, 0..1, 7..large + 8, large - 1..2 * large + 1, bytes - 1..bytes, 9..9];
    for std::ops::Range { start, end } in parts {
        // What was there, and longer, is replaced.
        std::fs::write(&to, content(bytes + 99, 2)).expect("write");
        store.download_range(&uri, &etag, start as u64..end as u64, &to).await.expect("range");
        assert!(std::fs::read(&to).expect("read") == body[start..end], "{start}..{end} came down otherwise");
        let copied = base.join("copied");
        store.copy_range(&uri, start as u64..end as u64, &copied).await.expect("copy");
        assert!(store.get(&copied).await.expect("get").body == body[start..end], "{start}..{end} copied otherwise");
    }
    std::fs::remove_file(&to).expect("removed");
    let beyond = store.download_range(&uri, &etag, bytes as u64 - 5..bytes as u64 + 1, &to).await;
    assert!(beyond.is_err() && !to.exists(), "{beyond:?} of an object that ends before");
    store.put(&uri, &body[1..]).await.expect("put");
    for range in [0..5, 5..5] {
        let changed = store.download_range(&uri, &etag, range, &to).await;
        assert!(matches!(&changed, Err(StoreError::Changed(named)) if *named == uri), "{changed:?}");
        assert!(!to.exists(), "a file of another version");
    }
}

async fn nothing_to_send(store: &(impl Store + ?Sized), base: &Uri, dir: &Path) {
    let uri = base.join("object");
    store.upload(&dir.join("never-written"), &uri).await.expect_err("there is no such file");
    is_not_found(store.head(&uri).await, &uri);
}

async fn overwriting_is_whole<S: Store + 'static>(store: Arc<S>, base: &Uri, dir: &Path, large: usize) {
    let uri = base.join("object");
    let bodies = [content(2 * large, 3), content(large + 7, 4), b"small".to_vec()];
    let files: Vec<PathBuf> = (0..).zip(&bodies).map(|(n, body)| write(dir, &format!("whole-{n}"), body)).collect();
    store.upload(&files[0], &uri).await.expect("upload");
    let writer = tokio::spawn({
        let (store, uri) = (store.clone(), uri.clone());
        async move {
            for n in 1..7 {
                store.upload(&files[n % 3], &uri).await.expect("upload");
            }
        }
    });
    while !writer.is_finished() {
        let seen = store.get(&uri).await.expect("the object is there at every moment").body;
        assert!(bodies.contains(&seen), "{} bytes that are none of the versions", seen.len());
    }
    writer.await.expect("writer");
}
