//! The Lambda `launch-fleet`: `spotmill_lambdas::launch_fleet` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("launch_fleet").await
}
