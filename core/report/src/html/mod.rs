//! The page: a report as one HTML file that asks nothing of a network. The templates escape what comes from outside;
//! what they take as it is, paths of SVG and the items' JSON, is made here of numbers and escaped text.

mod index;
mod items;
mod lanes;
mod memory;
mod page;
mod rows;
mod shares;
mod templates;

pub use index::index;
pub use page::page;

/// A share of a thousand, as coordinates are written: `12.5`, `12`.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A rectangle as part of a path.
fn rectangle(x: f64, y: f64, width: f64, height: f64) -> String {
    let [x, y, width, height] = [x, y, width, height].map(coordinate);
    format!("M{x} {y}h{width}v{height}h-{width}z")
}

/// A mark and a word for each state, so that no colour has to be seen.
fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" | "done" | "good" => "✓",
        "warned" | "few rows" | "many rows" | "partial" | "superseded" | "late" | "waiting" | "skipped" => "!",
        "running" => "▸",
        "not started" => "·",
        _ => "✗",
    }
}

/// The tone of a state: `good`, `warn`, `bad` or `plain`.
fn tone(state: &str) -> &'static str {
    match mark(state) {
        "✓" => "good",
        "!" => "warn",
        "✗" => "bad",
        _ => "plain",
    }
}
