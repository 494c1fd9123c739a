//! A function's program: settings once, then events until Lambda has no more. An error's type on the wire is its
//! constant name, which Retry and Catch of the state machines match, and its message is the cause.

use super::environment::Environment;
use super::guard::guarded;
use super::logs;
use super::sqs::Batch;
use crate::{Ctx, HandlerError, dead_letters, functions, tally};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use spotmill_platform::aws::Aws;
use std::sync::Arc;
use tracing::Instrument;

impl From<HandlerError> for Diagnostic {
    fn from(e: HandlerError) -> Self {
        Diagnostic { error_type: e.error.to_owned(), error_message: e.cause }
    }
}

/// One call, with what Lambda says of it.
pub struct Served {
    pub function: &'static str,
    pub payload: Value,
    /// When Lambda ends the call, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// Serves `function`, one of `FUNCTIONS`, until the process is ended.
pub async fn main(function: &'static str) -> Result<(), lambda_runtime::Error> {
    logs::start(std::env::var("SPOTMILL_LOG").ok().as_deref());
    // A stack that is wrong is told to every caller by name; a process that ends would be tried again and again.
    let ctx = match Environment::read(|name| std::env::var(name).ok()) {
        Ok(environment) => Ok(environment.ctx(&Aws::from_env().await)),
        Err(e) => Err((e.error, e.cause)),
    };
    let ctx = Arc::new(ctx);
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let ctx = Arc::clone(&ctx);
        async move {
            let ctx = match &*ctx {
                Ok(ctx) => ctx.clone(),
                Err((error, cause)) => return Err(HandlerError::new(error, cause.clone())),
            };
            let (payload, context) = event.into_parts();
            let span = logs::span(function, &context.env_config.version, &context.request_id, &payload);
            let served = Served { function, payload, deadline_ms: context.deadline };
            let result = guarded(call(ctx, served)).instrument(span.clone()).await;
            span.in_scope(|| match &result {
                Ok(_) => tracing::info!("done"),
                Err(e) => tracing::error!(error = e.error, cause = e.cause, "failed"),
            });
            result
        }
    });
    Runtime::new(service).run().await
}

/// Answers an event of Lambda.
pub async fn call(mut ctx: Ctx, served: Served) -> Result<Value, HandlerError> {
    ctx.settings.deadline_ms = Some(served.deadline_ms);
    let batch = match served.function {
        "tally" | "dead_letters" => Batch::read(served.payload)?,
        function => return functions::invoke(&ctx, function, served.payload).await,
    };
    let again = match served.function {
        "tally" => tally::handle(&ctx, &batch.bodies).await,
        _ => dead_letters::handle(&ctx, &batch.bodies).await,
    };
    serde_json::to_value(batch.answer(&again)).map_err(|e| HandlerError::corrupt(e.to_string()))
}
