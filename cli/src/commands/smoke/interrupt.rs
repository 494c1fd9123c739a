//! A spot interruption on order: once a machine of the run has begun an item, Fault Injection Service is asked to take it away.
//! The template bears the stack's name as a tag, so that the clean-up finds it whoever made it; what stands in the way is kept,
//! and the run goes on without.

use super::Smoke;
use super::pipelines::STEP;
use spotmill_core::ids::{RunId, StepName};
use spotmill_core::keys::RunKeys;
use spotmill_lambdas::inspect;
use spotmill_platform::aws::stacks::{AwsError, Machine};

/// The tag of templates and experiments; its value is the stack.
pub const TAG: &str = "spotmill:smoke";

/// From a machine's launch to its first item, generously.
const BEGUN_MS: u64 = 75_000;

#[derive(Default)]
pub struct Interruption {
    experiment: Option<String>,
    /// Why it is not tried, and what would make it possible.
    pub blocked: Option<(String, String)>,
}

pub const RIGHTS: &str = "infra/people/smoke.json has the rights that this takes, docs/smoke.md the role's";

impl Interruption {
    /// One step further: at the first machine that works, start it; then see what becomes of it.
    pub async fn go_on(&mut self, smoke: &Smoke<'_>, run: &RunId, machines: &[Machine]) {
        if self.blocked.is_some() {
            return;
        }
        let done = match self.experiment.clone() {
            Some(id) => self.look(smoke, &id).await,
            None => match first_at_work(smoke, run, machines).await {
                Some(machine) => self.start(smoke, &machine).await,
                None => Ok(()),
            },
        };
        if let Err(e) = done {
            self.blocked = Some((e.to_string(), RIGHTS.to_owned()));
        }
    }

    async fn start(&mut self, smoke: &Smoke<'_>, machine: &str) -> Result<(), AwsError> {
        let Some(role) = &smoke.args.fault_role else { return Ok(()) };
        let arn = smoke.machine_arn(machine);
        let (faults, tag) = (smoke.world.aws.faults(), (TAG, smoke.world.stack.as_str()));
        let token = format!("smoke-{}", smoke.at);
        let template = faults.prepare(&token, role, &arn, tag).await?;
        self.experiment = Some(faults.start(&token, &template, tag).await?);
        Ok(())
    }

    async fn look(&mut self, smoke: &Smoke<'_>, id: &str) -> Result<(), AwsError> {
        let now = smoke.world.aws.faults().experiment(id).await?;
        if now.is_over() && now.status != "completed" {
            let why = format!("the experiment {}: {}", now.status, now.reason);
            self.blocked = Some((why, "the role of --fault-role lacks a right, or the machine was gone".to_owned()));
        }
        Ok(())
    }
}

/// A machine that works, by EC2's word and its own.
async fn first_at_work(smoke: &Smoke<'_>, run: &RunId, machines: &[Machine]) -> Option<String> {
    let lease = smoke.world.lease(run).await.ok()??;
    let step = lease.generations.get(STEP)?;
    let keys = RunKeys::new(smoke.world.root(), run).step(&StepName::new(STEP), step.generation);
    let records = inspect::machines(&smoke.world.ctx, &keys, lease.epoch, 100).await.ok()?;
    let begun = |id: &str| records.iter().any(|r| r.id == id && r.first_item_ms.is_some());
    // A machine renews its record every few minutes; by then it has long begun.
    let now = smoke.world.ctx.clock.now_ms();
    let surely = |m: &Machine| now.saturating_sub(m.started_ms) > BEGUN_MS;
    machines.iter().find(|m| m.state == "running" && (begun(&m.id) || surely(m))).map(|m| m.id.clone())
}
