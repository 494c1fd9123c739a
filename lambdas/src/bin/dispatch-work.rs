//! The Lambda `dispatch-work`: `spotmill_lambdas::dispatch_work` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("dispatch_work").await
}
