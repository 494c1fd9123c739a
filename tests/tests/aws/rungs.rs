//! "Go big": an item that needs more memory gets it on machines of its own, and one that needs more than there may be
//! fails alone.

use super::tries::tries;
use super::*;

#[test]
fn an_item_gets_twice_the_memory_and_one_that_needs_more_fails_alone() {
    let project = instructed("bigger", &["copy", "eat 280", "eat 800", "copy", "copy"].map(str::to_owned));
    project.edit("pipeline.toml", "max_memory = \"256 MiB\"", "max_memory = \"512 MiB\"");
    let aws = aws();
    aws.deploy_project(&project, "bigger");
    let old = machines(&aws);
    let run = aws.start_run(&aws.input("bigger", DAY));
    let ended = ends(&aws, &run, "FAILED", 2 * PATIENCE);
    let expected =
        ["1 of 5 items", "Item 2 (out of memory", "limit 512.0 MiB", "max_memory", "spotmill --stack etl start"];
    for text in expected {
        assert!(ended.cause.contains(text), "`{text}` is not in {}", ended.cause);
    }
    let receipts: Vec<Value> = aws.receipts("bigger").iter().filter_map(|(key, _)| aws.record(key)).collect();
    let mut rungs: Vec<_> = receipts.iter().map(|r| (r["item"].as_u64(), r["rung"].as_u64())).collect();
    rungs.sort_unstable();
    let of = |item, rung| (Some(item), Some(rung));
    assert_eq!(rungs, [of(0, 0), of(1, 1), of(3, 0), of(4, 0)]);
    let tries = tries(&aws, &old);
    let count = |item| tries.iter().filter(|t| t.item == item).count();
    assert_eq!([0, 1, 2, 3, 4].map(count), [1, 2, 2, 1, 1], "only what needed more was tried again");
    let first: BTreeSet<&String> = tries.iter().filter(|t| [0, 3, 4].contains(&t.item)).map(|t| &t.machine).collect();
    let second: Vec<&String> = tries.iter().filter(|t| t.item == 1 && t.is_done()).map(|t| &t.machine).collect();
    assert!(second.len() == 1 && !first.contains(second[0]), "it had a machine of the second fleet");
    aws.leaves_nothing(REAPED);
}
