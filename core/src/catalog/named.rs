//! Which table it is, for those who know it from elsewhere: a database's name is one of its account and region alone.

use crate::model::Catalog;
use crate::records::{GlueTable, RECORD_VERSION};
use serde_json::Value;

/// Of what GetTable answered in a region; nothing where the answer does not say whose the catalog is.
pub fn named(catalog: &Catalog, region: &str, table: &Value) -> Option<GlueTable> {
    let account = table["CatalogId"].as_str()?;
    let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    is_account.then(|| GlueTable {
        v: RECORD_VERSION,
        database: catalog.database.clone(),
        table: catalog.table.clone(),
        region: region.to_owned(),
        account: account.to_owned(),
    })
}
