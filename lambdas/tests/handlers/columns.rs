//! Columns that nobody declares: found once for all files of a step, frozen with its plan; those of text are kept by
//! later runs.

use crate::world::{PIPELINE, World};
use polars_parquet_format::thrift::protocol::TCompactOutputProtocol;
use polars_parquet_format::{FieldRepetitionType, FileMetaData, SchemaElement, Type};
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
async fn a_file_with_other_columns_is_reported_before_any_work() {
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
async fn declared_columns_are_not_inferred() {
    let world = World::new().await;
    let read = planned(&world).await.unwrap();
    assert_eq!((text(&read).as_str(), read.inferred), ("k string, v int32", false));
}

/// A Parquet file without rows.
fn parquet(columns: &[(&str, Type)]) -> Vec<u8> {
    let element = |name: &str, ty: Option<Type>, children: Option<i32>| {
        let repetition = ty.map(|_| FieldRepetitionType::OPTIONAL);
        SchemaElement::new(ty, None, repetition, name.to_owned(), children, None, None, None, None, None)
    };
    let mut schema = vec![element("schema", None, Some(columns.len() as i32))];
    schema.extend(columns.iter().map(|(name, ty)| element(name, Some(*ty), None)));
    let metadata = FileMetaData::new(1, schema, 0, Vec::new(), None, None, None, None, None);
    let mut footer = Vec::new();
    metadata.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut footer)).unwrap();
    let length = (footer.len() as u32).to_le_bytes();
    [b"PAR1", &footer[..], &length, b"PAR1"].concat()
}

async fn parquet_world(files: &[(&str, Vec<u8>)], more: &str) -> World {
    let world = World::new().await;
    for (name, bytes) in files {
        world.input(name, bytes).await;
    }
    world.deploy(&undeclared(more).replace("*.csv", "*.parquet")).await;
    world
}

#[tokio::test]
async fn parquet_columns_are_decided_once_for_all_files() {
    let narrow = parquet(&[("k", Type::INT32), ("v", Type::FLOAT), ("bytes", Type::BYTE_ARRAY)]);
    let wide = parquet(&[("v", Type::DOUBLE), ("k", Type::INT64)]);
    let files = [("1.parquet", narrow.clone()), ("2.parquet", wide), ("3.parquet", b"no such file".to_vec())];
    let read = planned(&parquet_world(&files, "").await).await.unwrap();
    assert_eq!((text(&read).as_str(), read.inferred), ("k int64, v float64", true));

    let new = ("2.parquet", parquet(&[("k", Type::INT32), ("v", Type::FLOAT), ("new", Type::BOOLEAN)]));
    let files = [("1.parquet", narrow.clone()), new];
    let why = planned(&parquet_world(&files, "").await).await.unwrap_err();
    for word in ["2.parquet has a column `new`, which ", "1.parquet has not", "declare `columns`", "missing = \"null\""]
    {
        assert!(why.contains(word), "{why}");
    }
    let read = planned(&parquet_world(&files, "missing = \"null\"\n").await).await.unwrap();
    assert_eq!(text(&read), "k int32, v float32, new bool");

    let other = [("1.parquet", narrow), ("2.parquet", parquet(&[("k", Type::BOOLEAN), ("v", Type::FLOAT)]))];
    let why = planned(&parquet_world(&other, "").await).await.unwrap_err();
    assert!(why.contains("2.parquet: column `k` is bool, but int32 in ") && why.contains("declare `columns`"), "{why}");
}

#[tokio::test]
async fn the_types_of_parquet_are_those_of_each_run() {
    let first = parquet_world(&[("1.parquet", parquet(&[("k", Type::INT32)]))], "").await;
    assert_eq!(text(&planned(&first).await.unwrap()), "k int32");
    let second = first.of_date("2013-01-02");
    second.input("1.parquet", parquet(&[("k", Type::INT64), ("v", Type::INT32)])).await;
    assert_eq!(text(&planned(&second).await.unwrap()), "k int64, v int32");
}

#[tokio::test]
async fn a_footer_longer_than_the_first_read_is_read_whole() {
    let names: Vec<String> = (0..9_000).map(|i| format!("column_{i}")).collect();
    let columns: Vec<(&str, Type)> = names.iter().map(|name| (name.as_str(), Type::INT32)).collect();
    let read = planned(&parquet_world(&[("1.parquet", parquet(&columns))], "").await).await.unwrap();
    assert_eq!((read.columns.len(), read.columns[8_999].name.as_str()), (9_000, "column_8999"));
}

#[tokio::test]
async fn arrow_columns_are_what_files_and_streams_state() {
    let file = include_bytes!("../../../worker/item/tests/data/types.arrow");
    let stream = include_bytes!("../../../worker/item/tests/data/types.arrows");
    let world = World::new().await;
    for (name, bytes) in [("1.arrow", &file[..]), ("2.arrow", stream), ("3.arrow", b"no such file"), ("4.arrow", b"")] {
        world.input(name, bytes).await;
    }
    world.deploy(&undeclared("").replace("*.csv", "*.arrow")).await;
    let read = planned(&world).await.unwrap();
    assert!(read.inferred);
    let found = text(&read);
    assert!(found.starts_with("b bool, int8 int8,") && found.contains("date64 date, t_s timestamp"), "{found}");
}
