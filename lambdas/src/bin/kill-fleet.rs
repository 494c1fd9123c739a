//! The Lambda `kill-fleet`: `spotmill_lambdas::kill_fleet` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("kill_fleet").await
}
