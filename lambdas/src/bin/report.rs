//! The Lambda `report`: `spotmill_lambdas::report` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("report").await
}
