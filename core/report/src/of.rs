//! A step from the three sides that a report sees it from.

use crate::loaded::{Loaded, LoadedStep};
use spotmill_core::ids::ItemIndex;
use spotmill_core::model::Step;
use spotmill_core::records::StepReport;
use spotmill_core::verdict::memory_bytes;

/// A step, as the pipeline has it, as it is reported, and what was loaded of it.
pub(crate) struct Of<'a> {
    pub step: &'a Step,
    pub report: &'a StepReport,
    pub loaded: &'a LoadedStep,
}

impl<'a> Of<'a> {
    /// The steps of the run that all three have.
    pub fn all(loaded: &'a Loaded) -> Vec<Of<'a>> {
        let named = |name: &str| loaded.pipeline.steps.iter().find(|step| step.name == name);
        let zipped = loaded.report.steps.iter().zip(&loaded.steps);
        zipped
            .filter_map(|(report, own)| Some(Of { step: named(report.step.as_str())?, report, loaded: own }))
            .collect()
    }

    /// The memory of an attempt on this rung.
    pub fn limit_bytes(&self, rung: u32) -> u64 {
        memory_bytes(&self.step.resources, rung)
    }

    pub fn label(&self, item: ItemIndex) -> String {
        self.loaded.items.get(&item).map(|reads| reads.label.clone()).unwrap_or_default()
    }
}
