//! Files and large objects: parts up, ranges down, copies in parts; and what is left when one of them fails.

use crate::proxy::Fault;
use crate::world::{aws, bucket, disturbed};
use spotmill_core::ids::Uri;
use spotmill_platform::aws::store::Sizes;
use spotmill_platform::contract;
use spotmill_platform::ports::{Store, StoreError};
use std::sync::Arc;

/// The smallest part that S3 takes.
pub const PART: u64 = 5 << 20;
pub const SMALL_PARTS: Sizes =
    Sizes { single_put: PART, put_part: PART, get_part: PART, single_copy: PART, copy_part: PART, at_once: 3 };

const INTERNAL: Fault = Fault::Answer(500, "<Error><Code>InternalError</Code><Message>again</Message></Error>");
const DENIED: Fault = Fault::Answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_contract() {
    let (base, dir) = (bucket("contract-files").await, tempfile::tempdir().expect("tempdir"));
    let store = Arc::new(aws().await.store().with_sizes(SMALL_PARTS));
    contract::files::all(store, &base, dir.path(), usize::try_from(PART).expect("small")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_has_as_many_pages_as_it_needs() {
    let (base, store) = (bucket("pages").await, aws().await.store());
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..1_205u32 {
        let (store, uri) = (store.clone(), base.join(&format!("receipts/{n:07}.json")));
        writes.spawn(async move { store.put(&uri, b"{}").await.expect("put") });
        if writes.len() == 32 {
            writes.join_next().await;
        }
    }
    writes.join_all().await;
    let listed = store.list(&base.join("receipts/")).await.expect("list");
    assert_eq!(listed.len(), 1_205);
    assert!(listed.windows(2).all(|two| two[0].uri < two[1].uri));
    assert_eq!(store.list(&base).await.expect("the whole bucket"), listed);
}

/// The file holds `bytes`, and so does the object afterwards.
async fn up_and_down(name: &str, method: &'static str, faults: Vec<Fault>) {
    let (base, _, store, proxy) = disturbed(name, method, faults).await;
    let (store, dir) = (store.with_sizes(SMALL_PARTS), tempfile::tempdir().expect("tempdir"));
    let body: Vec<u8> = (0..PART * 2 + 77).map(|n| (n % 251) as u8).collect();
    let (from, to, uri) = (dir.path().join("up"), dir.path().join("down"), base.join("object"));
    std::fs::write(&from, &body).expect("write");
    store.upload(&from, &uri).await.expect("upload");
    let etag = store.head(&uri).await.expect("head").etag;
    assert_eq!(store.download(&uri, &etag, &to).await.expect("download"), body.len() as u64);
    assert!(std::fs::read(&to).expect("read") == body, "the file came back otherwise");
    assert!(proxy.is_spent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_failed_parts_are_sent_again() {
    up_and_down("lost-parts", "PUT", vec![Fault::LoseReply, INTERNAL, Fault::LoseRequest]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_that_break_off_are_fetched_again() {
    up_and_down("cut-ranges", "GET", vec![Fault::CutReply, Fault::Forward, Fault::CutReply]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_fails_leaves_neither_object_nor_parts() {
    let (base, direct, store, _proxy) = disturbed("failed-upload", "PUT", vec![Fault::Forward, DENIED]).await;
    let (store, dir) = (store.with_sizes(SMALL_PARTS), tempfile::tempdir().expect("tempdir"));
    let (from, uri) = (dir.path().join("up"), base.join("object"));
    std::fs::write(&from, vec![7; 3 * PART as usize]).expect("write");
    let refused = store.upload(&from, &uri).await;
    assert!(matches!(refused, Err(StoreError::Denied { .. })), "{refused:?}");
    assert!(matches!(direct.head(&uri).await, Err(StoreError::NotFound(_))));
    let client = aws_sdk_s3::Client::new(aws().await.config());
    let open = client.list_multipart_uploads().bucket("failed-upload").send().await.expect("uploads");
    assert!(open.uploads().is_empty(), "{:?}", open.uploads());
}

#[tokio::test]
async fn a_download_that_fails_leaves_no_file() {
    let (base, direct, store, _proxy) = disturbed("failed-download", "GET", vec![Fault::Forward, DENIED]).await;
    let (store, dir) = (store.with_sizes(SMALL_PARTS), tempfile::tempdir().expect("tempdir"));
    let (to, uri) = (dir.path().join("down"), base.join("object"));
    direct.put(&uri, &vec![7; 3 * PART as usize]).await.expect("put");
    let etag = direct.head(&uri).await.expect("head").etag;
    let refused = store.download(&uri, &etag, &to).await;
    assert!(matches!(refused, Err(StoreError::Denied { .. })), "{refused:?}");
    assert!(!to.exists());
    let nowhere = direct.download(&uri, &etag, &dir.path().join("no/such/directory")).await.expect_err("no directory");
    assert!(nowhere.to_string().contains("no/such/directory"), "{nowhere}");
}

#[tokio::test]
async fn errors_name_what_is_wrong_with_a_location() {
    let store = aws().await.store();
    for (uri, word) in [("/a/path", "s3://"), ("s3://", "bucket"), ("s3://some-bucket", "object"), ("x", "s3://")] {
        let refused = store.get(&Uri::new(uri)).await.expect_err("refused").to_string();
        assert!(refused.contains(uri) && refused.contains(word), "{refused}");
    }
    let uri = Uri::new("s3://no-such-bucket/x");
    let named = |e: StoreError| {
        assert!(matches!(&e, StoreError::Broken { .. }) && e.to_string().contains("`no-such-bucket`"), "{e:?}");
    };
    named(store.get(&uri).await.expect_err("get"));
    named(store.list(&uri).await.expect_err("list"));
    named(store.put(&uri, b"x").await.expect_err("put"));
    named(store.create(&uri, b"x").await.expect_err("create"));
    named(store.swap(&uri, "e", b"x").await.expect_err("swap"));
}
