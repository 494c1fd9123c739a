//! The machines that work for a run now.

use super::AwsError;
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Instance};
use spotmill_core::ids::RunId;
use spotmill_ec2::{FLEET_TAG, RUN_TAG, STACK_TAG, STEP_TAG};

#[derive(Clone, Debug)]
pub struct MachinesOf {
    client: Client,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub id: String,
    /// `r7g.2xlarge`
    pub kind: String,
    pub zone: String,
    /// `x86_64`, `arm64`.
    pub architecture: String,
    /// `pending`, `running`.
    pub state: String,
    pub vcpus: u32,
    pub fleet: String,
    /// Of which run, as its tag says.
    pub run: String,
    pub step: String,
    pub started_ms: u64,
}

impl MachinesOf {
    pub fn new(config: &SdkConfig) -> MachinesOf {
        MachinesOf { client: Client::new(config) }
    }

    /// Those of a run that have not begun to end.
    pub async fn of_run(&self, stack: &str, run: &RunId) -> Result<Vec<Machine>, AwsError> {
        self.tagged(&[(STACK_TAG, stack), (RUN_TAG, run.as_str())]).await
    }

    /// Those of a stack that have not begun to end, whatever is on record of their runs.
    pub async fn of_stack(&self, stack: &str) -> Result<Vec<Machine>, AwsError> {
        self.tagged(&[(STACK_TAG, stack)]).await
    }

    async fn tagged(&self, tags: &[(&str, &str)]) -> Result<Vec<Machine>, AwsError> {
        let filter = |(tag, value): &(&str, &str)| Filter::builder().name(format!("tag:{tag}")).values(*value).build();
        let call = self.client.describe_instances().set_filters(Some(tags.iter().map(filter).collect()));
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("looking at machines", "ec2:DescribeInstances", e))?;
            let found = page.reservations.unwrap_or_default().into_iter();
            all.extend(found.flat_map(|r| r.instances.unwrap_or_default()).map(machine));
        }
        all.retain(|m: &Machine| matches!(m.state.as_str(), "pending" | "running"));
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }
}

fn machine(of: Instance) -> Machine {
    let tag = |key: &str| {
        let tags = of.tags().iter();
        tags.filter(|t| t.key() == Some(key)).find_map(|t| t.value()).unwrap_or_default().to_owned()
    };
    let cpu = of.cpu_options();
    let threads = cpu.and_then(|c| Some(c.core_count()? * c.threads_per_core()?)).unwrap_or_default();
    let started = of.launch_time().and_then(|t| t.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok());
    Machine {
        fleet: tag(FLEET_TAG),
        run: tag(RUN_TAG),
        step: tag(STEP_TAG),
        kind: of.instance_type().map(|t| t.as_str().to_owned()).unwrap_or_default(),
        zone: of.placement().and_then(|p| p.availability_zone()).unwrap_or_default().to_owned(),
        architecture: of.architecture().map(|a| a.as_str().to_owned()).unwrap_or_default(),
        state: of.state().and_then(|s| s.name()).map(|s| s.as_str().to_owned()).unwrap_or_default(),
        vcpus: u32::try_from(threads).unwrap_or_default(),
        started_ms: started.unwrap_or_default(),
        id: of.instance_id.unwrap_or_default(),
    }
}
