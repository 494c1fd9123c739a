//! A publisher that stalls between two pages while another takes its place, and wakes.

use crate::bench::{Asked, Bench, Definition};
use spotmill_core::destination::Existing;

const FIRST: Definition = Definition { pipeline: "p", step: "main", tag: 1, shared: false, catalogued: false };
const SECOND: Definition = Definition { pipeline: "q", step: "main", tag: 2, shared: false, catalogued: false };
const PLACE: &str = "/w/out/2024-03-10";

#[tokio::test]
async fn one_whose_place_was_taken_copies_nothing_more() {
    // Its five files are three pages; it stalls after each of its calls.
    for calls in 1..=3 {
        let bench = Bench::new();
        for n in 1..=5 {
            bench.store.own(&format!("/w/in/2024-03-10/{n}.csv"), format!("{n}\n").as_bytes());
        }
        let (ctx, adopts) = (bench.ctx("/w", "/w/.spotmill"), Asked { existing: Existing::Adopt, changed: false });
        let mut stalled = bench.seal(&ctx, &FIRST, "2024-03-10", &Asked::default()).await.unwrap();
        for call in 0..calls {
            assert!(!bench.publish_on(&mut stalled).await.unwrap(), "done after {call} calls");
        }
        bench.start(&ctx, &SECOND, "2024-03-10", &adopts).await.unwrap();
        let before = bench.store.names(PLACE);
        let ended = bench.publish(&mut stalled).await.expect_err("its place was taken");
        assert!(ended.cause.contains("has taken the place of p/2024-03-10"), "{}", ended.cause);
        assert_eq!(bench.store.names(PLACE), before, "after {calls} calls");
        let rows: Vec<String> = (1..=5).map(|n| format!("2:{n}")).collect();
        assert_eq!((bench.read(PLACE), bench.read_all(PLACE)), (vec![rows.clone()], rows));
    }
}
