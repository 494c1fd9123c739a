//! In place of `aws` in a build without that feature, as a plain `cargo run -p spotmill` makes it: the SDKs of what is not
//! S3 take a fifth of a first build, and runs on this machine need none of them. A command on AWS ends with how to build it in.

use crate::args::Global;
use crate::exit::Stop;
use crate::stood::Stood;
use spotmill_core::ids::ExecutionId;
use spotmill_core::records::RunReport;
use spotmill_lambdas::Ctx;
use spotmill_platform::ports::Store;

/// There is none.
pub enum World {}

impl World {
    pub async fn open(_: &Global) -> Result<World, Stop> {
        Err(absent())
    }

    pub fn ctx(&self) -> &Ctx {
        match *self {}
    }

    pub async fn is_running(&self, _: &ExecutionId) -> Result<bool, Stop> {
        match *self {}
    }

    pub async fn stood(&self, _: &RunReport) -> Result<Stood, Stop> {
        match *self {}
    }
}

pub async fn store() -> Result<Box<dyn Store>, Stop> {
    Err(absent())
}

pub fn absent() -> Stop {
    Stop::usage("this build of spotmill was made without its commands for AWS")
        .remedy("build them in: cargo build -p spotmill --features aws (releases have them)")
}
