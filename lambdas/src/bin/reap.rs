//! The Lambda `reap`: `spotmill_lambdas::reap` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("reap").await
}
