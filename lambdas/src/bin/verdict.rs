//! The Lambda `verdict`: `spotmill_lambdas::verdict` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("verdict").await
}
