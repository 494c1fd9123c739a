//! What `spotmill deploy` takes.

use super::runs::KeyArgs;
use super::values::key_value;
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Clone)]
pub struct DeployArgs {
    #[command(flatten)]
    pub key: KeyArgs,
    /// The worker for x86_64 machines
    ///
    /// By default `worker build` has made it, or the release has it; else the one of this machine is deployed alone.
    #[arg(long, value_name = "FILE")]
    pub worker_x86_64: Option<PathBuf>,
    /// The worker for arm64 machines
    #[arg(long, value_name = "FILE")]
    pub worker_aarch64: Option<PathBuf>,
    /// Where the functions' program is: DIR/bootstrap/bootstrap or DIR/bootstrap; by default the release's, target/lambda, or
    /// `lambda` beside this program
    #[arg(long, value_name = "DIR")]
    pub lambdas: Option<PathBuf>,
    /// A bucket of yours, in this region, for code; by default spotmill-code-ACCOUNT-REGION, made if absent
    #[arg(long, value_name = "NAME")]
    pub code_bucket: Option<String>,
    /// A parameter of the stack, such as ZoneCount=4; those not set stay as they are
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value)]
    pub parameters: Vec<(String, String)>,
    /// Deploy programs that need a newer glibc than the machines' 2.34
    #[arg(long)]
    pub allow_any_glibc: bool,
    /// Deploy although a test of a step fails, or is invalid
    #[arg(long)]
    pub untested: bool,
    /// Print what would change and change nothing (code is uploaded all the same: CloudFormation reads it)
    #[arg(long)]
    pub dry_run: bool,
}
