//! The program of every Lambda: the handler that the stack gives it, such as `plan-work`, chooses the function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    spotmill_lambdas::aws::main().await
}
