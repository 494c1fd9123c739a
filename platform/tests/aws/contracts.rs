//! The suites that every adapter passes.

use crate::world::{aws, bucket, queues};
use spotmill_core::ids::Uri;
use spotmill_platform::contract;
use spotmill_platform::ports::Store;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn store_contract() {
    let base = bucket("contract-store").await;
    contract::store::all(Arc::new(aws().await.store()), &base.join("below/é x")).await;
}

#[tokio::test]
async fn pages_contract() {
    contract::pages::all(&aws().await.store(), &bucket("contract-pages").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_contract() {
    contract::queue::all(Arc::new(queues("contract").await), "contract").await;
}

/// More keys than a request holds, of several kinds of names, come whole, once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn long_listings() {
    let (base, store) = (bucket("long-listings").await, aws().await.store());
    let name = |i: u32| match i % 3 {
        0 => format!("in/part-{i:05}.csv"),
        1 => format!("in/{:08x}", i.wrapping_mul(2_654_435_761)),
        _ => format!("in/a é+b/{i}"),
    };
    let mut expected: Vec<Uri> = (0..2500).map(|i| base.join(&name(i))).collect();
    for some in expected.chunks(50) {
        let puts = some.iter().map(|uri| {
            let (store, uri) = (store.clone(), uri.clone());
            tokio::spawn(async move { store.put(&uri, b"x").await.expect("put") })
        });
        for put in puts.collect::<Vec<_>>() {
            put.await.expect("put");
        }
    }
    store.put(&base.join("out"), b"x").await.expect("put");
    expected.sort();
    let listed: Vec<Uri> = store.list(&base.join("in/")).await.expect("list").into_iter().map(|o| o.uri).collect();
    assert!(listed == expected, "{} of {} keys", listed.len(), expected.len());
}
