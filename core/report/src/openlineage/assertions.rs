//! What was expected of a step, and whether it held.

use super::facts::StepFacts;
use serde_json::{Value, json};
use spotmill_core::seal::expectation;

/// `unmet` are sentences about what did not hold: the seal's warnings, or the cause of a failure. Nothing where nothing was
/// expected.
pub fn facet(step: &StepFacts, unmet: &[String]) -> Option<Value> {
    let expect = &step.step.expect;
    let severity = if expect.warn_only { "warn" } else { "error" };
    let held = |name: &str| !expectation::is_unmet(unmet, name);
    let mut all: Vec<Value> = Vec::new();
    for column in &expect.not_null {
        let name = expectation::not_null(column);
        let success = held(&name);
        all.push(json!({
            "assertion": "not_null", "success": success, "severity": severity, "name": name, "column": column,
        }));
    }
    if !expect.unique.is_empty() {
        let name = expectation::unique(&expect.unique);
        let mut assertion = json!({"assertion": "unique", "success": held(&name), "severity": severity, "name": name});
        if let [column] = expect.unique.as_slice() {
            assertion["column"] = column.as_str().into();
        }
        all.push(assertion);
    }
    for condition in &expect.check {
        let name = expectation::check(condition);
        all.push(json!({
            "assertion": "custom_sql", "success": held(&name), "severity": severity, "name": name,
            "content": condition, "contentType": "sql",
        }));
    }
    if let Some(least) = expect.min_rows {
        let (written, success) = (step.report.rows.written, !expectation::is_too_few(unmet, least));
        let mut assertion = json!({
            "assertion": "row_count", "success": success, "severity": severity, "name": "rows.min",
            "expected": least.to_string(),
        });
        // Rows of many receipts are not counted before the step is complete.
        if (written >= least) == success {
            assertion["actual"] = written.to_string().into();
        }
        all.push(assertion);
    }
    (!all.is_empty()).then(|| json!({"assertions": all}))
}
