//! Progress where nobody watches a terminal: a line for each event that is worth one in a log.

use super::format::{count, duration, plural};
use super::pace::Pace;
use super::repeats::Repeats;
use crate::event::Event;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub struct Plain {
    done: AtomicU32,
    items: AtomicU32,
    pace: Mutex<Option<Pace>>,
    repeats: Mutex<Repeats>,
}

impl Plain {
    pub fn render(&self, event: &Event) {
        if let Some(line) = self.line(event) {
            warn_of!("{line}");
        }
    }

    fn line(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::RunStarted { run, slots, .. } => {
                format!("{run} · this machine, {}", plural(u64::from(*slots), "slot"))
            }
            Event::RunFollowed { run, place, .. } => format!("{run} · {place}"),
            Event::StepProgress { step, items, committed } => format!("  {step} {committed}/{items}"),
            Event::StepPlanned { step, generation, items, todo, because, .. } => {
                self.done.store(items - todo, Ordering::Relaxed);
                self.items.store(*items, Ordering::Relaxed);
                *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = Some(Pace::new(*todo));
                let reused = if todo < items { format!(", {} reused", items - todo) } else { String::new() };
                let because = because.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                format!("  {step} g{generation}: {} to do{reused}{because}", plural(u64::from(*todo), "item"))
            }
            Event::ItemDone { step, item, rows, wall_ms, .. } => {
                let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
                let items = self.items.load(Ordering::Relaxed);
                let rejected = if rows.rejected > 0 { format!(", {} rejected", rows.rejected) } else { String::new() };
                let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
                let pace = pace.as_mut().map_or_else(String::new, |pace| {
                    pace.item_done(rows.raw);
                    pace.text()
                });
                format!(
                    "  {step} {done}/{items}: item {item} {} → {} rows{rejected}, {}{pace}",
                    count(rows.raw),
                    count(rows.written),
                    duration(*wall_ms)
                )
            }
            Event::ItemFailed { step, item, class, message, retry, retry_in_ms } => {
                let next_try = match retry_in_ms {
                    Some(ms) => format!("; next try in {}", duration(*ms)),
                    None if *retry => "; another try follows".to_owned(),
                    None => String::new(),
                };
                let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
                format!("  {}{next_try}", repeats.failure(step, *item, class, message))
            }
            Event::StepSealed { step, rows, wall_ms } => format!(
                "  ✓ {step}: {} rows → {}, {} rejected, {}",
                count(rows.raw),
                count(rows.written),
                count(rows.rejected),
                duration(*wall_ms)
            ),
            // The reason is printed once, at the end of the run.
            Event::StepFailed { step, .. } => format!("  ✗ {step} failed"),
            Event::InputAwaited { next, message, pause_secs, .. } => super::awaited(*next, message, *pause_secs),
            Event::Note { message } => message.clone(),
            // The end of a run is a result; answers of commands are no progress.
            _ => return None,
        })
    }
}
