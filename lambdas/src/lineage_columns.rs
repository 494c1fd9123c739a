//! Where the columns of steps come from, for readers: what the check of the run's definition found of their queries.

use crate::lineage::Lineage;
use crate::{Ctx, HandlerError, foreseen, lease, openlineage};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::{Generation, StepName};
use spotmill_core::lineage::ColumnLineage;
use spotmill_core::model::Source;
use std::collections::BTreeMap;

/// Of one step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepLineage {
    pub step: StepName,
    pub generation: Generation,
    /// By the name of a table in SQL: the step that made it, or the dataset that was given.
    pub tables: BTreeMap<String, String>,
    /// Nothing of a Rust transform, and where it is not on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<ColumnLineage>,
}

/// Of the steps that a file was made by, the last first.
pub async fn of_file(ctx: &Ctx, file: &Lineage) -> Result<Vec<StepLineage>, HandlerError> {
    let lease = lease::load(ctx, &file.run).await?;
    let program = lease::program(ctx, &file.run, &lease).await?;
    let foreseen = foreseen::of_run(ctx, &file.run, &lease).await;
    let mut all: Vec<StepLineage> = Vec::new();
    for item in &file.items {
        if all.iter().any(|of| of.step == item.step && of.generation == item.generation) {
            continue;
        }
        let is_present = lease.generations.get(item.step.as_str()).is_some_and(|g| g.generation == item.generation);
        let step = program.pipeline.step(item.step.as_str()).filter(|_| is_present);
        let mut tables = BTreeMap::new();
        if let Some(step) = step {
            let side = step.tables.iter().map(|(name, table)| (name, &table.source));
            for (alias, source) in side.chain([(&step.input.alias, &step.input.source)]) {
                let of = match source {
                    Source::Step { step, .. } => step.clone(),
                    Source::Path(_) => openlineage::read_from(ctx, &program, source)?.location(),
                };
                tables.insert(alias.clone(), of);
            }
        }
        let lineage = step.and_then(|step| foreseen.steps.get(&step.name)?.lineage.clone());
        all.push(StepLineage { step: item.step.clone(), generation: item.generation, tables, lineage });
    }
    Ok(all)
}
