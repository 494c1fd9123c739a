//! What a check of a pipeline proves of the columns that its steps will make. Of a query alone: its planner decides names
//! and types from those that it reads, while a Rust transform may make others of rows than of none.

use super::sql;
use spotmill_core::item::{CheckReply, CheckedStep};
use spotmill_core::lineage::{ColumnLineage, Dependence};
use spotmill_core::model::{By, Layout, Pipeline, Source, Step, Transform};
use spotmill_core::records::{Foreseen, ForeseenStep};
use spotmill_core::types::Value;
use std::collections::BTreeMap;

/// Of a reply to `check` under these params, whose steps are those of the pipeline, in order.
pub fn foreseen(pipeline: &Pipeline, params: &BTreeMap<String, Value>, reply: &CheckReply) -> Foreseen {
    let steps = pipeline.steps.iter().zip(&reply.steps).filter_map(|(step, checked)| {
        let Transform::Sql { text, .. } = &step.transform else { return None };
        let CheckedStep::Ok { input, tables, output, lineage, .. } = checked else { return None };
        let shaping = sql::shaping(text);
        let params = params.iter().filter(|(name, _)| shaping.contains(*name));
        let params = params.map(|(name, value)| (name.clone(), value.clone())).collect();
        let lineage = lineage.clone().map(|lineage| by_item(pipeline, step, lineage));
        let (input, tables, output) = (input.clone(), tables.clone(), output.clone());
        Some((step.name.clone(), ForeseenStep { params, input, tables, output, lineage }))
    });
    Foreseen { steps: steps.collect(), ..Foreseen::default() }
}

/// The query is asked of each item by itself: what items are divided by decides which rows there are, too.
fn by_item(pipeline: &Pipeline, step: &Step, mut lineage: ColumnLineage) -> ColumnLineage {
    let input = &step.input;
    if let Some(values) = &input.values {
        lineage.add_rows(&input.alias, &values.column, Dependence::Filter);
    }
    if let Source::Step { step: upstream, by: By::Partition } = &input.source
        && let Some(upstream) = pipeline.step(upstream)
        && let Layout::Partition { by } | Layout::Bucket { by, .. } = &upstream.output.layout
    {
        by.iter().for_each(|column| lineage.add_rows(&input.alias, column, Dependence::GroupBy));
    }
    lineage
}
