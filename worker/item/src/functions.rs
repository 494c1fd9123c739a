//! What this worker has by name: SQL functions and transforms written in Rust, and how a transform is called.

use crate::engine::UserFunction;
use crate::udf::{IntoUdf, Udf};
use datafusion_expr::ScalarUDF;
use polars::prelude::LazyFrame;
use serde::de::DeserializeOwned;
use spotmill_core::item::{About, FunctionInfo, ITEM_VERSION};
use spotmill_core::types::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Version of everything between the input's bytes and the output's: part of every step's signature.
pub const ENGINE_VERSION: &str =
    concat!("spotmill ", env!("CARGO_PKG_VERSION"), ", sql 4, datafusion 55.2.0, polars 0.55.2");

/// What a transform is given. `input` and `tables` are lazy: build on them and give the result back.
pub struct TransformContext {
    pub input: LazyFrame,
    pub tables: BTreeMap<String, LazyFrame>,
    pub params: BTreeMap<String, Value>,
    /// The step's `with = { … }`.
    pub with: BTreeMap<String, serde_json::Value>,
}

pub type TransformError = Box<dyn std::error::Error + Send + Sync>;
pub type TransformResult = Result<LazyFrame, TransformError>;
type TransformFn = Arc<dyn Fn(TransformContext) -> TransformResult + Send + Sync>;

impl TransformContext {
    /// The step's `with`, as the type that describes it.
    pub fn with_as<T: DeserializeOwned>(&self) -> Result<T, TransformError> {
        let table = self.with.clone().into_iter().collect();
        Ok(T::deserialize(serde_json::Value::Object(table)).map_err(|e| format!("`with`: {e}"))?)
    }

    pub fn param(&self, name: &str) -> Result<&Value, TransformError> {
        self.params.get(name).ok_or_else(|| format!("there is no param `{name}`").into())
    }

    pub fn table(&self, name: &str) -> Result<LazyFrame, TransformError> {
        self.tables.get(name).cloned().ok_or_else(|| format!("there is no side table `{name}`").into())
    }
}

/// Functions and transforms by name, and the version their author gives them.
#[derive(Clone)]
pub struct Functions {
    declared: String,
    pub(crate) udfs: BTreeMap<String, Udf>,
    pub(crate) transforms: BTreeMap<String, TransformFn>,
}

impl Default for Functions {
    fn default() -> Self {
        Self { declared: "0".into(), udfs: BTreeMap::new(), transforms: BTreeMap::new() }
    }
}

impl Functions {
    /// # Panics
    /// If the name is taken or no SQL identifier in lower case: a worker that starts so cannot be meant.
    pub fn udf<M>(&mut self, name: &str, function: impl IntoUdf<M>) {
        plain(name);
        let previous = self.udfs.insert(name.to_owned(), function.into_udf(name));
        assert!(previous.is_none(), "the function `{name}` is registered twice");
    }

    /// # Panics
    /// As `udf`.
    pub fn transform(
        &mut self,
        name: &str,
        transform: impl Fn(TransformContext) -> TransformResult + Send + Sync + 'static,
    ) {
        plain(name);
        let previous = self.transforms.insert(name.to_owned(), Arc::new(transform));
        assert!(previous.is_none(), "the transform `{name}` is registered twice");
    }

    pub fn version(&mut self, version: &str) {
        self.declared = version.to_owned();
    }

    /// The version a step's plan and its workers must share.
    pub fn full_version(&self) -> String {
        format!("{}; {ENGINE_VERSION}", self.declared)
    }

    pub fn about(&self) -> About {
        let transform = |name: &String| FunctionInfo {
            name: name.clone(),
            signature: "input -> output".into(),
            custom: true,
            about: None,
        };
        let udf =
            |u: &Udf| FunctionInfo { name: u.name.clone(), signature: u.signature.clone(), custom: true, about: None };
        let mut functions: Vec<FunctionInfo> = self.udfs.values().map(udf).collect();
        functions.extend(crate::builtin::functions());
        About {
            v: ITEM_VERSION,
            version: self.full_version(),
            functions,
            transforms: self.transforms.keys().map(transform).collect(),
        }
    }

    /// The functions as the planner sees them.
    pub(crate) fn planned(&self) -> Vec<Arc<ScalarUDF>> {
        self.udfs.values().map(|udf| Arc::new(ScalarUDF::from(UserFunction::new(udf)))).collect()
    }
}

fn plain(name: &str) {
    let fine = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with("spotmill_");
    let taken = spotmill_sql::functions::registry::is_function(name);
    assert!(!taken, "SQL has a function `{name}` already");
    assert!(fine, "`{name}` is no name for a function: lower-case letters, digits and _, not beginning with spotmill_");
}
