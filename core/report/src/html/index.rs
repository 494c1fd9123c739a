//! The list of the last runs, each pipeline's as bars that lead to the reports.

use super::templates::{STYLE, render};
use super::{coordinate, mark, tone};
use crate::ends::{End, Ends};
use crate::words::{dollars, duration, moment, number};
use serde::Serialize;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 80.0;

#[derive(Serialize)]
struct Index {
    style: &'static str,
    pipelines: Vec<Bars>,
    made: String,
}

#[derive(Serialize)]
struct Bars {
    name: String,
    /// What the heights mean.
    of: String,
    width: String,
    bars: Vec<Drawn>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Drawn {
    x: String,
    y: String,
    width: String,
    height: String,
    tone: &'static str,
    title: String,
    href: String,
}

#[derive(Serialize)]
struct Row {
    run: String,
    href: String,
    state: String,
    mark: &'static str,
    tone: &'static str,
    ended: String,
    took: String,
    items: String,
    usd: String,
}

/// The list as a page that lies beside the folder of the runs: `reports/index.html`.
pub fn index(ends: &Ends, now_ms: u64) -> Result<String, String> {
    let pipelines = ends.pipelines.iter().map(|(name, all)| bars(name, all)).collect();
    render("index.html", &Index { style: STYLE, pipelines, made: moment(now_ms) })
}

fn bars(name: &str, all: &[End]) -> Bars {
    let is_priced = all.iter().all(|end| end.usd_nanos.is_some());
    let value = |end: &End| if is_priced { end.usd_nanos.unwrap_or_default() } else { end.took_ms };
    let most = all.iter().map(value).max().unwrap_or_default().max(1);
    let step = WIDTH / crate::KEPT as f64;
    let drawn = all.iter().enumerate().map(|(at, end)| {
        let height = (value(end) as f64 / most as f64 * HEIGHT).max(2.0);
        Drawn {
            x: coordinate(at as f64 * step),
            y: coordinate(HEIGHT - height),
            width: coordinate(step * 0.8),
            height: coordinate(height),
            tone: tone(&end.state),
            title: format!("{}: {}, {}, {}", end.run, end.state, duration(end.took_ms), usd(end)),
            href: href(end),
        }
    });
    Bars {
        name: name.to_owned(),
        of: match is_priced {
            true => format!("Height: dollars, at most {}.", dollars(most)),
            false => format!("Height: time, at most {}; prices are not known of all.", duration(most)),
        },
        width: coordinate(WIDTH),
        bars: drawn.collect(),
        rows: all.iter().rev().map(row).collect(),
    }
}

fn row(end: &End) -> Row {
    Row {
        run: end.run.to_string(),
        href: href(end),
        state: end.state.clone(),
        mark: mark(&end.state),
        tone: tone(&end.state),
        ended: moment(end.ended_ms),
        took: duration(end.took_ms),
        items: format!("{}/{}", number(end.committed), number(end.items)),
        usd: usd(end),
    }
}

fn usd(end: &End) -> String {
    end.usd_nanos.map_or_else(|| "dollars unknown".to_owned(), dollars)
}

/// From `reports/index.html` to the run's page, each name as a part of an address.
fn href(end: &End) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/=,".contains(&byte);
    let escaped = end.run.as_str().bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    format!("../runs/{}/report.html", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn addresses_hold_any_name() {
        let end = End {
            run: "p/name=a b%\"".into(),
            state: "failed".to_owned(),
            ended_ms: 1,
            took_ms: 1,
            items: 1,
            committed: 0,
            usd_nanos: None,
            rows: BTreeMap::new(),
        };
        assert_eq!(href(&end), "../runs/p/name=a%20b%25%22/report.html");
    }
}
