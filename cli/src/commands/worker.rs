//! `worker build`: builds the pipeline's own worker for the machines of AWS, by cargo in the crate's directory, and keeps the
//! programs where `deploy` takes them. It says everything that is missing before it builds anything, and installs nothing.

use crate::args::Global;
use crate::aws::cross::{self, Build};
use crate::aws::{built, elf};
use crate::cargo;
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::project::Project;
use crate::result::relative;
use crate::ui::format::bytes;
use crate::worker::{self, Stock};
use spotmill_core::fleet::Architecture;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub fn build(global: &Global, target: Option<&str>) -> Result<Code, Stop> {
    let wanted = wanted(target)?;
    let project = Project::open(global)?;
    let worker_crate = project.pipeline().worker_crate.as_deref();
    let manifest = manifest(global, worker_crate)?;
    let builds = cross::plan(&wanted, &cross::tools(&manifest, &wanted)).map_err(|missing| {
        let machines: Vec<&str> = wanted.iter().map(|a| a.machine()).collect();
        Stop::usage(format!("the worker cannot be built for {} here", machines.join(" and ")))
            .remedy(missing.join("\n  "))
    })?;
    for build in &builds {
        one(global, worker_crate, &manifest, build)?;
    }
    if !global.json {
        say!("Next: {}", Global { target: Some("aws".to_owned()), ..global.clone() }.command("deploy"));
    }
    Ok(Code::Done)
}

/// The crate that is built; a checkout has the stock worker's too.
fn manifest(global: &Global, worker_crate: Option<&str>) -> Result<PathBuf, Stop> {
    match worker_crate {
        Some(dir) => worker::manifest(dir),
        None if Stock::of_this_program()? == Stock::Built => Ok(worker::stock_sources()),
        None => Err(Stop::usage("the pipeline has no functions of its own: deploy takes the worker of this release")
            .remedy(format!("to write some: {}", global.command("init").word("--worker")))),
    }
}

fn wanted(target: Option<&str>) -> Result<Vec<Architecture>, Stop> {
    match target {
        None | Some("both") => Ok(Architecture::ALL.to_vec()),
        Some(one) => match Architecture::ALL.into_iter().find(|a| a.name() == one || a.machine() == one) {
            Some(architecture) => Ok(vec![architecture]),
            None => Err(Stop::usage(format!("--target {one}: expected x86_64, arm64 or both"))),
        },
    }
}

fn one(global: &Global, worker_crate: Option<&str>, manifest: &Path, build: &Build) -> Result<(), Stop> {
    let (machine, words) = (build.architecture.machine(), build.words.join(" "));
    if !global.quiet {
        warn_of!("building the worker for {machine}, for an hour if it is the first time: cargo {words}");
    }
    let mut command = cargo::command(manifest, &build.words);
    if global.quiet {
        command.arg("--quiet");
    }
    if std::env::var_os("CARGO_PROFILE_RELEASE_STRIP").is_none() {
        // No tool of this machine strips programs of both architectures; the linker does.
        command.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    }
    let began = SystemTime::now();
    let made = cargo::run(command, manifest, None)?;
    let needs = elf::read(&made, false)?;
    if needs.architecture != build.architecture {
        let what = format!("cargo built {} for {}, not {machine}", made.display(), needs.architecture.machine());
        return Err(Stop::new(Code::Invalid, what).remedy("does a .cargo/config.toml name another target?"));
    }
    let program = built::keep(worker_crate, build.architecture, &made, manifest, began)?;
    let size = std::fs::metadata(&program).map_err(io("read", &program))?.len();
    let shown = relative(&program.to_string_lossy());
    if global.json {
        Event::WorkerBuilt { architecture: machine.to_owned(), glibc: needs.glibc_text(), program: shown, bytes: size }
            .print();
        return Ok(());
    }
    let glibc = needs.glibc_text().map_or_else(|| "no glibc".to_owned(), |glibc| format!("glibc {glibc} or newer"));
    say!("✓ worker for {machine}: {shown}, {}, {glibc}", bytes(size));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_two_names() {
        assert_eq!(wanted(None).unwrap(), Architecture::ALL);
        assert_eq!(wanted(Some("both")).unwrap(), Architecture::ALL);
        assert_eq!(wanted(Some("arm64")).unwrap(), wanted(Some("aarch64")).unwrap());
        let stop = wanted(Some("aws")).expect_err("refused");
        assert_eq!(stop.message, "--target aws: expected x86_64, arm64 or both");
    }
}
