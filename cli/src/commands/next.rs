//! `spotmill` without a command: shows what is in this directory, and what to type next.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::next::{first_run, named};
use crate::project::{PIPELINE_FILE, Project};
use spotmill_core::command::Command;
use spotmill_lambdas::report;
use std::path::Path;

/// A line, and commands with what each does.
struct Overview {
    state: &'static str,
    headline: String,
    commands: Vec<(Command, &'static str)>,
}

pub async fn run(global: &Global) -> Result<Code, Stop> {
    let overview = examine(global).await?;
    if global.json {
        let commands: Vec<String> = overview.commands.iter().map(|(command, _)| command.to_string()).collect();
        Event::Next { state: overview.state.to_owned(), commands }.print();
        return Ok(Code::Done);
    }
    say!("{}", overview.headline);
    let commands: Vec<(String, &str)> = overview.commands.iter().map(|(c, what)| (c.to_string(), *what)).collect();
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    commands.iter().for_each(|(command, what)| say!("  {command:width$}   {what}"));
    Ok(Code::Done)
}

async fn examine(global: &Global) -> Result<Overview, Stop> {
    let help = (global.command("--help"), "all commands");
    if !Path::new(PIPELINE_FILE).exists() {
        let commands = vec![(global.command("init"), "write a small commented pipeline with data, here"), help];
        let headline =
            format!("there is no {PIPELINE_FILE} in {}; -C DIR works in another directory", global.directory.display());
        return Ok(Overview { state: "no_project", headline, commands });
    }
    let Some(project) = Project::find() else {
        let commands = vec![(global.command("validate"), "say what is wrong"), help];
        return Ok(Overview {
            state: "invalid",
            headline: format!("{PIPELINE_FILE} does not pass its checks"),
            commands,
        });
    };
    let inspector = Inspector::open(global).await?;
    let name = named(project.pipeline());
    let Some(run) = inspector.latest().await? else {
        let commands = vec![
            (first_run(global).await, "the first run"),
            (global.command("validate"), "check it, reading no rows"),
            help,
        ];
        return Ok(Overview { state: "no_runs", headline: format!("{name}, no runs yet"), commands });
    };
    let report = report::summarize(&inspector.ctx, &run).await?;
    let state = inspector.state(&report).await?.state;
    let show = (global.command("show"), "the latest run");
    let resume = || (super::show::resume_command(&inspector.ctx, &report), "go on with it");
    let commands = match state {
        "succeeded" | "warned" => {
            vec![show, (global.caller().run().word("--date").blank("FIRST..LAST"), "more dates"), help]
        }
        "running" => vec![show, help],
        _ => vec![(show.0, "what failed and why"), resume(), help],
    };
    let headline = format!("{name}; the latest run: {} {run} {state}", super::runs::mark(state));
    Ok(Overview { state, headline, commands })
}
