//! From the command line to the item crate and back: JSON in, JSON out, exit codes.

use crate::args::{Cli, Command};
use crate::confine::confine;
use crate::environment;
use crate::fork_server::{self, Goes};
use crate::reference;
use clap::Parser;
use spotmill_core::cpu;
use spotmill_core::item::{ItemFailure, ItemOutcome, ItemSpec};
use spotmill_item::Functions;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

/// An item failed; its outcome states why.
const FAILED: u8 = 10;

pub fn main(functions: &Functions) -> ExitCode {
    let cli = Cli::parse();
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if let Some(missing) = cpu::lacking(&cpuinfo, cpu::needed()) {
        eprintln!("{missing}");
        return ExitCode::FAILURE;
    }
    match obey(cli.command, functions) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn obey(command: Command, functions: &Functions) -> Result<ExitCode, String> {
    match command {
        Command::Item { spec, outcome } => return item(&spec, &outcome, functions),
        Command::Serve { settings, tmp, child_uids } => {
            let tmp = tmp.unwrap_or_else(|| std::env::temp_dir().join("spotmill-items"));
            return crate::serve::serve(&settings, &tmp, child_uids);
        }
        Command::ForkServer => match fork_server::serve(functions).map_err(|e| format!("the fork server: {e}"))? {
            Goes::Nowhere => {}
            Goes::Child(args) => {
                let program = env!("CARGO_PKG_NAME").to_owned();
                return obey(Cli::parse_from([program].into_iter().chain(args)).command, functions);
            }
        },
        Command::Sql => return crate::queries::answer_all(functions),
        Command::Check => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|e| format!("cannot read the request: {e}"))?;
            let request = serde_json::from_str(&text).map_err(|e| format!("the request is no CheckRequest: {e}"))?;
            print_json(&spotmill_item::check::check(&request, functions))?;
        }
        Command::Schema { file, text } => {
            let read = text.read(&file);
            let columns = spotmill_item::schema::declared(&file, &read).map_err(|e| render(&e))?;
            print_text(&spotmill_item::schema::block(&columns))?;
        }
        Command::Preview { files, limit, text } => {
            let read = text.read(&files[0]);
            print_json(&spotmill_item::schema::preview(&files, &read, limit).map_err(|e| render(&e))?)?;
        }
        Command::About => print_json(&functions.about())?,
        Command::Functions { name: None, markdown: true, .. } => print_text(&spotmill_item::builtin::markdown())?,
        Command::Functions { name: None, json: true, .. } => print_json(&functions.about())?,
        Command::Functions { name: None, .. } => print_text(&reference::list(&functions.about()))?,
        Command::Functions { name: Some(name), json, .. } => {
            let about = functions.about();
            match (reference::one(&about, &name), json) {
                (Ok(function), true) => print_json(function)?,
                (Ok(function), false) => print_text(&reference::in_full(function))?,
                (Err(message), _) => {
                    eprintln!("{message}");
                    return Ok(ExitCode::from(2));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn render(failure: &ItemFailure) -> String {
    match &failure.remedy {
        Some(remedy) => format!("{}\n{remedy}", failure.message),
        None => failure.message.clone(),
    }
}

fn item(spec: &Path, outcome: &Path, functions: &Functions) -> Result<ExitCode, String> {
    let text = fs::read_to_string(spec).map_err(|e| format!("cannot read {}: {e}", spec.display()))?;
    let spec: ItemSpec =
        serde_json::from_str(&text).map_err(|e| format!("{} is no item's spec: {e}", spec.display()))?;
    environment::set(&spec);
    spotmill_item::watch_panics();
    let confined = confine(&spec, outcome)?;
    let user = std::fs::metadata("/proc/self").map_or(String::new(), |own| format!(" as user {}", own.uid()));
    eprintln!("item {} of {}/{}, attempt {}{user}; {confined}", spec.item, spec.run, spec.step, spec.attempt);
    let result = guarded(&spec, functions);
    write_outcome(&result, outcome)?;
    Ok(match &result {
        ItemOutcome::Done(report) => {
            eprintln!("done: {} rows read, {} written", report.rows.read, report.rows.written);
            ExitCode::SUCCESS
        }
        ItemOutcome::Failed(failure) => {
            eprintln!("failed ({:?}): {}", failure.class, render(failure));
            ExitCode::from(FAILED)
        }
    })
}

/// Does the item on a thread of its own, so that a panic that leaves the engine waiting for itself still ends.
fn guarded(spec: &ItemSpec, functions: &Functions) -> ItemOutcome {
    let (send, receive) = std::sync::mpsc::channel();
    let (spec, functions) = (spec.clone(), functions.clone());
    let worker = std::thread::spawn(move || {
        let _ = send.send(spotmill_item::item::run(&spec, &functions));
    });
    let second = std::time::Duration::from_secs(1);
    let mut waited = 0;
    loop {
        match receive.recv_timeout(second) {
            Ok(outcome) => {
                let _ = worker.join();
                return outcome;
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                return ItemOutcome::Failed(spotmill_item::item::panicked("the item's thread ended"));
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                // A caught panic of a user's function ends the item within moments; one inside the engine may not.
                waited += u32::from(spotmill_item::item::has_panicked());
                if waited > 10 {
                    return ItemOutcome::Failed(spotmill_item::item::panicked("the engine does not return"));
                }
            }
        }
    }
}

/// Writes all of it or nothing: the supervisor may read at any moment.
fn write_outcome(outcome: &ItemOutcome, path: &Path) -> Result<(), String> {
    let json = serde_json::to_vec(outcome).map_err(|e| e.to_string())?;
    let beside = path.with_extension("tmp");
    fs::write(&beside, json)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn print_json(value: &impl serde::Serialize) -> Result<(), String> {
    let json = serde_json::to_string(value).map_err(|e| e.to_string())?;
    print_text(&(json + "\n"))
}

fn print_text(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {e}")),
        _ => Ok(()),
    }
}
