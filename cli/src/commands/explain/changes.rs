//! What changed of a run's definition since its last start, for the reasons that were decided: SQL and the other parts of a
//! step line by line, params and the worker as they were and as they are.

use super::frozen_program;
use crate::event::DefinitionChange;
use crate::exit::Stop;
use similar::TextDiff;
use spotmill_core::reason::{Code, Reason};
use spotmill_core::records::Lease;
use spotmill_lambdas::explain::{Explained, definitions};
use spotmill_lambdas::{Ctx, Program};

/// Lines around a change.
const CONTEXT: usize = 2;

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Of one step; none: of the run.
    pub step: Option<String>,
    pub code: Code,
    pub change: DefinitionChange,
}

/// What changed between the run's last start and `new`, where a step's reasons name it.
pub async fn since(
    ctx: &Ctx,
    lease: Option<&Lease>,
    new: &Program,
    worker: &str,
    explained: &[Explained],
) -> Result<Vec<Change>, Stop> {
    let Some(lease) = lease else { return Ok(Vec::new()) };
    let mut all = of_run(lease, new, worker, explained);
    let Some(old) = frozen_program(ctx, &new.run_id(), lease).await? else { return Ok(all) };
    for step in explained.iter().filter(|step| step.anew) {
        let (Some(was), Some(is)) = (old.pipeline.step(&step.step), new.pipeline.step(&step.step)) else { continue };
        for reason in &step.reasons {
            let Some((old, new)) = definitions(was, is, reason.code) else { continue };
            let what = format!("{} of {}", reason.code.name(), step.step);
            let change = DefinitionChange { what, old, new };
            all.push(Change { step: Some(step.step.clone()), code: reason.code, change });
        }
    }
    Ok(all)
}

fn of_run(lease: &Lease, new: &Program, worker: &str, explained: &[Explained]) -> Vec<Change> {
    let mut all = Vec::new();
    let mut add = |code: Code, what: &str, old: String, new: String| {
        let change = DefinitionChange { what: what.to_owned(), old, new };
        all.push(Change { step: None, code, change });
    };
    for (name, value) in &new.params {
        if let Some(old) = lease.params.get(name).filter(|old| *old != value) {
            add(Code::ParamsChanged, &format!("param {name}"), old.to_string(), value.to_string());
        }
    }
    let names_worker = explained.iter().flat_map(|e| &e.reasons).any(|r| r.code == Code::WorkerChanged);
    if names_worker && lease.worker.version != worker {
        add(Code::WorkerChanged, "worker", lease.worker.version.clone(), worker.to_owned());
    }
    all
}

/// The reasons with what the records know of the change besides.
pub fn detail(explained: &mut [Explained], changes: &[Change]) {
    let of_run = |code: Code| {
        let own = changes.iter().filter(move |c| c.step.is_none() && c.code == code);
        own.map(|c| format!("{}: {} → {}", c.change.what, c.change.old, c.change.new))
    };
    for reason in explained.iter_mut().flat_map(|step| &mut step.reasons).filter(|r| r.details.is_empty()) {
        if matches!(reason.code, Code::WorkerChanged | Code::ParamsChanged) {
            *reason = Reason::with(reason.code, of_run(reason.code));
        }
    }
}

impl Change {
    /// As `diff -u` shows it; of one line both sides.
    pub fn text(&self) -> String {
        let DefinitionChange { what, old, new } = &self.change;
        if self.step.is_none() {
            return format!("{what}: {old} → {new}");
        }
        let diff = TextDiff::from_lines(old.as_str(), new.as_str());
        let shown = diff.unified_diff().context_radius(CONTEXT).header("before", "now").to_string();
        format!("{what}\n{}", shown.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_compared_line_by_line_and_a_param_as_a_whole() {
        let change = |step: Option<&str>, old: &str, new: &str| Change {
            step: step.map(str::to_owned),
            code: Code::SqlChanged,
            change: DefinitionChange { what: "sql-changed of a".into(), old: old.into(), new: new.into() },
        };
        let sql = change(Some("a"), "SELECT a,\n  b\nFROM input\n", "SELECT a,\n  c\nFROM input\n");
        let expected = "sql-changed of a\n--- before\n+++ now\n@@ -1,3 +1,3 @@\n SELECT a,\n-  b\n+  c\n FROM input";
        assert_eq!(sql.text(), expected);
        assert_eq!(change(None, "1", "2").text(), "sql-changed of a: 1 → 2");
    }
}
