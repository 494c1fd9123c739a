//! AWS as the commands see it: the stack by its outputs, and the ports that follow from them. The functions' own table
//! of settings (`spotmill_lambdas::aws::Environment`) makes the ports, so that a command reads what they wrote
//! through the same code.

pub mod answers;
pub mod built;
pub mod calls;
pub mod cross;
pub mod elf;
pub mod follow;
mod installed;
pub mod names;
pub mod policy;
pub mod programs;
pub mod release;
pub mod silence;
pub mod table;
pub mod upgrade;
mod zip;

use crate::args::Global;
use crate::exit::{Code, Stop};
use crate::lease;
use crate::stood::Stood;
use spotmill_core::calls::{errors, innermost};
use spotmill_core::command::ORDINARY_STACK;
use spotmill_core::ids::{ExecutionId, RunId, Uri};
use spotmill_core::records::{Lease, RunReport};
use spotmill_lambdas::Ctx;
use spotmill_lambdas::aws::Environment;
use spotmill_platform::aws::Aws;
use spotmill_platform::aws::stacks::{Phase, RunNow, RunStatus, Runs, StackNow};
use spotmill_platform::ports::Store;

pub struct World {
    pub aws: Aws,
    pub runs: Runs,
    pub stack: String,
    /// The stack as CloudFormation describes it.
    pub now: StackNow,
    /// What a start starts: an alias, where the stack has one.
    pub start: String,
    /// The machines whose executions are runs and steps.
    pub pipeline_machine: String,
    pub step_machine: String,
    pub subnets: Vec<String>,
    pub ctx: Ctx,
}

/// The name of the stack that the commands use.
pub fn stack_name(global: &Global) -> String {
    let named = global.stack.clone().or_else(|| std::env::var("SPOTMILL_STACK").ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| ORDINARY_STACK.to_owned())
}

pub async fn connect() -> Result<Aws, Stop> {
    let aws = Aws::from_env().await;
    if aws.region().is_none() {
        return Err(Stop::new(Code::Permission, "no AWS region is chosen")
            .remedy("set AWS_REGION, or a profile that has one: AWS_PROFILE"));
    }
    Ok(aws)
}

/// Where inputs of pipelines on AWS are read from.
pub async fn store() -> Result<Box<dyn Store>, Stop> {
    Ok(Box::new(connect().await?.store()))
}

impl World {
    /// Opens a stack that exists; anything else is an error with a remedy.
    pub async fn open(global: &Global) -> Result<World, Stop> {
        let aws = connect().await?;
        let stack = stack_name(global);
        let deploy = format!("deploy it: {}", global.command("deploy"));
        let region = aws.region().unwrap_or_default();
        let found = aws.stacks().find(&stack).await?;
        let Some(now) = found.filter(|now| now.phase() != Phase::Empty) else {
            return Err(Stop::usage(format!("there is no stack `{stack}` in {region}")).remedy(deploy));
        };
        World::of(global, aws, stack, now)
    }

    pub fn of(global: &Global, aws: Aws, stack: String, now: StackNow) -> Result<World, Stop> {
        let unready = |what: &str| {
            Stop::usage(format!("stack `{stack}` is {} and says no {what}", now.status))
                .remedy(format!("deploy it: {}", global.command("deploy")))
        };
        let output = |name: &str| now.outputs.get(name).cloned().ok_or_else(|| unready(name));
        let environment = Environment::read(|name| match name {
            "SPOTMILL_STACK" => Some(stack.clone()),
            "SPOTMILL_ROOT" => now.outputs.get("Root").cloned(),
            "SPOTMILL_DEAD_LETTERS" => now.outputs.get("DeadLettersQueueArn").cloned(),
            "SPOTMILL_TEMPLATE_X86_64" => now.outputs.get("TemplateX86").cloned(),
            "SPOTMILL_TEMPLATE_ARM64" => now.outputs.get("TemplateArm64").cloned(),
            "SPOTMILL_SUBNETS" => now.outputs.get("Subnets").cloned(),
            "SPOTMILL_MAX_VCPUS" => now.parameters.get("MaxVcpus").cloned(),
            "SPOTMILL_SCRATCH_DAYS" => now.parameters.get("ScratchDays").cloned(),
            "SPOTMILL_KMS_KEY" => now.parameters.get("KmsKeyArn").cloned(),
            "SPOTMILL_VISIBILITY_SECONDS" => now.parameters.get("VisibilitySeconds").cloned(),
            _ => None,
        });
        let environment = environment.map_err(|_| unready("outputs of ours"))?;
        let mut ctx = environment.ctx(&aws);
        ctx.settings.target = global.target().to_owned();
        ctx.settings.caller = global.caller();
        Ok(World {
            runs: aws.runs(),
            start: output("PipelineStateMachine")?,
            pipeline_machine: output("PipelineStateMachineArn")?,
            step_machine: output("StepStateMachineArn")?,
            subnets: environment.subnets,
            ctx,
            stack: stack.clone(),
            aws,
            now: now.clone(),
        })
    }

    pub fn root(&self) -> &Uri {
        &self.ctx.root
    }

    pub async fn lease(&self, run: &RunId) -> Result<Option<Lease>, Stop> {
        lease::read(&*self.ctx.store, self.root(), run).await
    }

    /// What reads and writes the stack's runs.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    pub async fn is_running(&self, execution: &ExecutionId) -> Result<bool, Stop> {
        Ok(self.running(execution).await?.is_some())
    }

    async fn running(&self, execution: &ExecutionId) -> Result<Option<RunNow>, Stop> {
        Ok(self.runs.describe(execution).await?.filter(|now| now.status == RunStatus::Running))
    }

    /// The state of a run by its execution.
    pub async fn stood(&self, report: &RunReport) -> Result<Stood, Stop> {
        let stood = |state| Ok(Stood { state, cause: report.end.as_ref().map(|end| end.cause.clone()) });
        if report.root.as_str().is_empty() {
            return stood(report.outcome.name());
        }
        let Some(now) = self.runs.describe(&report.root).await? else {
            return stood("interrupted");
        };
        let (error, cause) = innermost(now.error.unwrap_or_default(), now.cause.unwrap_or_default());
        let state = match now.status {
            RunStatus::Running => "running",
            RunStatus::Succeeded => report.outcome.name(),
            RunStatus::Failed if error == errors::INPUT_LATE => "late",
            RunStatus::Failed | RunStatus::TimedOut => "failed",
            RunStatus::Aborted => "stopped",
        };
        let why = if cause.is_empty() { error } else { cause };
        Ok(Stood { state, cause: Some(why).filter(|why| !why.is_empty()) })
    }

    /// The execution that holds the run, if it runs.
    pub async fn holder(&self, run: &RunId) -> Result<Option<(ExecutionId, RunNow)>, Stop> {
        let Some(owner) = self.lease(run).await?.and_then(|lease| lease.owner) else { return Ok(None) };
        Ok(self.running(&owner).await?.map(|now| (owner, now)))
    }
}
