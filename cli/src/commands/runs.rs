//! `runs`: lists every run that has a lease, in one table.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::next::to_begin;
use crate::result::{indent, table};
use crate::ui::format::{count, duration};
use spotmill_core::records::{RunReport, StepState};
use spotmill_lambdas::{inspect, report};

pub async fn run(global: &Global) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    let ctx = &inspector.ctx;
    let mut shown = table(&["RUN", "STATE", "WHERE", "ITEMS", "REJECTED", "TOOK"], &[3, 4, 5]);
    let runs = inspect::runs(ctx).await?;
    for run in &runs {
        let report = report::summarize(ctx, run).await.map_err(Stop::from)?;
        let state = inspector.state(&report).await?.state;
        if global.json {
            Event::Run { state: state.to_owned(), report }.print();
        } else {
            shown.add_row(row(&report, state));
        }
    }
    if !global.json {
        if runs.is_empty() {
            say!("no runs yet; {}", to_begin(global).await);
        } else {
            say!("{}", indent(&shown));
        }
    }
    Ok(Code::Done)
}

pub fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" => "✓",
        "warned" => "!",
        "running" => "▸",
        "interrupted" | "stopped" => "‖",
        _ => "✗",
    }
}

fn row(report: &RunReport, state: &str) -> [String; 6] {
    let at = report.steps.iter().find(|s| s.state != StepState::Done);
    let place = at.map_or_else(|| "-".to_owned(), |s| s.step.to_string());
    let committed: u32 = report.steps.iter().map(|s| s.committed).sum();
    let items: u32 = report.steps.iter().map(|s| s.items).sum();
    let rejected: u64 = report.steps.iter().map(|s| s.rows.rejected).sum();
    let took: u64 = report.steps.iter().map(|s| s.took_ms).sum();
    [
        report.run.to_string(),
        format!("{} {state}", mark(state)),
        place,
        format!("{committed}/{items}"),
        count(rejected),
        duration(took),
    ]
}
