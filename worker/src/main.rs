//! The stock worker: the engine's SQL and nothing else.

fn main() -> std::process::ExitCode {
    spotmill_worker::Worker::new().main()
}
