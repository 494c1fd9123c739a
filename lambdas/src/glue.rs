//! Tables of Glue as they are now: read by whoever changes them, and by whoever asks before anything is published whether the
//! table can name it. The latter depends on no answer: what cannot be known then is found out after publishing.

use crate::{Ctx, Program};
use serde_json::{Value, json};
use spotmill_core::catalog::Field;
use spotmill_core::ids::Uri;
use spotmill_core::model::Catalog;
use spotmill_platform::ports::{CatalogError, Catalogs};
use std::sync::Arc;

/// Where files of a destination can be told to a table.
pub fn of(ctx: &Ctx, destination: &Uri) -> Option<Arc<dyn Catalogs>> {
    ctx.catalogs.clone().filter(|port| port.names(destination))
}

/// By the step's key.
pub fn keys(program: &Program, catalog: &Catalog) -> Result<Vec<Field>, String> {
    let params = &program.pipeline.params;
    let key = |name: &String| {
        let ty = params.get(name).and_then(|param| spotmill_spec::key_type(param.ty));
        let ty = ty.ok_or_else(|| format!("`{name}` is no partition key"))?;
        Ok(Field { name: name.clone(), ty: ty.to_owned() })
    };
    catalog.partition.iter().map(key).collect()
}

/// None where there is no such table.
pub async fn table(glue: &dyn Catalogs, catalog: &Catalog) -> Result<Option<Value>, CatalogError> {
    let body = json!({"DatabaseName": catalog.database, "Name": catalog.table});
    present(glue.call("GetTable", &body).await, "Table")
}

/// None where the table has no such partition.
pub async fn partition(
    glue: &dyn Catalogs,
    catalog: &Catalog,
    values: &[String],
) -> Result<Option<Value>, CatalogError> {
    let body = json!({"DatabaseName": catalog.database, "TableName": catalog.table, "PartitionValues": values});
    present(glue.call("GetPartition", &body).await, "Partition")
}

fn present(answer: Result<Value, CatalogError>, name: &str) -> Result<Option<Value>, CatalogError> {
    match answer {
        Ok(answer) => Ok(Some(answer[name].clone()).filter(Value::is_object)),
        Err(CatalogError::NotFound(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The table, as far as anybody can say.
pub async fn seen(ctx: &Ctx, catalog: &Catalog, destination: &Uri) -> Option<Value> {
    let glue = of(ctx, destination)?;
    table(&*glue, catalog).await.unwrap_or_else(|e| {
        tracing::warn!(table = catalog.name(), error = %e, "it cannot be seen before anything is published");
        None
    })
}
