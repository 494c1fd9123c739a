//! The Lambda `publish`: `spotmill_lambdas::publish` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("publish").await
}
