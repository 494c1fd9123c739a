//! Columns that nobody declares: found once for all files of a step, frozen with its plan, kept by later runs.

use crate::world::{PIPELINE, World};
use spotmill_core::calls::errors;
use spotmill_core::model::Read;
use spotmill_core::records::PlanTables;

fn undeclared(more: &str) -> String {
    PIPELINE.replace("columns = [\"k string\", \"v int32\"]\n", more)
}

async fn world(files: &[(&str, &str)], more: &str) -> World {
    let world = World::new().await;
    for (name, text) in [("1.csv", ""), ("2.csv", ""), ("3.csv", "")].iter().chain(files) {
        world.input(name, text).await;
    }
    world.deploy(&undeclared(more)).await;
    world
}

/// How the first step reads its input, by its plan.
async fn planned(world: &World) -> Result<Read, String> {
    world.begin("root", |_| {}).await.unwrap();
    world.plan("root", "a").await.map_err(|e| {
        assert_eq!(e.error, errors::INVALID_INPUT);
        e.cause
    })?;
    let tables: PlanTables = world.read(&world.keys("a", 1).tables()).await;
    Ok(tables.read)
}

fn text(read: &Read) -> String {
    let columns = read.columns.iter().map(|c| format!("{} {}", c.name, c.ty));
    columns.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn undeclared_columns_are_those_of_all_files() {
    let files = [("1.csv", "k,v\nx,94110\n"), ("2.csv", "v,k\n02134,y\n"), ("3.csv", "")];
    let read = planned(&world(&files, "").await).await.unwrap();
    assert_eq!((text(&read).as_str(), read.inferred), ("k string, v string", true));
    let files = [("1.csv", "k,v\nx,1\n"), ("2.csv", "k,v\ny,2.5\n")];
    assert_eq!(text(&planned(&world(&files, "").await).await.unwrap()), "k string, v float64");
}

#[tokio::test]
async fn a_file_with_other_columns_is_told_before_any_work() {
    let files = [("1.csv", "k,v\nx,1\n"), ("2.csv", "k,v,new\ny,2,3\n")];
    let why = planned(&world(&files, "").await).await.unwrap_err();
    for word in ["2.csv has a column `new`, which ", "1.csv has not", "declare `columns`", "missing = \"null\""] {
        assert!(why.contains(word), "{why}");
    }
    let read = planned(&world(&files, "missing = \"null\"\n").await).await.unwrap();
    assert_eq!(text(&read), "k string, v int64, new int64");
}

#[tokio::test]
async fn later_runs_take_the_columns_of_the_first() {
    let first = world(&[("1.csv", "k,v\nx,\n")], "").await;
    assert_eq!(text(&planned(&first).await.unwrap()), "k string, v string");
    let second = first.of_date("2013-01-02");
    second.input("1.csv", "k,v\nx,10\n").await;
    let read = planned(&second).await.unwrap();
    assert_eq!((text(&read).as_str(), read.inferred), ("k string, v string", true));
    // Another input's columns are its own.
    second.deploy(&undeclared("delimiter = \";\"\n")).await;
    let third = first.of_date("2013-01-03");
    third.input("1.csv", "k;v\nx;10\n").await;
    assert_eq!(text(&planned(&third).await.unwrap()), "k string, v int64");
}

#[tokio::test]
async fn what_is_declared_is_not_looked_for() {
    let world = World::new().await;
    let read = planned(&world).await.unwrap();
    assert_eq!((text(&read).as_str(), read.inferred), ("k string, v int32", false));
}
