//! A receipt names files below its own attempt's prefix and no others: whatever else stands in it, nothing is sealed of it,
//! and nothing is published.

use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::errors;
use spotmill_core::item::OutputFile;
use spotmill_core::records::Receipt;
use spotmill_lambdas::{HandlerError, launch_fleet};
use spotmill_platform::ports::Store;

type Edit = fn(&mut Receipt);

/// The verdict on a round whose items are all committed, after item 1's receipt was changed.
async fn judged(edit: impl FnOnce(&mut Receipt)) -> Result<(), HandlerError> {
    let world = World::new().await;
    world.begin("r1", |_| {}).await?;
    let plan = world.plan("r1", "a").await?;
    let round = world.round("r1", "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, round.clone()).await?;
    world.dispatch(&round, "t").await?;
    world.work(&round, &|_| Work::Commit).await?;
    let uri = world.keys("a", 1).receipt(1);
    let mut receipt: Receipt = world.read(&uri).await;
    edit(&mut receipt);
    world.store.put(&uri, &serde_json::to_vec(&receipt).unwrap()).await?;
    let verdict = world.verdict(&round, None).await;
    let sealed = world.store.head(&world.keys("a", 1).seal()).await.is_ok();
    assert_eq!(verdict.is_ok(), sealed);
    verdict.map(drop)
}

#[tokio::test]
async fn a_receipt_that_names_what_is_not_its_own_seals_nothing() {
    judged(|_| {}).await.unwrap();
    let cases: [(&str, Edit); 7] = [
        ("not below its own prefix", |r| r.files[0].path = "../0000000-w0/k=x/00000.parquet".into()),
        ("not below its own prefix", |r| r.files[0].path = "/etc/passwd".into()),
        ("not below its own prefix", |r| r.files[0].partition = "../../elsewhere".into()),
        ("not below its own prefix", |r| {
            let path = "../../../secret".into();
            r.rejects = Some(OutputFile { partition: String::new(), part: 0, path, rows: 0, bytes: 1, offset: None });
        }),
        ("not its own prefix", |r| r.scratch = r.scratch.0.replace("0000001-w1", "0000000-w0").as_str().into()),
        ("not its own prefix", |r| r.scratch = r.scratch.join("k=x")),
        ("not its own prefix", |r| r.scratch = "s3://somebody/else".into()),
    ];
    for (n, (why, edit)) in cases.into_iter().enumerate() {
        let error = judged(edit).await.expect_err(why);
        let text = error.to_string();
        assert!(text.contains(why) && text.contains("item 1"), "case {n}: {text}");
        assert_eq!(error.error, errors::CORRUPT_RECORD, "case {n}");
    }
}
