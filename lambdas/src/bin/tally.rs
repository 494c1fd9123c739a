//! The Lambda `tally`: `spotmill_lambdas::tally` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("tally").await
}
