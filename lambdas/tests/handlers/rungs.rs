//! "Go big to go home": an item that needs more memory gets it, on machines of its own; the others do not notice.

use crate::drive::run_step;
use crate::ports::lock;
use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::{Next, errors};
use spotmill_core::ids::ItemIndex;
use spotmill_core::records::Receipt;
use std::sync::Mutex;

const GIB: u64 = 1 << 30;

/// GiB an item and slots of every fleet that was asked for, in that order.
fn fleets(world: &World) -> Vec<(u64, u32)> {
    let asked = lock(&world.fleets.asked);
    let mut all: Vec<_> = asked.values().map(|f| (f.memory_bytes_per_item / GIB, f.max_slots)).collect();
    all.sort_unstable();
    all
}

async fn step_a(world: &World, how: impl Fn(ItemIndex, u32) -> Work) -> (Next, String, String, Vec<(u32, u32)>) {
    let tries = Mutex::new(Vec::new());
    world.begin("r1", |_| {}).await.unwrap();
    let last = run_step(world, "r1", "a", &|item, rung| {
        lock(&tries).push((item, rung));
        how(item, rung)
    })
    .await
    .unwrap();
    let tries = tries.into_inner().unwrap();
    (last.next, last.error, last.cause, tries)
}

#[tokio::test]
async fn an_item_that_needs_twice_the_memory_is_done_on_the_second_rung_and_the_others_are_undisturbed() {
    let world = World::new().await;
    let (next, _, _, tries) =
        step_a(&world, |item, rung| if item == 1 && rung == 0 { Work::NeedMemory } else { Work::Commit }).await;
    assert_eq!(next, Next::Done);
    assert_eq!(tries, [(0, 0), (1, 0), (2, 0), (1, 1)], "only it was tried again");
    assert_eq!(fleets(&world), [(1, 3), (2, 1)], "machines for one item, with twice the memory");
    for item in 0..3 {
        let receipt: Receipt = world.read(&world.keys("a", 1).receipt(item)).await;
        assert_eq!(receipt.rung, u32::from(item == 1), "item {item}");
    }
}

#[tokio::test]
async fn one_that_needs_more_than_there_may_be_fails_alone_with_its_need_and_the_setting() {
    let world = World::new().await;
    let (next, error, cause, tries) =
        step_a(&world, |item, _| if item == 1 { Work::NeedMemory } else { Work::Commit }).await;
    assert_eq!((next, error.as_str()), (Next::Failed, errors::ITEMS_FAILED));
    assert_eq!(tries.iter().filter(|(item, _)| *item != 1).count(), 2, "the others once: {tries:?}");
    assert_eq!(fleets(&world), [(1, 3), (2, 1), (4, 1)], "up to `max_memory`");
    for part in [
        "1 of 3 items of `a` failed",
        "Item 1 (out of memory",
        "peak 4.1 GiB, limit 4.0 GiB",
        "raise `max_memory`",
        "2 items committed and kept",
    ] {
        assert!(cause.contains(part), "`{part}` is not in {cause}");
    }
}

#[tokio::test]
async fn interruptions_beside_it_cost_no_rung() {
    let world = World::new().await;
    // Item 0 vanishes with its machine once, while item 1 runs out of memory.
    let vanished = Mutex::new(false);
    let (next, _, _, tries) = step_a(&world, |item, rung| match item {
        0 if !std::mem::replace(&mut *lock(&vanished), true) => Work::Vanish,
        1 if rung == 0 => Work::NeedMemory,
        _ => Work::Commit,
    })
    .await;
    assert_eq!(next, Next::Done);
    assert_eq!(tries, [(0, 0), (1, 0), (2, 0), (0, 0), (1, 1)], "what was lost first, with the memory it had");
    assert_eq!(fleets(&world), [(1, 1), (1, 3), (2, 1)]);
}
