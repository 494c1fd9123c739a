//! Machines as lanes in time, one small SVG a lane: attempts as bars coloured by class, boot in front, what nobody used
//! behind. Of very many attempts a lane is a band whose height is the share of its slots at work; very many machines are
//! drawn by pool.

use super::{coordinate, rectangle};
use crate::machines::pool_name;
use crate::model::{Bar, Lane, Report};
use crate::words::{clock, count, duration, moment};
use serde::Serialize;
use spotmill_ledger::Class;
use std::collections::BTreeMap;

/// Attempts that are drawn one by one, and those that say which item they are when they are pointed at.
const BARS: usize = 2_000;
const TITLED: usize = 400;
/// Machines that have a lane each.
const LANES: usize = 60;
/// Steps of all bands together.
const STEPS: usize = 2_500;
/// Units of a lane from left to right.
const WIDTH: f64 = 1_000.0;
const ROW: f64 = 7.0;
const BAND: f64 = 22.0;
/// Rows of a lane that has bars.
const MOST_ROWS: usize = 12;

#[derive(Serialize)]
pub struct Lanes {
    pub lanes: Vec<Drawn>,
    pub from: String,
    pub middle: String,
    pub to: String,
    pub remarks: Vec<String>,
}

#[derive(Serialize)]
pub struct Drawn {
    pub name: String,
    pub detail: String,
    pub title: String,
    pub height: String,
    pub paths: Vec<(&'static str, String)>,
    pub titled: Vec<(&'static str, String, String)>,
    pub marks: Vec<Mark>,
}

/// Something that happened to a machine.
#[derive(Serialize)]
pub struct Mark {
    /// Percent from the left.
    pub left: String,
    pub sign: &'static str,
    pub title: String,
}

struct Window {
    from_ms: u64,
    to_ms: u64,
}

impl Window {
    fn x(&self, at_ms: u64) -> f64 {
        let span = self.to_ms.saturating_sub(self.from_ms).max(1) as f64;
        at_ms.clamp(self.from_ms, self.to_ms).saturating_sub(self.from_ms) as f64 / span * WIDTH
    }
}

/// Nothing where no machine is on record. Drawn are those of the last execution.
pub fn of(report: &Report) -> Option<Lanes> {
    let (present, before): (Vec<&Lane>, Vec<&Lane>) =
        report.machines.iter().partition(|lane| lane.ended_ms >= report.claimed_ms);
    let (drawn, earlier) = if present.is_empty() { (before, 0) } else { (present, before.len()) };
    let window = Window {
        from_ms: drawn.iter().map(|lane| lane.launched_ms).min()?,
        to_ms: drawn.iter().map(|lane| lane.ended_ms).max()?,
    };
    let bars: usize = drawn.iter().map(|lane| lane.bars.len()).sum();
    let groups = groups(&drawn);
    let is_grouped = groups.iter().any(|group| group.len() > 1);
    let steps = (STEPS / groups.len().max(1)).clamp(20, 250);
    let lanes = groups.iter().map(|group| match group[..] {
        [lane] if bars <= BARS => {
            of_bars(&window, lane, bars <= TITLED).unwrap_or_else(|| of_band(&window, group, steps))
        }
        _ => of_band(&window, group, steps),
    });
    let mut remarks = Vec::new();
    if earlier > 0 {
        remarks.push(format!("{} of earlier executions of this run are not drawn.", count(earlier as u64, "machine")));
    }
    if bars > BARS || is_grouped {
        remarks.push("The height of a band is the share of its slots that are taken.".to_owned());
    }
    Some(Lanes {
        lanes: lanes.collect(),
        from: moment(window.from_ms),
        middle: clock(window.from_ms + (window.to_ms - window.from_ms) / 2),
        to: clock(window.to_ms),
        remarks,
    })
}

/// A machine alone, or, of very many, all machines of a pool in a step.
fn groups<'a>(drawn: &[&'a Lane]) -> Vec<Vec<&'a Lane>> {
    if drawn.len() <= LANES {
        return drawn.iter().map(|lane| vec![*lane]).collect();
    }
    let mut groups: Vec<((&str, String), Vec<&Lane>)> = Vec::new();
    for lane in drawn {
        let key = (lane.step.as_str(), pool_name(lane));
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(lane),
            None => groups.push((key, vec![lane])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn described(window: &Window, group: &[&Lane], height: f64) -> Drawn {
    let lane = group[0];
    let name = match group.len() {
        1 => lane.id.clone(),
        n => count(n as u64, "machine"),
    };
    let items: u64 = group.iter().map(|lane| lane.items).sum();
    let ready = group.iter().filter_map(|lane| Some(lane.ready_ms?.saturating_sub(lane.launched_ms))).max();
    let boot = ready.map_or_else(|| "never ready".to_owned(), |ms| format!("ready after {}", duration(ms)));
    let ends: Vec<String> = group.iter().filter_map(|lane| end(lane)).take(3).collect();
    let lived = group.iter().map(|lane| lane.ended_ms.saturating_sub(lane.launched_ms)).sum();
    Drawn {
        name: name.clone(),
        detail: format!("{} · {}", lane.step, pool_name(lane).trim_end_matches(" spot")),
        title: format!(
            "{name}, {}, step {}: lived {}, {boot}, {}{}{}",
            pool_name(lane),
            lane.step,
            duration(lived),
            count(items, "item"),
            if ends.is_empty() { "" } else { "; " },
            ends.join("; ")
        ),
        height: coordinate(height),
        paths: Vec::new(),
        titled: Vec::new(),
        marks: group.iter().flat_map(|lane| marks(window, lane)).take(40).collect(),
    }
}

fn end(lane: &Lane) -> Option<String> {
    let noticed = lane.noticed_ms.map(|at| format!("notice at {}", clock(at)));
    let gone = lane.vanished.then(|| "vanished without a word".to_owned());
    let own = lane.end.as_ref().map(|end| format!("ended: {end}"));
    let all: Vec<String> = noticed.into_iter().chain(gone).chain(own).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn marks(window: &Window, lane: &Lane) -> Vec<Mark> {
    let mark = |at_ms, sign, title: String| Mark { left: coordinate(window.x(at_ms) / 10.0), sign, title };
    let noticed = lane.noticed_ms.map(|at| mark(at, "▼", format!("notice at {}", clock(at))));
    let vanished = lane.vanished.then(|| mark(lane.ended_ms, "✕", format!("gone by {}", clock(lane.ended_ms))));
    noticed.into_iter().chain(vanished).collect()
}

/// Where its life is drawn: boot, then idle, and what it took with it.
fn life(window: &Window, lane: &Lane, height: f64) -> Vec<(&'static str, String)> {
    let ready_ms = lane.ready_ms.unwrap_or(lane.ended_ms).clamp(lane.launched_ms, lane.ended_ms.max(lane.launched_ms));
    let part = |class: Class, from_ms: u64, to_ms: u64| {
        let (from, to) = (window.x(from_ms), window.x(to_ms));
        (to > from).then(|| (class.name(), rectangle(from, 0.0, to - from, height)))
    };
    let last_ms = lane.bars.iter().map(|bar| bar.to_ms).fold(ready_ms, u64::max);
    let lost = lane.vanished.then(|| part(Class::Lost, last_ms, lane.ended_ms)).flatten();
    let idle_to = if lost.is_some() { last_ms } else { lane.ended_ms };
    let parts = [part(Class::Boot, lane.launched_ms, ready_ms), part(Class::Idle, ready_ms, idle_to), lost];
    parts.into_iter().flatten().collect()
}

/// Nothing where too many attempts overlap.
fn of_bars(window: &Window, lane: &Lane, titled: bool) -> Option<Drawn> {
    let mut bars = lane.bars.clone();
    bars.sort_by_key(|bar| (bar.from_ms, bar.item));
    let mut ends: Vec<u64> = Vec::new();
    let mut placed: Vec<(usize, Bar)> = Vec::new();
    for bar in bars {
        let row = ends.iter().position(|end| *end <= bar.from_ms).unwrap_or(ends.len());
        match ends.get_mut(row) {
            Some(end) => *end = bar.to_ms,
            None => ends.push(bar.to_ms),
        }
        placed.push((row, bar));
    }
    if ends.len() > MOST_ROWS {
        return None;
    }
    let height = (ends.len() as f64 * ROW).max(2.0 * ROW);
    let row_height = height / ends.len().max(1) as f64;
    let mut drawn = described(window, &[lane], height);
    drawn.paths = life(window, lane, height);
    let mut paths: BTreeMap<&'static str, String> = BTreeMap::new();
    for (row, bar) in placed {
        let (from, to) = (window.x(bar.from_ms), window.x(bar.to_ms));
        let path = rectangle(from, row as f64 * row_height + 0.5, (to - from).max(0.8), row_height - 1.0);
        if titled {
            let took = duration(bar.to_ms.saturating_sub(bar.from_ms));
            drawn.titled.push((bar.class.name(), path, format!("item {}: {}, {took}", bar.item, bar.class.name())));
        } else {
            paths.entry(bar.class.name()).or_default().push_str(&path);
        }
    }
    drawn.paths.extend(paths);
    Some(drawn)
}

/// Time of slots in each step of a band, by class: attempts, and of several machines their boots, which have no place of their
/// own.
fn worked(window: &Window, group: &[&Lane], steps: usize) -> Vec<[f64; Class::ALL.len()]> {
    let mut all = vec![[0.0; Class::ALL.len()]; steps];
    let width = WIDTH / steps as f64;
    let mut add = |class: Class, from_ms: u64, to_ms: u64, slots: f64| {
        let (from, to) = (window.x(from_ms), window.x(to_ms));
        let class = Class::ALL.iter().position(|other| *other == class).unwrap_or(0);
        let (first, last) = ((from / width) as usize, (to / width) as usize);
        for (step, sums) in all.iter_mut().enumerate().take(last + 1).skip(first) {
            let begin = step as f64 * width;
            sums[class] += slots * (to.min(begin + width) - from.max(begin)).max(0.0) / width;
        }
    };
    for lane in group {
        lane.bars.iter().for_each(|bar| add(bar.class, bar.from_ms, bar.to_ms, 1.0));
        if group.len() > 1 {
            add(Class::Boot, lane.launched_ms, lane.ready_ms.unwrap_or(lane.ended_ms), f64::from(lane.slots.max(1)));
        }
    }
    all
}

fn of_band(window: &Window, group: &[&Lane], steps: usize) -> Drawn {
    let mut drawn = described(window, group, BAND);
    if let [lane] = group {
        drawn.paths = life(window, lane, BAND);
    }
    let slots = f64::from(group.iter().map(|lane| lane.slots.max(1)).sum::<u32>());
    let width = WIDTH / steps as f64;
    // Steps of one class and height are one rectangle.
    let mut open: Option<(usize, usize, u32)> = None;
    let mut paths: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut close = |open: Option<(usize, usize, u32)>, to: usize| {
        if let Some((from, class, level)) = open {
            let height = BAND * f64::from(level) / 8.0;
            let part = rectangle(from as f64 * width, BAND - height, (to - from) as f64 * width, height);
            paths.entry(Class::ALL[class].name()).or_default().push_str(&part);
        }
    };
    for (at, sums) in worked(window, group, steps).iter().enumerate() {
        let most = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
        let level = (sums.iter().sum::<f64>() / slots * 8.0).ceil().clamp(0.0, 8.0) as u32;
        let same = open.is_some_and(|(_, class, before)| (class, before) == (most, level));
        if !same {
            close(open.take(), at);
            open = (level > 0).then_some((at, most, level));
        }
    }
    close(open, steps);
    drawn.paths.extend(paths);
    drawn
}
