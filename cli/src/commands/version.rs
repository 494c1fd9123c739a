//! `--version`: what this program is. With `--json` also what a report of a fault has to name: the commit that a release
//! was built of, the engine of the worker that is at hand, the platform and the features. It builds nothing to find out.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::worker::Worker;
use spotmill::{COMMIT, FEATURES};

pub fn run(global: &Global) -> Result<Code, Stop> {
    let version = env!("CARGO_PKG_VERSION");
    if !global.json {
        say!("spotmill {version}");
        return Ok(Code::Done);
    }
    let worker = Worker::at_hand(global)?;
    let engine = worker.as_ref().map(Worker::about).transpose()?.map(|about| about.version);
    let event = Event::Version {
        version: version.to_owned(),
        commit: COMMIT.map(str::to_owned),
        engine,
        target: target(),
        features: FEATURES.iter().map(|&feature| feature.to_owned()).collect(),
        worker: worker.map(|worker| worker.program.to_string_lossy().into_owned()),
    };
    event.print();
    Ok(Code::Done)
}

fn target() -> String {
    let libc = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    format!("{}-unknown-{}-{libc}", std::env::consts::ARCH, std::env::consts::OS)
}
