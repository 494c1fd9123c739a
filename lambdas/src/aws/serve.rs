//! The functions' program: settings once, then events until Lambda has no more. The handler of Lambda's configuration
//! names the function. An error's type on the wire is its
//! constant name, which Retry and Catch of the state machines match, and its message is the cause.

use super::environment::Environment;
use super::guard::guarded;
use super::sqs::Batch;
use super::{logs, metrics};
use crate::{CalledBy, Ctx, FUNCTIONS, Function, HandlerError, functions};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use spotmill_core::calls::errors;
use spotmill_platform::aws::Aws;
use std::sync::Arc;
use tracing::Instrument;

impl From<HandlerError> for Diagnostic {
    fn from(e: HandlerError) -> Self {
        Diagnostic { error_type: e.error.to_owned(), error_message: e.cause }
    }
}

/// One call, with its context from Lambda.
pub struct Served {
    pub function: &'static Function,
    pub payload: Value,
    /// When Lambda ends the call, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// Serves the function that Lambda's handler names, until the process is ended.
pub async fn main() -> Result<(), lambda_runtime::Error> {
    logs::start(std::env::var("SPOTMILL_LOG").ok().as_deref());
    // A wrong stack is reported to every caller by name; a process that ends would be restarted forever.
    let setup = setup().await.map_err(|e| (e.error, e.cause));
    let setup = Arc::new(setup);
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let setup = Arc::clone(&setup);
        async move {
            let Setup { function, ctx, stack } = match &*setup {
                Ok(setup) => setup,
                Err((error, cause)) => return Err(HandlerError::new(error, cause.clone())),
            };
            let (payload, context) = event.into_parts();
            let span = logs::span(function.name, &context.env_config.version, &context.request_id, &payload);
            let served = Served { function, payload, deadline_ms: context.deadline };
            let result = guarded(call(ctx.clone(), served)).instrument(span.clone()).await;
            if let (Ok(answer), "Report") = (&result, function.name) {
                metrics::emit(ctx, stack, answer).await;
            }
            span.in_scope(|| match &result {
                Ok(_) => tracing::info!("done"),
                Err(e) => tracing::error!(error = e.error, cause = e.cause, "failed"),
            });
            result
        }
    });
    Runtime::new(service).run().await
}

/// The function of this process, the ports that it acts through, and its stack's name.
struct Setup {
    function: &'static Function,
    ctx: Ctx,
    stack: String,
}

async fn setup() -> Result<Setup, HandlerError> {
    let function = function_of(std::env::var("_HANDLER").ok().as_deref())?;
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let aws = match function.called_by {
        // These have a minute: an operation of AWS must end before they do.
        CalledBy::Queue => Aws::hasty().await,
        CalledBy::State | CalledBy::Events => Aws::from_env().await,
    };
    let ctx = environment.ctx(&aws);
    Ok(Setup { function, ctx, stack: environment.stack })
}

/// The function of a handler.
fn function_of(handler: Option<&str>) -> Result<&'static Function, HandlerError> {
    FUNCTIONS.iter().find(|f| Some(f.handler) == handler).ok_or_else(|| {
        let what = format!("there is no function of the handler `{}`: deploy the stack again", handler.unwrap_or(""));
        HandlerError::new(errors::MISCONFIGURED, what)
    })
}

/// Answers an event of Lambda.
pub async fn call(mut ctx: Ctx, served: Served) -> Result<Value, HandlerError> {
    ctx.settings.deadline_ms = Some(served.deadline_ms);
    let Function { name, called_by, .. } = *served.function;
    if called_by != CalledBy::Queue {
        return functions::invoke(&ctx, name, served.payload).await;
    }
    let batch = Batch::read(served.payload)?;
    let retry = functions::take(&ctx, name, &batch.bodies).await?;
    serde_json::to_value(batch.answer(&retry)).map_err(|e| HandlerError::corrupt(e.to_string()))
}
