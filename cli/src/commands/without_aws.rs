//! In place of `on_aws.rs` in a build without its commands: whoever asks for one is told how to get it.

use crate::args::{Command, Global};
use crate::aws::absent;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use spotmill_core::model::Pipeline;
use spotmill_lambdas::preview::StepPreview;

pub async fn run(_: &Global, _: Command) -> Result<Code, Stop> {
    Err(absent())
}

pub async fn machines(_: &Global, _: &Inspector, _: &Pipeline, _: &[StepPreview]) -> Result<(), Stop> {
    Err(absent())
}
