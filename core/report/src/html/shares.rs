//! Bars of parts: what the machines' time was spent on, and what the last runs cost.

use super::{coordinate, rectangle, tone};
use crate::model::{Money, PastCost};
use crate::words::{dollars, duration};
use serde::Serialize;
use spotmill_ledger::Class;

/// A part of the stacked bar.
#[derive(Serialize)]
pub struct Share {
    pub class: &'static str,
    pub x: String,
    pub width: String,
    pub text: String,
}

/// The classes that have any time, as parts of a thousand.
pub fn shares(money: &Money) -> Vec<Share> {
    let total = &money.total.total;
    let mut x = 0.0;
    let mut all = Vec::new();
    for class in Class::ALL.into_iter().filter(|class| total.of(*class) > 0) {
        let width = total.of(class) as f64 * 1000.0 / total.machine_ms.max(1) as f64;
        all.push(Share {
            class: class.name(),
            x: coordinate(x),
            width: coordinate(width),
            text: format!("{:.1} %", width / 10.0),
        });
        x += width;
    }
    all
}

/// The last runs as bars.
#[derive(Serialize)]
pub struct Past {
    /// `$` where all have a price, else the time.
    pub of: &'static str,
    /// A path for each tone.
    pub paths: Vec<(&'static str, String)>,
    pub text: String,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 40.0;

/// Nothing of fewer than two runs.
pub fn past(runs: &[PastCost]) -> Option<Past> {
    if runs.len() < 2 {
        return None;
    }
    let is_priced = runs.iter().all(|run| run.usd_nanos.is_some());
    let value = |run: &PastCost| if is_priced { run.usd_nanos.unwrap_or_default() } else { run.took_ms };
    let most = runs.iter().map(value).max().unwrap_or_default().max(1) as f64;
    let step = WIDTH / runs.len() as f64;
    let mut paths: Vec<(&'static str, String)> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let height = (value(run) as f64 / most * HEIGHT).max(1.0);
        let part = rectangle(at as f64 * step, HEIGHT - height, (step * 0.8).max(1.0), height);
        let tone = tone(&run.state);
        match paths.iter_mut().find(|(other, _)| *other == tone) {
            Some((_, path)) => path.push_str(&part),
            None => paths.push((tone, part)),
        }
    }
    let text = |nanos: u64| if is_priced { dollars(nanos) } else { duration(nanos) };
    let least = runs.iter().map(value).min().unwrap_or_default();
    let last = runs.last().map(value).unwrap_or_default();
    let what = if is_priced { "cost" } else { "took" };
    Some(Past {
        of: if is_priced { "dollars" } else { "time: prices are not known of all" },
        paths,
        text: format!(
            "The last {} runs {what} {} to {}, the last one {}.",
            runs.len(),
            text(least),
            text(most as u64),
            text(last)
        ),
    })
}
