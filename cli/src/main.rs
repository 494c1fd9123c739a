//! `spotmill`: run a pipeline on this machine or on AWS, and inspect what happened.

// What only the commands on AWS read stays where it is in a build without them.
#![cfg_attr(not(feature = "aws"), allow(dead_code))]

#[macro_use]
mod say;

mod answers;
mod args;
#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "without_aws.rs"]
mod aws;
mod cargo;
mod check;
mod commands;
mod event;
mod examples;
mod exit;
mod file;
mod inspect;
mod lease;
mod lineage_endpoint;
mod local;
mod lock;
mod next;
mod own_crate;
mod project;
mod rates;
mod result;
mod standing;
mod starter;
mod stood;
mod ui;
mod worker;

use args::{Cli, Command, Global};
use event::Event;
use exit::{Code, Stop, io};
use spotmill_core::cpu;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if let Some(lacking) = cpu::lacking(&cpuinfo, cpu::needed()) {
        warn_of!("error: {lacking}");
        return ExitCode::from(Code::Usage as u8);
    }
    let Cli { global, command, version } = args::parse();
    log(&global);
    let global = targeted(global, command.as_ref());
    let ended = std::env::set_current_dir(&global.directory)
        .map_err(io("change to", &global.directory))
        .and_then(|()| tokio::runtime::Runtime::new().map_err(|e| Stop::failed(format!("cannot start: {e}"))))
        .and_then(|runtime| match version {
            true => commands::version::run(&global),
            false => runtime.block_on(dispatch(&global, command)),
        });
    match ended {
        Ok(code) => ExitCode::from(code as u8),
        Err(stop) => {
            report(&global, &stop);
            ExitCode::from(stop.code as u8)
        }
    }
}

/// The commands on AWS mean target `aws` where none is named.
fn targeted(mut global: Global, command: Option<&Command>) -> Global {
    if global.target.is_none() && command.is_some_and(on_aws) {
        global.target = Some("aws".to_owned());
    }
    match command {
        // Of these two commands the option of that name is their own.
        Some(Command::Worker { .. }) => global.target = None,
        Some(Command::Init { .. }) if global.worker.as_deref() == Some(Path::new(args::OWN_CRATE)) => {
            global.worker = None;
        }
        _ => {}
    }
    // As it was typed, whatever -C changes to.
    global.worker = global.worker.map(|worker| std::path::absolute(&worker).unwrap_or(worker));
    global
}

fn on_aws(command: &Command) -> bool {
    use Command::{Deploy, Destroy, Doctor, Smoke, Start, Status, Stop};
    matches!(command, Doctor { .. } | Deploy(_) | Destroy { .. } | Smoke(_) | Start(_) | Status { .. } | Stop { .. })
}

async fn dispatch(global: &Global, command: Option<Command>) -> Result<Code, Stop> {
    let Some(command) = command else { return commands::next::run(global).await };
    if on_aws(&command) && !global.on_aws() {
        let what = format!("--target {} is on this machine; this command works on AWS", global.target());
        return Err(Stop::usage(what).remedy("targets on AWS are named `aws` or `aws-…`"));
    }
    match command {
        command @ (Command::Doctor { .. }
        | Command::Deploy(_)
        | Command::Destroy { .. }
        | Command::Smoke(_)
        | Command::Start(_)
        | Command::Status { .. }
        | Command::Stop { .. }
        | Command::Worker { .. }) => commands::on_aws::run(global, command).await,
        Command::Init { dir, from, example, worker, path, git } => {
            let is_asked = worker.as_deref() == Some(Path::new(args::OWN_CRATE));
            let own = is_asked.then(|| own_crate::source(path.as_deref(), git.as_deref())).transpose()?;
            let init = commands::init::Init { dir: dir.as_deref(), from: from.as_deref(), example, own };
            commands::init::run(global, &init).await
        }
        Command::Validate { key, tests } => commands::author::validate(global, &key, tests).await,
        Command::Test(args) => commands::test::run(global, &args).await,
        Command::Schema { what, pipeline, events } => {
            commands::author::schema(global, what.as_deref(), pipeline, events).await
        }
        Command::Functions { name, markdown } => commands::author::functions(name.as_deref(), markdown, global),
        Command::Sql(args) => commands::sql::run(global, &args).await,
        Command::Plan { key, fleet, changed } => commands::plan::run(global, &key, fleet, changed).await,
        Command::Explain(args) => commands::explain::run(global, &args).await,
        Command::Run(args) => commands::run::run(global, &args).await,
        Command::Item { run, step, item } => commands::item::run(global, &run, &step, item).await,
        Command::Gc { delete } => commands::gc::run(global, delete).await,
        Command::Runs(args) => commands::runs::run(global, &args).await,
        Command::Show { run, step, item: _, log: _, why: true } => {
            commands::explain::kept(global, run.as_deref(), step.as_deref()).await
        }
        Command::Show { run, step, item, log, why: false } => {
            let what = commands::show::What { run: run.as_deref(), step: step.as_deref(), item, log };
            commands::show::run(global, &what).await
        }
        Command::Lineage { file: _, columns: _, send: Some(run) } => commands::lineage_send::run(global, &run).await,
        Command::Lineage { file, columns, send: None } => {
            commands::lineage::run(global, &file.unwrap_or_default(), columns).await
        }
        Command::Diff(args) => commands::diff::run(global, &args).await,
        Command::Cost(args) => commands::cost::run(global, &args).await,
        Command::Report(args) => commands::report::run(global, &args).await,
        Command::Completions { shell } => commands::manual::completions(shell),
        Command::Man { of } => commands::manual::page(of.as_deref()),
    }
}

fn report(global: &Global, stop: &Stop) {
    if global.json {
        let (message, remedy) = (stop.message.clone(), stop.remedy.clone());
        Event::Error { message, remedy, code: stop.code as u8 }.print();
    }
    warn_of!("{stop}");
}

/// Diagnostics for -v; what users need is printed by the commands themselves.
fn log(global: &Global) {
    let level = match global.verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SPOTMILL_LOG").unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(project::colored(global))
        .init();
}
