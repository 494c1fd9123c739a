//! The frozen pipeline, and the part of it that a child receives. Only this file thaws pipelines and binds params in
//! SQL.

use spotmill_core::model::{Expect, Pipeline, Step, Transform};
use spotmill_core::types::Value;
use spotmill_spec as spec;
use spotmill_spec::sql;
use std::collections::BTreeMap;

pub fn thaw(text: &str) -> Result<Pipeline, String> {
    spec::thaw(text).map_err(|e| e.to_string())
}

/// The step's transform and expectations with the run's params in their places.
pub fn bound(step: &Step, params: &BTreeMap<String, Value>) -> Result<(Transform, Expect), String> {
    let bind = |text: &str| sql::bind_text(text, params).map_err(|e| e.to_string());
    let transform = match &step.transform {
        Transform::Sql { text, file } => Transform::Sql { text: bind(text)?, file: file.clone() },
        function @ Transform::Function { .. } => function.clone(),
    };
    let check = step.expect.check.iter().map(|c| bind(c)).collect::<Result<_, _>>()?;
    Ok((transform, Expect { check, ..step.expect.clone() }))
}
