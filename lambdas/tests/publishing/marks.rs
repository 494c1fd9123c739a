//! Runs that take each other's place at one destination, in folders of their own for a catalog: while any success mark is on,
//! whoever waits for one and reads every file below reads whole publications.

use crate::bench::{Asked, Bench, Definition, Stalled};
use spotmill_core::destination::id_of;
use spotmill_lambdas::Ctx;
use std::collections::{BTreeMap, BTreeSet};

const LATEST: Definition = Definition { pipeline: "p", step: "main", tag: 1, shared: true, catalogued: true };
const PLACE: &str = "/w/out/latest";
/// Of each date, a file each; three pages.
const FILES: usize = 5;

fn bench() -> (Bench, Ctx) {
    let bench = Bench::new();
    for day in 10..=12 {
        for n in 1..=FILES {
            bench.store.own(&format!("/w/in/2024-03-{day}/{n}.csv"), format!("{day}{n}\n").as_bytes());
        }
    }
    let ctx = bench.ctx("/w", "/w/.spotmill");
    (bench, ctx)
}

fn marks(bench: &Bench) -> BTreeSet<String> {
    bench.store.names(PLACE).into_iter().filter(|name| name.contains("/_SUCCESS")).collect()
}

/// Files of each publication that lies there, by its id.
fn lying(bench: &Bench) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for name in bench.store.names(PLACE) {
        if let Some(id) = id_of(&name) {
            *all.entry(id.to_owned()).or_default() += 1;
        }
    }
    all
}

/// Returns whether a mark is on.
#[track_caller]
fn held(bench: &Bench, when: &str) -> bool {
    let (marks, lying) = (marks(bench), lying(bench));
    let is_whole = lying.values().all(|files| *files == FILES);
    assert!(marks.is_empty() || is_whole, "{when}: {marks:?} over {lying:?}");
    !marks.is_empty()
}

async fn sealed(bench: &Bench, ctx: &Ctx, date: &str) -> Stalled {
    bench.seal(ctx, &LATEST, date, &Asked::default()).await.unwrap()
}

#[tokio::test]
async fn no_mark_is_on_while_files_are_half_copied_wherever_publishing_dies() {
    let (calm, ctx) = bench();
    calm.start(&ctx, &LATEST, "2024-03-10", &Asked::default()).await.unwrap();
    let first = calm.store.writes();
    let mut second = sealed(&calm, &ctx, "2024-03-11").await;
    let before = calm.store.writes();
    while !calm.publish_on(&mut second).await.unwrap() {
        held(&calm, "between two calls");
    }
    let writes = calm.store.writes() - before;
    assert!(held(&calm, "in the end") && first > 15 && writes > 10, "{first} and {writes} writes");
    let mut unmarked = 0;
    for cut in 0..writes {
        let (bench, ctx) = bench();
        bench.start(&ctx, &LATEST, "2024-03-10", &Asked::default()).await.unwrap();
        let mut second = sealed(&bench, &ctx, "2024-03-11").await;
        bench.store.dies_in(Some(cut));
        bench.publish(&mut second).await.unwrap_err();
        bench.store.dies_in(None);
        unmarked += usize::from(!held(&bench, &format!("death at write {cut}")));
        bench.start(&ctx, &LATEST, "2024-03-11", &Asked::default()).await.unwrap();
        assert!(held(&bench, "after the next start"), "it puts its mark");
        assert_eq!(marks(&bench).len(), 1, "and no other stays");
    }
    assert!(unmarked > FILES, "the mark was off after {unmarked} deaths only");
}

/// As many of its calls as are asked for; it may be done, or its place taken, before.
async fn calls(bench: &Bench, of: &mut Stalled, most: usize, when: &str) {
    for _ in 0..most {
        let done = bench.publish_on(of).await.unwrap_or(true);
        held(bench, when);
        if done {
            return;
        }
    }
}

/// Two later dates at once, in turns.
#[tokio::test]
async fn of_two_that_are_put_at_once_neither_has_a_mark_over_the_others_half() {
    let mut ended_without = 0;
    for (slow, fast) in [("2024-03-11", "2024-03-12"), ("2024-03-12", "2024-03-11")] {
        for (first, then) in (1..=4).flat_map(|first| (1..=9).map(move |then| (first, then))) {
            let (bench, ctx) = bench();
            bench.start(&ctx, &LATEST, "2024-03-10", &Asked::default()).await.unwrap();
            let (mut one, mut other) = (sealed(&bench, &ctx, slow).await, sealed(&bench, &ctx, fast).await);
            let when = format!("{slow}, {first} calls; {fast}, {then} calls; both to their ends");
            calls(&bench, &mut one, first, &when).await;
            calls(&bench, &mut other, then, &when).await;
            calls(&bench, &mut one, 9, &when).await;
            ended_without += usize::from(!held(&bench, &when));
            calls(&bench, &mut other, 9, &when).await;
            assert!(held(&bench, &when), "{when}: the last has its mark");
            bench.start(&ctx, &LATEST, "2024-03-12", &Asked::default()).await.unwrap();
            assert!(held(&bench, &when) && marks(&bench).len() == 1, "{when}: {:?}", marks(&bench));
        }
    }
    assert!(ended_without > 0, "no one ended while another was half copied");
}
