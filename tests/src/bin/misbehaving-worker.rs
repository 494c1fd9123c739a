//! A worker whose transforms go wrong on purpose, each in one way, for the tests of what happens then.

use spotmill_worker::polars::prelude::*;
use spotmill_worker::{TransformContext, TransformResult, Worker};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    Worker::new()
        .version("misbehaving-1")
        .transform("copies", |context: TransformContext| Ok(context.input))
        .transform("panics", |_: TransformContext| -> TransformResult { panic!("the transform's own words") })
        .transform("loops", |_: TransformContext| -> TransformResult {
            loop {
                std::thread::sleep(Duration::from_millis(50));
            }
        })
        .transform("eats_memory", eats_memory)
        .main()
}

/// 64 MiB every 50 ms, touched, until somebody stops it.
fn eats_memory(context: TransformContext) -> TransformResult {
    // A dry run on zero rows must pass.
    if context.input.clone().collect()?.height() == 0 {
        return Ok(context.input);
    }
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 64 << 20]);
        std::thread::sleep(Duration::from_millis(50));
    }
}
