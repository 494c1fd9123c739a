//! Conditional writes whose replies are lost, and answers of a busy S3: an unknown outcome is its own outcome, "no"
//! is answered only when it is true, and whoever goes on as the handlers do loses nothing.

use crate::proxy::Fault;
use crate::world::{aws_at, disturbed};
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Created, Store, StoreError, Swapped};

const SLOW: Fault = Fault::Answer(503, "<Error><Code>SlowDown</Code><Message>slower</Message></Error>");
const CONFLICT: Fault =
    Fault::Answer(409, "<Error><Code>ConditionalRequestConflict</Code><Message>x</Message></Error>");
const INTERNAL: Fault = Fault::Answer(500, "<Error><Code>InternalError</Code><Message>x</Message></Error>");
const DENIED: Fault = Fault::Answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
const EXPIRED: Fault = Fault::Answer(400, "<Error><Code>ExpiredToken</Code><Message>x</Message></Error>");
const ELSEWHERE: Fault = Fault::Answer(301, "<Error><Code>PermanentRedirect</Code><Message>x</Message></Error>");
/// Tries of one request.
const TRIES: usize = 5;

fn often(fault: Fault, times: usize) -> Vec<Fault> {
    vec![fault; times]
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_stands() {
    let (base, direct, store, proxy) = disturbed("lost-create", "PUT", vec![Fault::LoseReply]).await;
    let uri = base.join("receipt.json");
    // Its second try met its first.
    assert_eq!(store.create(&uri, b"mine").await.expect("create"), Created::Already);
    assert!(proxy.is_spent());
    assert_eq!(direct.get(&uri).await.expect("get").body, b"mine", "the caller recognises his own mark");
}

#[tokio::test]
async fn a_create_without_a_reply_is_unknown_and_the_next_read_decides() {
    let (base, direct, store, proxy) = disturbed("silent-create", "PUT", often(Fault::LoseReply, TRIES)).await;
    let uri = base.join("receipt.json");
    let silent = store.create(&uri, b"mine").await;
    assert!(matches!(&silent, Err(StoreError::Unknown { uri: named, .. }) if *named == uri), "{silent:?}");
    assert_eq!(proxy.seen(), TRIES, "the SDK must not try behind our back");
    assert_eq!(direct.get(&uri).await.expect("get").body, b"mine");
    assert_eq!(store.create(&uri, b"other").await.expect("create"), Created::Already);
}

#[tokio::test]
async fn a_create_that_never_arrived_is_made() {
    let (base, direct, store, _proxy) = disturbed("unsent-create", "PUT", vec![Fault::LoseRequest, INTERNAL]).await;
    let uri = base.join("receipt.json");
    assert_eq!(store.create(&uri, b"mine").await.expect("create"), Created::Now);
    assert_eq!(direct.get(&uri).await.expect("get").body, b"mine");
}

#[tokio::test]
async fn a_swap_whose_reply_is_lost_is_never_a_no() {
    let (base, direct, store, proxy) = disturbed("lost-swap", "PUT", vec![]).await;
    let uri = base.join("lease.json");
    direct.put(&uri, b"1").await.expect("put");
    let seen = direct.head(&uri).await.expect("head").etag;
    for lost in [Fault::LoseReply, Fault::CutReply] {
        direct.put(&uri, b"1").await.expect("put");
        proxy.next([lost]);
        match store.swap(&uri, &seen, b"2").await {
            Err(StoreError::Unknown { .. }) | Ok(Swapped::Yes(_)) => {}
            other => panic!("{lost:?}: the write happened, and the answer was {other:?}"),
        }
        assert!(proxy.is_spent());
        let now = store.get(&uri).await.expect("the caller looks again");
        assert_eq!(now.body, b"2");
        assert_eq!(store.swap(&uri, &seen, b"3").await.expect("swap"), Swapped::No, "an old version is still a no");
        assert!(matches!(store.swap(&uri, &now.etag, b"3").await.expect("swap"), Swapped::Yes(_)));
    }
}

#[tokio::test]
async fn a_swap_that_met_another_is_a_no_only_without_a_doubt() {
    let (base, direct, store, proxy) = disturbed("other-swap", "PUT", vec![]).await;
    let uri = base.join("lease.json");
    direct.put(&uri, b"1").await.expect("put");
    let seen = direct.head(&uri).await.expect("head").etag;
    direct.put(&uri, b"another's").await.expect("put");
    for (faults, certain) in
        [(vec![], true), (vec![SLOW, CONFLICT], true), (vec![Fault::LoseRequest], false), (vec![INTERNAL], false)]
    {
        proxy.next(faults);
        match store.swap(&uri, &seen, b"2").await {
            Ok(Swapped::No) => assert!(certain),
            Err(StoreError::Unknown { .. }) => assert!(!certain),
            other => panic!("{other:?}"),
        }
        assert_eq!(direct.get(&uri).await.expect("get").body, b"another's");
    }
    direct.delete(&uri).await.expect("delete");
    assert_eq!(store.swap(&uri, &seen, b"2").await.expect("swap"), Swapped::No, "there is nothing to replace");
}

#[tokio::test]
async fn a_busy_store_is_retried_and_then_is_transient() {
    let (base, _, store, proxy) = disturbed("busy", "PUT", vec![SLOW, SLOW]).await;
    let uri = base.join("x");
    assert_eq!(store.create(&uri, b"1").await.expect("create"), Created::Now);
    proxy.next([SLOW, CONFLICT]);
    let etag = store.head(&uri).await.expect("head").etag;
    assert!(matches!(store.swap(&uri, &etag, b"2").await.expect("swap"), Swapped::Yes(_)));
    proxy.next(often(SLOW, TRIES));
    let busy = store.create(&base.join("y"), b"1").await;
    assert!(matches!(busy, Err(StoreError::Transient { .. })), "nothing happened, and that is known: {busy:?}");
    assert!(busy.expect_err("busy").to_string().contains("SlowDown"));
    proxy.next([SLOW]);
    store.put(&base.join("z"), b"1").await.expect("put");
    assert!(proxy.is_spent());
}

#[tokio::test]
async fn conflicts_without_end_and_internal_errors_are_unknown() {
    for (name, fault) in [("conflicts", CONFLICT), ("internal", INTERNAL)] {
        let (base, direct, store, _proxy) = disturbed(name, "PUT", often(fault, TRIES)).await;
        let outcome = store.create(&base.join("x"), b"1").await;
        assert!(matches!(outcome, Err(StoreError::Unknown { .. })), "{name}: {outcome:?}");
        assert!(matches!(direct.head(&base.join("x")).await, Err(StoreError::NotFound(_))));
    }
}

#[tokio::test]
async fn refusals_are_named_for_who_must_react() {
    let (base, _, store, proxy) = disturbed("refusals", "GET", vec![DENIED, EXPIRED, ELSEWHERE]).await;
    let uri = base.join("x");
    let denied = store.get(&uri).await;
    assert!(matches!(denied, Err(StoreError::Denied { .. })), "{denied:?}");
    let expired = store.list(&base).await;
    assert!(matches!(expired, Err(StoreError::Transient { .. })), "credentials are renewed: {expired:?}");
    let elsewhere = store.list(&base).await.expect_err("another region").to_string();
    assert!(elsewhere.contains("`refusals`") && elsewhere.contains("AWS_REGION"), "{elsewhere}");
    assert!(proxy.is_spent());
}

#[tokio::test]
async fn where_nobody_listens_nothing_happened() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("port").local_addr().expect("address").port();
    let store = aws_at(&format!("http://127.0.0.1:{port}")).await.store();
    let refused = store.create(&Uri::new("s3://bucket/x"), b"1").await;
    assert!(matches!(refused, Err(StoreError::Transient { .. })), "{refused:?}");
}

/// As the handlers do: read, add one's mark, swap; what is not a yes is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_who_read_again_lose_nothing_and_do_nothing_twice() {
    let (base, direct, _, _) = disturbed("marks", "PUT", vec![]).await;
    let uri = base.join("marks");
    direct.put(&uri, b"").await.expect("put");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let faults = [Fault::LoseReply, Fault::Forward, INTERNAL, CONFLICT, Fault::LoseRequest].repeat(2);
        let proxy = crate::proxy::Proxy::start(crate::world::emulator().port(), "PUT", faults).await;
        let (store, uri) = (aws_at(&proxy.endpoint()).await.store(), uri.clone());
        writers.spawn(async move {
            for n in 0..6 {
                let mark = format!("{writer}-{n};");
                loop {
                    let seen = store.get(&uri).await.expect("get");
                    let text = String::from_utf8(seen.body).expect("text");
                    if text.contains(&mark) {
                        break;
                    }
                    match store.swap(&uri, &seen.etag, format!("{text}{mark}").as_bytes()).await {
                        Ok(Swapped::Yes(_)) => break,
                        Ok(Swapped::No) | Err(StoreError::Unknown { .. }) => {}
                        Err(e) => panic!("{e:?}"),
                    }
                }
            }
            proxy
        });
    }
    writers.join_all().await;
    let text = String::from_utf8(direct.get(&uri).await.expect("get").body).expect("text");
    let mut marks: Vec<&str> = text.split_terminator(';').collect();
    marks.sort_unstable();
    let expected: Vec<String> = (0..3).flat_map(|w| (0..6).map(move |n| format!("{w}-{n}"))).collect();
    assert_eq!(marks, expected);
}
