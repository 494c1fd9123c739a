//! Glue for a run on this machine, which rarely needs it.

use super::Glue;
use super::config::Aws;
use crate::ports::{CatalogError, Catalogs};
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OnceCell;

/// As the environment describes it, made when the first table is asked for: a run without one asks for no
/// credentials.
#[derive(Debug, Default)]
pub struct LazyGlue {
    glue: OnceCell<Glue>,
}

impl LazyGlue {
    async fn glue(&self) -> &Glue {
        self.glue.get_or_init(|| async { Aws::from_env().await.catalogs() }).await
    }
}

#[async_trait]
impl Catalogs for LazyGlue {
    async fn region(&self) -> Option<String> {
        self.glue().await.region().await
    }

    async fn call(&self, action: &str, body: &Value) -> Result<Value, CatalogError> {
        self.glue().await.call(action, body).await
    }
}
