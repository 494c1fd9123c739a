//! Which worker programs a deploy uploads: those that were named, else those that `worker build` made of these sources, else
//! the released ones for both architectures, else the one of this machine. What is lacking then is said, with the command that
//! brings it.

use super::{built, installed};
use crate::args::{DeployArgs, Global};
use crate::exit::Stop;
use crate::worker::{Stock, Worker};
use spotmill_core::fleet::Architecture;
use std::path::PathBuf;

pub struct Chosen {
    /// The worker that is asked about the pipeline; it runs on this machine.
    pub worker: Worker,
    /// What is uploaded.
    pub paths: Vec<PathBuf>,
    /// The command that brings the worker for both kinds of machines.
    pub for_both: String,
}

/// The architecture of this machine.
pub const LOCAL: Architecture = if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X86_64 };

pub fn choose(global: &Global, args: &DeployArgs, worker_crate: Option<&str>) -> Result<Chosen, Stop> {
    let of = |architecture| match architecture {
        Architecture::X86_64 => args.worker_x86_64.clone(),
        Architecture::Arm64 => args.worker_aarch64.clone(),
    };
    if Architecture::ALL.into_iter().any(|a| of(a).is_some()) {
        return chosen(of, global, worker_crate);
    }
    if let Some(worker) = Worker::named(global)? {
        return Ok(Chosen { paths: vec![worker.program.clone()], worker, for_both: build_command(global) });
    }
    let again = build_command(global);
    let found = Architecture::ALL.map(|a| (a, built::find(worker_crate, a, &again)));
    let mut made = Vec::new();
    for (architecture, found) in found {
        made.extend(found?.map(|path| (architecture, path)));
    }
    if !made.is_empty() {
        let of = |a| made.iter().find(|(architecture, _)| *architecture == a).map(|(_, path)| path.clone());
        return chosen(of, global, worker_crate);
    }
    let worker = Worker::find(global, worker_crate)?;
    let mut paths = vec![worker.program.clone()];
    let is_released = worker_crate.is_none() && Stock::of_this_program()? == Stock::Beside;
    if is_released {
        paths.extend(Architecture::ALL.into_iter().filter(|a| *a != LOCAL).filter_map(installed::worker));
    }
    let for_both = if is_released { installed::install_command() } else { build_command(global) };
    Ok(Chosen { worker, paths, for_both })
}

fn chosen(
    of: impl Fn(Architecture) -> Option<PathBuf>,
    global: &Global,
    worker_crate: Option<&str>,
) -> Result<Chosen, Stop> {
    let worker = match of(LOCAL) {
        Some(program) => Worker { program },
        None => Worker::find(global, worker_crate)?,
    };
    Ok(Chosen {
        worker,
        paths: Architecture::ALL.into_iter().filter_map(of).collect(),
        for_both: build_command(global),
    })
}

/// The command that builds for both.
pub fn build_command(global: &Global) -> String {
    let caller = Global { target: None, ..global.clone() };
    caller.command("worker").word("build").to_string()
}

/// A remark where only one kind of machine is served; `for_both` is the command that brings the other's worker.
pub fn lacking(served: &[Architecture], for_both: &str) -> Option<String> {
    let [one] = served else { return None };
    Some(format!("! only for {} machines, which halves the pools; for both: {for_both}", one.machine()))
}
