//! Logs as JSON lines: what happened, and in its span which function, version, request, run, step and round.

use serde_json::Value;
use tracing::Span;
use tracing_subscriber::EnvFilter;

/// Starts the log of this process; `filter` is `SPOTMILL_LOG`.
pub fn start(filter: Option<&str>) {
    let filter = EnvFilter::try_new(filter.unwrap_or("info")).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false).with_env_filter(filter);
    // Fails only in a process that has a subscriber already, which is fine.
    let _ = json.with_ansi(false).try_init();
}

/// The span of one call; fields that the payload lacks are left out.
pub fn span(function: &str, version: &str, request: &str, payload: &Value) -> Span {
    let text = |name: &str| payload[name].as_str();
    let number = |name: &str| payload[name].as_u64();
    tracing::info_span!(
        "call",
        function,
        version,
        request,
        run = text("run"),
        step = text("step"),
        root = text("root").or_else(|| payload["execution"].as_str()),
        epoch = number("epoch"),
        round = number("round"),
        pipeline = payload["input"]["pipeline"].as_str(),
    )
}
