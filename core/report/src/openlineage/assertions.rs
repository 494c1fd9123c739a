//! What was expected of a step, and whether it held.

use super::facts::StepFacts;
use crate::words::number;
use serde_json::{Value, json};

/// `unmet` are sentences about what did not hold: the seal's warnings, or the cause of a failure. Nothing where nothing was
/// expected.
pub fn facet(step: &StepFacts, unmet: &[String]) -> Option<Value> {
    let expect = &step.step.expect;
    let severity = if expect.warn_only { "warn" } else { "error" };
    let held = |name: &str| !unmet.iter().any(|sentence| sentence.contains(&format!("{name} does not hold for")));
    let mut all: Vec<Value> = Vec::new();
    for column in &expect.not_null {
        let name = format!("not_null({column})");
        let success = held(&name);
        all.push(json!({
            "assertion": "not_null", "success": success, "severity": severity, "name": name, "column": column,
        }));
    }
    if !expect.unique.is_empty() {
        let name = format!("unique({})", expect.unique.join(", "));
        let mut assertion = json!({"assertion": "unique", "success": held(&name), "severity": severity, "name": name});
        if let [column] = expect.unique.as_slice() {
            assertion["column"] = column.as_str().into();
        }
        all.push(assertion);
    }
    for condition in &expect.check {
        let name = format!("check({condition})");
        all.push(json!({
            "assertion": "custom_sql", "success": held(&name), "severity": severity, "name": name,
            "content": condition, "contentType": "sql",
        }));
    }
    if let Some(least) = expect.min_rows {
        let (written, unmet_sentence) = (step.report.rows.written, format!("of at least {} expected", number(least)));
        let success = !unmet.iter().any(|sentence| sentence.contains(&unmet_sentence));
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
