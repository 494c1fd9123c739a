//! The power goes at every write of a small run, and of the run that replaces it. Whatever was not flushed is lost; no
//! mark stands over anything but whole rows of one of the two, what is replaced is there until what replaces it is on the
//! disk, and the next start goes on to the end.

use crate::bench::{Asked, Bench, Definition};

const BEFORE: Definition = Definition { pipeline: "p", step: "main", tag: 1, shared: false, catalogued: false };
const AFTER: Definition = Definition { pipeline: "p", step: "main", tag: 2, shared: false, catalogued: false };

fn inputs(bench: &Bench) {
    for n in 1..=3 {
        bench.store.own(&format!("/w/in/2024-03-10/{n}.csv"), format!("{n}\n").as_bytes());
    }
}

fn rows(tag: u64) -> Vec<String> {
    (1..=3).map(|n| format!("{tag}:{n}")).collect()
}

#[tokio::test]
async fn no_mark_stands_over_bytes_that_a_power_cut_took() {
    let (asked, date) = (Asked::default(), "2024-03-10");
    let calm = Bench::new();
    inputs(&calm);
    let ctx = calm.ctx("/w", "/w/.spotmill");
    calm.start(&ctx, &BEFORE, date, &asked).await.unwrap();
    let first = calm.store.writes();
    calm.start(&ctx, &AFTER, date, &asked).await.unwrap();
    let writes = calm.store.writes();
    assert!(first > 15 && writes > first + 15, "{first} and {writes} writes");
    let mut unmarked = 0;
    for (cut, keeps_deletions) in (0..writes).flat_map(|cut| [(cut, false), (cut, true)]) {
        let bench = Bench::new();
        inputs(&bench);
        let ctx = bench.ctx("/w", "/w/.spotmill");
        bench.store.dies_in(Some(cut));
        if bench.start(&ctx, &BEFORE, date, &asked).await.is_ok() {
            let _ = bench.start(&ctx, &AFTER, date, &asked).await;
        }
        bench.store.cut_power(keeps_deletions);
        bench.store.dies_in(None);
        let lying = bench.read_all("/w/out/2024-03-10");
        let has = |tag: u64| rows(tag).iter().all(|row| lying.contains(row));
        assert!(cut < first || has(1) || has(2), "neither is whole after a cut at write {cut}: {lying:?}");
        match bench.read("/w/out/2024-03-10").as_slice() {
            [] => unmarked += 1,
            [found] => {
                let whole = *found == rows(1) || *found == rows(2);
                assert!(whole, "a mark over {found:?} after a cut at write {cut}");
                assert_eq!(bench.read_all("/w/out/2024-03-10"), *found, "after a cut at write {cut}");
            }
            several => panic!("{several:?} after a cut at write {cut}"),
        }
        bench.start(&ctx, &AFTER, date, &asked).await.unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        assert_eq!(bench.read("/w/out/2024-03-10"), [rows(2)], "after a cut at write {cut}");
        assert_eq!(bench.read_all("/w/out/2024-03-10"), rows(2), "after a cut at write {cut}");
    }
    assert!(unmarked > 10, "the mark was off after {unmarked} cuts only");
}
