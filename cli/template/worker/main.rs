//! This pipeline's worker: the stock one, with functions and transforms of its own. `spotmill functions` lists them.

use spotmill_worker::Worker;
use std::process::ExitCode;

fn main() -> ExitCode {
    Worker::new()
        // Change it when a function's results change: steps that were planned for another version are done again.
        .version("1")
        // In SQL: net_of(gross, 0.2). NULL in gives NULL out; an argument that is an Option takes NULL itself.
        .udf("net_of", |gross: f64, rate: f64| gross / (1.0 + rate))
        .main()
}
