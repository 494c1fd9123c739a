//! `item`: replays one item on this machine, on the same inputs, with the child's own output on the terminal. Of a run on AWS
//! it fetches the inputs. It writes below `.spotmill/item/` and commits nothing.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::inspect::Inspector;
use crate::local::{near, place};
use crate::project::Project;
use crate::result::{indent, relative, result_table};
use crate::ui::format::{bytes, count, duration};
use crate::worker::Worker;
use spotmill_core::ids::{StepName, Uri};
use spotmill_core::item::{ItemOutcome, ItemReport};
use spotmill_supervisor::{environment, replay};
use std::path::Path;
use std::process::Command;

pub async fn run(global: &Global, run: &str, step: &str, item: u32) -> Result<Code, Stop> {
    // A run on AWS is looked into from any directory.
    let project = if global.on_aws() { Project::find() } else { Some(Project::open(global)?) };
    let worker_crate = project.as_ref().and_then(|project| project.pipeline().worker_crate.as_deref());
    let worker = Worker::find(global, worker_crate)?;
    let inspector = Inspector::open(global).await?;
    let (ctx, run) = (&inspector.ctx, inspector.run(global, Some(run)).await?);
    let home = place::local()?.join("item").join(run.as_str()).join(step).join(item.to_string());
    let tmp = home.join("tmp");
    let place = replay::Place {
        root: ctx.root.clone(),
        scratch: Uri::new(home.join("out").to_string_lossy()),
        tmp: tmp.to_string_lossy().into_owned(),
        base: ctx.settings.base.clone(),
    };
    let mut spec = replay::spec(&*ctx.store, &run, &StepName::new(step), item, &place).await.map_err(|what| {
        Stop::usage(what)
            .remedy(format!("its steps and items: {}", global.command("show").arg(run.as_str()).blank("STEP")))
    })?;
    // Only now: the run, the step and the item exist, so that their names are names of folders.
    if home.exists() {
        std::fs::remove_dir_all(&home).map_err(io("empty", &home))?;
    }
    std::fs::create_dir_all(&tmp).map_err(io("create", &tmp))?;
    near::inputs(&ctx.store, &mut spec, &home.join("in")).await?;
    let (spec_file, outcome_file) = (home.join("spec.json"), home.join("outcome.json"));
    let text = serde_json::to_vec_pretty(&spec).map_err(|e| Stop::failed(e.to_string()))?;
    std::fs::write(&spec_file, text).map_err(io("write", &spec_file))?;
    let status = Command::new(&worker.program)
        .args(["item", "--spec"])
        .arg(&spec_file)
        .arg("--outcome")
        .arg(&outcome_file)
        .env_clear()
        .envs(environment(&tmp, spec.threads))
        // Whoever looks for a fault asks for these.
        .envs(std::env::vars().filter(|(name, _)| name.starts_with("RUST_")))
        .status()
        .map_err(io("start", &worker.program))?;
    let outcome = std::fs::read(&outcome_file).ok().and_then(|b| serde_json::from_slice::<ItemOutcome>(&b).ok());
    match outcome {
        Some(ItemOutcome::Done(report)) if global.json => {
            Event::ItemReplayed { step: step.to_owned(), item, report }.print();
            Ok(Code::Done)
        }
        Some(ItemOutcome::Done(report)) => done(&worker, &report, &home),
        Some(ItemOutcome::Failed(failure)) => {
            let stop = Stop::failed(format!("{step} item {item}: {}", failure.message));
            Err(failure.remedy.into_iter().fold(stop, Stop::remedy))
        }
        None => Err(Stop::failed(format!("{step} item {item}: the worker ended with {status} and without a message"))),
    }
}

fn done(worker: &Worker, report: &ItemReport, home: &Path) -> Result<Code, Stop> {
    let usage = &report.usage;
    say!(
        "✓ {} rows → {}, {} rejected, peak {}, {}; nothing was committed",
        count(report.rows.raw),
        count(report.rows.written),
        count(report.rows.rejected),
        bytes(usage.peak_bytes),
        duration(usage.wall_ms)
    );
    report.notes.iter().for_each(|note| say!("  {note}"));
    let files: Vec<String> =
        report.files.iter().map(|f| home.join("out").join(&f.path).to_string_lossy().into_owned()).collect();
    if !files.is_empty() {
        say!("{}", indent(&result_table(&worker.preview(&files, 10)?)));
        say!("  {}", relative(&home.join("out").to_string_lossy()));
    }
    Ok(Code::Done)
}
