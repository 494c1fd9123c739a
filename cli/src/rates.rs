//! The rates that a command reckons with: what its command line sets, over what the pipeline file in this directory sets now,
//! over what it set when the run began (which the run's own records hold), over the table.

use crate::args::RateArgs;
use crate::exit::Stop;
use crate::project::Project;
use spotmill_core::ids::RunId;
use spotmill_core::rates::Rates;

/// The rates of a run: what its pipeline file sets now is stronger than what it set when the run began.
pub fn of_project(rates: &Rates, project: Option<&Project>, run: &RunId) -> Rates {
    match project.map(Project::pipeline).filter(|pipeline| pipeline.name == run.pipeline()) {
        Some(pipeline) => rates.clone().over(&pipeline.rates),
        None => rates.clone(),
    }
}

impl RateArgs {
    /// The ordinary rates, with those that were set in their places.
    pub fn all(&self) -> Result<Rates, Stop> {
        let mut rates = Rates::default();
        for (name, value) in &self.rates {
            rates.set(name, *value).map_err(|wrong| Stop::usage(wrong).remedy("docs/cost.md lists them"))?;
        }
        Ok(rates)
    }
}
