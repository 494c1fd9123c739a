//! In place of `on_aws.rs` in a build without its commands: each ends with how to build it in.

use crate::args::{Command, Global};
use crate::aws::absent;
use crate::exit::{Code, Stop};

pub async fn run(_: &Global, _: Command) -> Result<Code, Stop> {
    Err(absent())
}
