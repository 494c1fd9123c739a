//! One store over this machine and S3: it keeps the contract wherever a location points, and what it copies from one to
//! the other is the same there.

use crate::files::{PART, SMALL_PARTS};
use crate::world::{aws, bucket};
use spotmill_core::digest::Content;
use spotmill_core::ids::Uri;
use spotmill_platform::contract;
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::routed::RoutedStore;
use std::sync::Arc;

async fn routed() -> RoutedStore {
    RoutedStore::on(aws().await.store().with_sizes(SMALL_PARTS))
}

fn directory() -> (tempfile::TempDir, Uri) {
    let dir = tempfile::tempdir().expect("tempdir");
    let uri = Uri::new(dir.path().to_str().expect("UTF-8"));
    (dir, uri)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn store_contract_wherever_a_location_points() {
    let (_dir, here) = directory();
    for base in [bucket("contract-routed").await, here] {
        contract::store::all(Arc::new(routed().await), &base).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_contract_wherever_a_location_points() {
    let (_dir, here) = directory();
    for base in [bucket("contract-routed-files").await, here] {
        let files = tempfile::tempdir().expect("tempdir");
        let large = usize::try_from(PART).expect("small");
        contract::files::all(Arc::new(routed().await), &base, files.path(), large).await;
    }
}

/// The answer names the content wherever the bytes pass through this machine into a file of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_between_places_are_the_same_and_name_what_was_copied() {
    let ((_dir, here), base, store) = (directory(), bucket("routed-copies").await, routed().await);
    let body: Vec<u8> = (0..PART * 2 + 77).map(|n| (n % 251) as u8).collect();
    let mut content = Content::default();
    content.update(&body);
    let named = Some(content.hex());
    store.put(&here.join("from"), &body).await.expect("put");
    for (from, to, expected) in [
        (here.join("from"), here.join("copy"), named.clone()),
        (here.join("from"), base.join("up"), None),
        (base.join("up"), base.join("copy"), None),
        (base.join("copy"), here.join("down"), named),
    ] {
        assert_eq!(store.copy(&from, &to).await.expect("copy"), expected, "{from} to {to}");
        assert!(store.get(&to).await.expect("get").body == body, "{to} holds other bytes");
    }
    for (absent, to) in [(base.join("absent"), here.join("x")), (here.join("absent"), base.join("x"))] {
        let refused = store.copy(&absent, &to).await;
        assert!(matches!(&refused, Err(StoreError::NotFound(uri)) if *uri == absent), "{refused:?}");
        assert!(matches!(store.head(&to).await, Err(StoreError::NotFound(_))), "{to} is there");
    }
}
