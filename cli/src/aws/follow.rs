//! Follows a run on AWS for the user: reads its records and its execution, and reports what is new.
//! Reading takes at most a tenth of the time, however many items there are, because listing receipts is slow and costs.

use super::World;
use crate::event::Event;
use crate::exit::Stop;
use crate::local::events::class_name;
use crate::ui::Ui;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::records::{AfterCheck, RunReport, StepReport, StepState};
use spotmill_lambdas::report;
use spotmill_platform::aws::stacks::{AwsError, RunNow, RunStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);
/// Reads that may fail one after another: some minutes of an outage.
const FAILURES: u32 = 20;

/// Reports news until the execution has ended.
pub async fn follow(world: &World, run: &RunId, id: &ExecutionId, ui: &Ui) -> Result<RunNow, Stop> {
    let mut seen = Seen::default();
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let now = match world.runs.describe(id).await {
            Ok(Some(now)) => {
                failures = 0;
                Some(now)
            }
            // A description lags behind its start.
            Ok(None) | Err(AwsError::Transient { .. }) if failures < FAILURES => {
                failures += 1;
                None
            }
            Ok(None) => return Err(Stop::failed(format!("there is no execution {id} any more"))),
            Err(e) => return Err(e.into()),
        };
        if let Ok(report) = report::summarize(&world.ctx, run).await {
            let ours = report.root == *id || now.as_ref().is_some_and(|n| n.status == RunStatus::Succeeded);
            if ours {
                seen.news(&report).iter().for_each(|event| ui.emit(event));
            }
        }
        match now {
            Some(now) if now.status != RunStatus::Running => return Ok(now),
            _ => tokio::time::sleep((began.elapsed() * 9).clamp(SHORTEST, LONGEST)).await,
        }
    }
}

/// What has been reported.
#[derive(Default)]
pub struct Seen {
    planned: BTreeMap<String, u32>,
    progress: BTreeMap<String, u32>,
    sealed: BTreeSet<String>,
    failures: BTreeSet<(String, String)>,
    input: Option<(AfterCheck, String)>,
}

impl Seen {
    /// What the report holds that was not reported before.
    pub fn news(&mut self, report: &RunReport) -> Vec<Event> {
        let mut events = Vec::new();
        self.input(report, &mut events);
        for step in report.steps.iter().filter(|s| s.state != StepState::NotStarted) {
            self.step(report, step, &mut events);
        }
        events
    }

    /// An input that is waited for, whenever it stands otherwise; and one that was late, once.
    fn input(&mut self, report: &RunReport, events: &mut Vec<Event>) {
        let Some(input) = report.input.as_ref().filter(|input| !input.text().is_empty()) else { return };
        let (next, message) = (input.next, input.text());
        if next != AfterCheck::Late && self.input.replace((next, message.clone())) != Some((next, message.clone())) {
            events.push(Event::InputAwaited { run: report.run.0.clone(), next, message, pause_secs: 0 });
        }
    }

    fn step(&mut self, report: &RunReport, of: &StepReport, events: &mut Vec<Event>) {
        let step = of.step.0.clone();
        if self.planned.insert(step.clone(), of.generation) != Some(of.generation) {
            self.sealed.remove(&step);
            self.progress.insert(step.clone(), of.committed);
            let todo = of.items.saturating_sub(of.committed);
            let run = report.run.0.clone();
            events.push(Event::StepPlanned {
                run,
                step: step.clone(),
                generation: of.generation,
                items: of.items,
                todo,
                because: Some(of.because.clone()).filter(|_| of.generation > 1 && todo > 0),
            });
        }
        for failure in &of.failures {
            if self.failures.insert((step.clone(), failure.attempt.0.clone())) {
                events.push(Event::ItemFailed {
                    step: step.clone(),
                    item: failure.item,
                    class: class_name(failure.class),
                    message: failure.message.clone(),
                    retry: report.end.is_none(),
                    retry_in_ms: None,
                });
            }
        }
        if self.progress.insert(step.clone(), of.committed) != Some(of.committed) {
            events.push(Event::StepProgress { step: step.clone(), items: of.items, committed: of.committed });
        }
        if of.state == StepState::Done && self.sealed.insert(step.clone()) {
            events.push(Event::StepSealed { step, rows: of.rows, wall_ms: of.took_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(steps: serde_json::Value) -> RunReport {
        let report = json!({"v": 1, "run": "p/1", "root": "arn:x", "outcome": "failed", "params": {},
            "pipeline_digest": "d", "took_ms": 0, "reported_ms": 0, "steps": steps});
        serde_json::from_value(report).expect("a report")
    }

    fn step(state: &str, generation: u32, items: u32, committed: u32) -> serde_json::Value {
        json!({"step": "a", "generation": generation, "because": "", "state": state, "items": items,
            "committed": committed, "rows_raw": 9, "rows_read": 9, "rows_rejected": 0, "rows_written": 3, "files": 1,
            "bytes": 1, "peak_bytes": 1, "cpu_ms": 1, "took_ms": 5, "missing": [], "warnings": [], "notes": [],
            "failures": []})
    }

    fn names(events: &[Event]) -> Vec<String> {
        let name = |e: &Event| serde_json::to_value(e).unwrap()["event"].as_str().unwrap().to_owned();
        events.iter().map(name).collect()
    }

    #[test]
    fn only_news_is_reported() {
        let mut seen = Seen::default();
        assert!(seen.news(&report(json!([step("not_started", 1, 0, 0)]))).is_empty());
        assert_eq!(names(&seen.news(&report(json!([step("failed", 1, 4, 1)])))), ["step_planned"]);
        assert!(seen.news(&report(json!([step("failed", 1, 4, 1)]))).is_empty(), "nothing new");
        assert_eq!(names(&seen.news(&report(json!([step("failed", 1, 4, 3)])))), ["step_progress"]);
        assert_eq!(names(&seen.news(&report(json!([step("done", 1, 4, 4)])))), ["step_progress", "step_sealed"]);
        assert!(seen.news(&report(json!([step("done", 1, 4, 4)]))).is_empty(), "sealed once");
        assert_eq!(names(&seen.news(&report(json!([step("failed", 2, 4, 0)])))), ["step_planned"], "a generation");
    }
}
