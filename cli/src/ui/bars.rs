//! Progress on a terminal: a line a step, its bar while it runs, and the time below.

use super::format::{bytes, count, duration};
use super::pace::Pace;
use super::repeats::Repeats;
use crate::event::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub struct Bars {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    all: MultiProgress,
    steps: BTreeMap<String, Step>,
    width: usize,
    footer: Option<ProgressBar>,
    peak_bytes: u64,
    repeats: Repeats,
}

struct Step {
    bar: ProgressBar,
    running: BTreeSet<u32>,
    retrying: BTreeSet<u32>,
    pace: Pace,
}

impl Bars {
    pub fn render(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.render(event);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("██░")
}

impl State {
    fn render(&mut self, event: &Event) {
        match event {
            Event::RunStarted { run, slots, steps } => {
                self.start(&format!("{run} · this machine, {slots} slots"), steps, "Ctrl-C is safe");
            }
            Event::RunFollowed { run, place, steps } => {
                self.start(&format!("{run} · {place}"), steps, "Ctrl-C leaves, the run goes on");
            }
            Event::StepProgress { step, items, committed } => {
                if let Some(step) = self.steps.get_mut(step) {
                    step.bar.set_position(u64::from(*committed));
                    step.pace.stands_at(*items, *committed);
                    step.bar.set_message(step.pace.text().trim_start_matches(" · ").to_owned());
                }
            }
            Event::StepPlanned { step, items, todo, because, .. } => {
                if let Some(because) = because {
                    self.print(&format!("  {step} again: {because}"));
                }
                self.planned(step, *items, *todo);
            }
            Event::ItemStarted { step, item, .. } => self.item(step, |s| {
                s.retrying.remove(item);
                s.running.insert(*item);
            }),
            Event::ItemDone { step, item, peak_bytes, rows, .. } => {
                self.peak_bytes = self.peak_bytes.max(*peak_bytes);
                self.item(step, |s| {
                    s.running.remove(item);
                    s.pace.item_done(rows.raw);
                    s.bar.inc(1);
                });
            }
            Event::ItemFailed { step, item, class, message, retry, .. } => {
                let what = self.repeats.failure(step, *item, class, message);
                self.print(&format!("  {what}"));
                self.item(step, |s| {
                    s.running.remove(item);
                    if *retry {
                        s.retrying.insert(*item);
                    }
                });
            }
            Event::StepSealed { step, rows, wall_ms } => {
                let message = format!(
                    "{} rows → {}, {} rejected  {}",
                    count(rows.raw),
                    count(rows.written),
                    count(rows.rejected),
                    duration(*wall_ms)
                );
                self.finish(step, "✓", message);
            }
            // The reason is printed once, at the end of the run.
            Event::StepFailed { step, .. } => self.finish(step, "✗", "failed".to_owned()),
            Event::InputAwaited { next, message, pause_secs, .. } => {
                self.print(&super::awaited(*next, message, *pause_secs));
            }
            Event::Note { message } => self.print(message),
            Event::RunEnded(_) => self.end(),
            // Answers of commands are no progress.
            _ => {}
        }
    }

    fn start(&mut self, headline: &str, steps: &[String], footing: &'static str) {
        self.end();
        self.width = steps.iter().map(String::len).max().unwrap_or(0);
        self.print(headline);
        let mut before: Option<&String> = None;
        for step in steps {
            let bar = self.all.add(ProgressBar::new(0));
            bar.set_style(style("  · {prefix}  {msg}"));
            bar.set_prefix(format!("{step:width$}", width = self.width));
            bar.set_message(before.map_or_else(|| "starting".into(), |b| format!("waits for {b}")));
            bar.tick();
            let fresh = Step { bar, running: BTreeSet::new(), retrying: BTreeSet::new(), pace: Pace::new(0) };
            self.steps.insert(step.clone(), fresh);
            before = Some(step);
        }
        let footer = self.all.add(ProgressBar::new_spinner());
        footer.set_style(style("  {elapsed_precise} · {msg}"));
        footer.set_message(footing);
        footer.enable_steady_tick(Duration::from_millis(250));
        self.footer = Some(footer);
    }

    fn planned(&mut self, step: &str, items: u32, todo: u32) {
        if let Some(step) = self.steps.get_mut(step) {
            step.pace = Pace::new(todo);
            step.bar.set_style(style("  ▸ {prefix}  {pos:>4}/{len}  {bar:12}  {wide_msg}"));
            step.bar.set_length(u64::from(items));
            step.bar.set_position(u64::from(items.saturating_sub(todo)));
            step.bar.set_message("");
        }
    }

    fn item(&mut self, step: &str, change: impl FnOnce(&mut Step)) {
        if let Some(step) = self.steps.get_mut(step) {
            change(step);
            let retrying =
                if step.retrying.is_empty() { String::new() } else { format!(", {} retrying", step.retrying.len()) };
            step.bar.set_message(format!("{} running{retrying}{}", step.running.len(), step.pace.text()));
        }
        if let Some(footer) = &self.footer {
            footer.set_message(format!("peak child {} · Ctrl-C is safe", bytes(self.peak_bytes)));
        }
    }

    fn finish(&mut self, step: &str, mark: &str, message: String) {
        if let Some(step) = self.steps.get(step) {
            step.bar.set_style(style(&format!("  {mark} {{prefix}}  {{pos:>4}}/{{len}}  {{msg}}")));
            step.bar.finish_with_message(message);
        }
    }

    fn print(&self, message: &str) {
        if self.all.println(message).is_err() || self.all.is_hidden() {
            warn_of!("{message}");
        }
    }

    fn end(&mut self) {
        if let Some(footer) = self.footer.take() {
            footer.finish_and_clear();
        }
        for (_, step) in std::mem::take(&mut self.steps) {
            step.bar.abandon();
        }
    }
}
