//! A spot interruption on order: once a machine of the run has begun an item, Fault Injection Service is asked to take it away.
//! The template bears the stack's name as a tag, so that the clean-up finds it whoever made it. What has no answer is asked
//! again at the next look, as long as the run lasts; what else stands in the way is kept, and the run goes on without.

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
    /// The machine that is to go, once it is chosen: asked twice, it is the same.
    machine: Option<String>,
    experiment: Option<String>,
    over: bool,
    /// Why it is not tried, and what would make it possible.
    blocked: Option<(String, String)>,
    /// The last question had no answer.
    unanswered: Option<String>,
}

pub const RIGHTS: &str = "infra/people/smoke.json has the rights that this takes, docs/smoke.md the role's";

impl Interruption {
    /// One step further: at the first machine that works, start it; then see what becomes of it.
    pub async fn go_on(&mut self, smoke: &Smoke<'_>, run: &RunId, machines: &[Machine]) {
        if self.over || self.blocked.is_some() {
            return;
        }
        if self.machine.is_none() {
            self.machine = first_at_work(smoke, run, machines).await;
        }
        let done = match (self.experiment.clone(), self.machine.clone()) {
            (Some(id), _) => self.look(smoke, &id).await,
            (None, Some(machine)) => self.start(smoke, &machine).await,
            (None, None) => Ok(()),
        };
        self.take(done);
    }

    /// What had no answer is asked again.
    fn take(&mut self, done: Result<(), AwsError>) {
        self.unanswered = None;
        match done {
            Ok(()) => {}
            Err(e @ AwsError::Transient { .. }) => self.unanswered = Some(e.to_string()),
            Err(e) => self.blocked = Some((e.to_string(), RIGHTS.to_owned())),
        }
    }

    /// Why no machine was taken away, and what would make it possible; nothing if one was.
    pub fn obstacle(self, noticed: u32) -> Option<(String, String)> {
        let again = |why| (why, "it may pass: try this part again, --only interruption".to_owned());
        self.blocked.or(self.unanswered.map(again)).filter(|_| noticed == 0)
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
        self.over = now.is_over();
        if self.over && now.status != "completed" {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> AwsError {
        AwsError::Transient { what: "looking at an experiment: no answer".to_owned(), source: "timed out".into() }
    }

    #[test]
    fn what_has_no_answer_is_asked_again_and_what_is_refused_is_not() {
        let mut of = Interruption { experiment: Some("EXP1".to_owned()), ..Interruption::default() };
        of.take(Err(lost()));
        assert!(of.blocked.is_none() && of.unanswered.is_some(), "the next look asks again");
        of.take(Ok(()));
        assert_eq!(of.obstacle(0), None, "it was answered since");

        let mut never = Interruption::default();
        never.take(Err(lost()));
        let (why, remedy) = never.obstacle(0).expect("no machine was taken away");
        assert!(why.contains("no answer") && remedy.contains("try this part again"), "{why}; {remedy}");

        let mut refused = Interruption::default();
        refused.take(Err(AwsError::Denied { needs: "fis:StartExperiment".to_owned(), source: "no".into() }));
        assert!(refused.blocked.is_some());
        assert_eq!(refused.obstacle(1), None, "the machine heard of it all the same");
    }
}
