//! What a check of a pipeline proves of the columns that its steps will make. Of a query alone: its planner decides names
//! and types from those that it reads, while a Rust transform may make others of rows than of none.

use super::sql;
use spotmill_core::item::{CheckReply, CheckedStep};
use spotmill_core::model::{Pipeline, Transform};
use spotmill_core::records::{Foreseen, ForeseenStep};
use spotmill_core::types::Value;
use std::collections::BTreeMap;

/// Of a reply to `check` under these params, whose steps are those of the pipeline, in order.
pub fn foreseen(pipeline: &Pipeline, params: &BTreeMap<String, Value>, reply: &CheckReply) -> Foreseen {
    let steps = pipeline.steps.iter().zip(&reply.steps).filter_map(|(step, checked)| {
        let Transform::Sql { text, .. } = &step.transform else { return None };
        let CheckedStep::Ok { input, tables, output, .. } = checked else { return None };
        let shaping = sql::shaping(text);
        let params = params.iter().filter(|(name, _)| shaping.contains(*name));
        let params = params.map(|(name, value)| (name.clone(), value.clone())).collect();
        let found = ForeseenStep { params, input: input.clone(), tables: tables.clone(), output: output.clone() };
        Some((step.name.clone(), found))
    });
    Foreseen { steps: steps.collect(), ..Foreseen::default() }
}
