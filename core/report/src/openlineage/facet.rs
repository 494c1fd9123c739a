//! Facets, each with the version of its schema. `tests/verify/openlineage` holds the schemas that a test compares them with.

use serde_json::{Map, Value, json};

/// The folder of a facet's schema, and its name.
#[derive(Clone, Copy)]
pub struct Schema(&'static str, &'static str);

pub const NOMINAL_TIME: Schema = Schema("1-0-1", "NominalTimeRunFacet");
pub const PARENT: Schema = Schema("1-2-0", "ParentRunFacet");
pub const ENGINE: Schema = Schema("1-1-1", "ProcessingEngineRunFacet");
pub const ERROR: Schema = Schema("1-0-1", "ErrorMessageRunFacet");
pub const SQL: Schema = Schema("1-1-0", "SQLJobFacet");
pub const JOB_TYPE: Schema = Schema("2-0-4", "JobTypeJobFacet");
pub const SCHEMA: Schema = Schema("1-2-0", "SchemaDatasetFacet");
pub const STORAGE: Schema = Schema("1-0-1", "StorageDatasetFacet");
pub const SYMLINKS: Schema = Schema("1-0-1", "SymlinksDatasetFacet");
pub const VERSION: Schema = Schema("1-0-1", "DatasetVersionDatasetFacet");
pub const COLUMNS: Schema = Schema("1-2-0", "ColumnLineageDatasetFacet");
pub const ASSERTIONS: Schema = Schema("1-1-0", "DataQualityAssertionsDatasetFacet");
pub const READ: Schema = Schema("1-0-0", "InputStatisticsInputDatasetFacet");
pub const WRITTEN: Schema = Schema("1-0-2", "OutputStatisticsOutputDatasetFacet");

/// Facets by their keys.
pub struct Facets {
    producer: String,
    all: Map<String, Value>,
}

impl Facets {
    pub fn new(producer: String) -> Self {
        Self { producer, all: Map::new() }
    }

    pub fn add(&mut self, key: &str, Schema(version, name): Schema, body: Value) {
        let url = format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}");
        let mut facet = json!({"_producer": self.producer, "_schemaURL": url});
        if let (Some(facet), Value::Object(body)) = (facet.as_object_mut(), body) {
            facet.extend(body);
        }
        self.all.insert(key.to_owned(), facet);
    }

    pub fn done(self) -> Value {
        Value::Object(self.all)
    }
}
