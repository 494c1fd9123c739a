//! The Lambda `begin`: `spotmill_lambdas::begin` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("begin").await
}
