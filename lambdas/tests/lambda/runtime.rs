//! Lambda as a function's program sees it: a runtime API that hands over one event after another and keeps what is
//! answered; on the same socket an S3 and SQS that refuse everything.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response, StatusCode};
use axum::routing::{any, get, post};
use serde_json::Value;
use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

const STACK: &[(&str, &str)] = &[
    ("SPOTMILL_STACK", "s"),
    ("SPOTMILL_ROOT", "s3://bucket"),
    ("SPOTMILL_DEAD_LETTERS", "arn:aws:sqs:eu-west-1:1:s-dead-letters"),
    ("SPOTMILL_TEMPLATE_X86_64", "lt-1"),
    ("SPOTMILL_TEMPLATE_ARM64", "lt-2"),
    ("SPOTMILL_SUBNETS", "subnet-a"),
];

/// What a program answered to one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Response(Value),
    /// The body, and the header that names the error's type.
    Error(Value, String),
}

#[derive(Default)]
struct Invocations {
    events: Mutex<VecDeque<(String, Value)>>,
    answers: Mutex<Vec<(String, Answer)>>,
    answered: Notify,
}

type Shared = Arc<Invocations>;

async fn next(State(of): State<Shared>) -> Response<Body> {
    let event = of.events.lock().unwrap().pop_front();
    let Some((id, event)) = event else {
        // As Lambda does between two events.
        std::future::pending::<()>().await;
        unreachable!()
    };
    let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(900);
    Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:1:function:s-f:7")
        .header("content-type", "application/json")
        .body(Body::from(event.to_string()))
        .unwrap()
}

async fn answer(of: Shared, id: String, answer: Answer) -> StatusCode {
    of.answers.lock().unwrap().push((id, answer));
    of.answered.notify_one();
    StatusCode::ACCEPTED
}

async fn body(request: Request<Body>) -> Value {
    let bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn response(State(of): State<Shared>, Path(id): Path<String>, request: Request<Body>) -> StatusCode {
    answer(of, id, Answer::Response(body(request).await)).await
}

async fn error(State(of): State<Shared>, Path(id): Path<String>, request: Request<Body>) -> StatusCode {
    let header = request.headers().get("lambda-runtime-function-error-type").map(|v| v.to_str().unwrap().to_owned());
    answer(of, id, Answer::Error(body(request).await, header.unwrap_or_default())).await
}

/// Every service refuses at once.
async fn refuse() -> Response<Body> {
    let text = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    Response::builder().status(StatusCode::FORBIDDEN).body(Body::from(text)).unwrap()
}

/// Runs the program with a handler over the events; its answers in their order, and its log.
pub async fn run(handler: &str, changes: &[(&str, &str)], events: &[Value]) -> (Vec<Answer>, Vec<Value>) {
    let of = Shared::default();
    let numbered = events.iter().enumerate().map(|(i, event)| (format!("request-{i}"), event.clone()));
    of.events.lock().unwrap().extend(numbered);
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .fallback(any(refuse))
        .with_state(of.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move { axum::serve(listener, api).await });
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .env("_HANDLER", handler)
        .env("AWS_LAMBDA_RUNTIME_API", &address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "s-f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "7")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .envs(STACK.iter().chain(changes).copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let all = async {
        while of.answers.lock().unwrap().len() < events.len() {
            of.answered.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("an answer to every event");
    child.kill().await.unwrap();
    let mut log = String::new();
    child.stdout.take().unwrap().read_to_string(&mut log).await.unwrap();
    server.abort();
    let mut answers = of.answers.lock().unwrap().clone();
    answers.sort_by(|a, b| a.0.cmp(&b.0));
    let log = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    (answers.into_iter().map(|(_, answer)| answer).collect(), log)
}
