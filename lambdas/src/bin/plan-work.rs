//! The Lambda `plan-work`: `spotmill_lambdas::plan_work` behind Lambda's runtime.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main("plan_work").await
}
