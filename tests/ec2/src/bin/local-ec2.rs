//! The endpoint as a program, for a world run by hand: prints its address, serves until SIGINT or SIGTERM, then kills
//! its instances. Killed itself, its watchdog kills them.

use anyhow::Context;
use clap::Parser;
use spotmill_local_ec2::{LocalEc2, LocalEc2Config};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A local EC2 endpoint for tests: fleets whose instances are processes on this machine.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// 0: any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Given to every instance's environment; may be repeated
    #[arg(long = "instance-env", value_name = "NAME=VALUE", value_parser = pair)]
    instance_env: Vec<(String, String)>,
    /// Where instances get their directories, which are kept; by default a temporary directory
    #[arg(long)]
    root: Option<PathBuf>,
    /// Zones of the region, 1 to 6
    #[arg(long, default_value_t = 3)]
    zones: usize,
    /// Milliseconds from an instance's death to its replacement
    #[arg(long, default_value_t = 500)]
    replace_after_ms: u64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "expected NAME=VALUE".to_owned())
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let config = LocalEc2Config {
        port: args.port,
        instance_env: args.instance_env.into_iter().collect(),
        root: args.root,
        zones: args.zones,
        replace_after: Duration::from_millis(args.replace_after_ms),
        ..LocalEc2Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let waiting = runtime.block_on(async {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        anyhow::Ok((terminate, interrupt))
    });
    let (mut terminate, mut interrupt) = waiting.context("cannot wait for signals")?;
    let local = LocalEc2::start(config)?;
    println!("{}", local.endpoint());
    runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    drop(local);
    Ok(())
}
