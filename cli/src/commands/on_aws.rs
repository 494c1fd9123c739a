//! The commands that are for AWS alone; `without_aws.rs` takes this file's place in a build without them.

use super::{deploy, destroy, doctor, smoke, start, status, stop, worker};
use crate::args::{Command, Global, WorkerCommand};
use crate::exit::{Code, Stop};

pub async fn run(global: &Global, command: Command) -> Result<Code, Stop> {
    match command {
        Command::Doctor { deep } => doctor::run(global, deep).await,
        Command::Deploy(args) => deploy::run(global, &args).await,
        Command::Destroy { force, yes } => destroy::run(global, force, yes).await,
        Command::Smoke(args) => smoke::run(global, &args).await,
        Command::Start(args) => start::run(global, &args).await,
        Command::Status { run, watch } => status::run(global, run.as_deref(), watch).await,
        Command::Stop { run } => stop::run(global, &run).await,
        Command::Worker { command: WorkerCommand::Build { target } } => worker::build(global, target.as_deref()),
        _ => Err(Stop::usage("this command is of this machine")),
    }
}
