//! The Lambda `dead-letters`: `spotmill_lambdas::dead_letters` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("dead_letters").await
}
