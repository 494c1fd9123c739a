//! The suites that every adapter passes.

use crate::world::{aws, bucket, queues};
use spotmill_platform::contract;
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
