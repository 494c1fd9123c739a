//! What a run came to, as metrics of CloudWatch: one line of the function's log in the embedded metric format, of which
//! CloudWatch makes the metrics by itself. No call of AWS is made, and nothing depends on the line.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use crate::Ctx;
use serde_json::{Value, json};
use spotmill_core::calls::ReportReply;
use spotmill_core::records::{RunReport, StepReport};
use spotmill_platform::records;
use std::io::Write;

pub const NAMESPACE: &str = "Spotmill";
/// Names and units, as the format has them.
const METRICS: [(&str, &str); 6] = [
    ("Succeeded", "Count"),
    ("Seconds", "Seconds"),
    ("RowsPublished", "Count"),
    ("RowsRejected", "Count"),
    ("MachineSeconds", "Seconds"),
    ("Dollars", "None"),
];

/// Prints the metrics of the run that Report has answered for. A report that cannot be read has none.
pub async fn emit(ctx: &Ctx, stack: &str, answer: &Value) {
    let Ok(reply) = serde_json::from_value::<ReportReply>(answer.clone()) else { return };
    let Ok(Some((report, _))) = records::load::<RunReport>(&*ctx.store, &reply.report).await else { return };
    if let Some(line) = line(&report, stack) {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// Nothing for a start that found everything done: it is no run.
fn line(report: &RunReport, stack: &str) -> Option<Value> {
    if report.nothing_to_do {
        return None;
    }
    let of = |value: &dyn Fn(&StepReport) -> u64| report.steps.iter().map(value).sum::<u64>();
    let cost = |step: &StepReport| step.cost.unwrap_or_default();
    let definitions: Vec<Value> = METRICS.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    Some(json!({
        "_aws": {
            "Timestamp": report.reported_ms,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Stack", "Pipeline"]],
                "Metrics": definitions,
            }],
        },
        "Stack": stack,
        "Pipeline": report.run.pipeline(),
        "run": report.run,
        "Succeeded": u8::from(report.outcome.is_complete()),
        "Seconds": report.took_ms as f64 / 1000.0,
        "RowsPublished": of(&|step| if step.published.is_some() { step.rows.written } else { 0 }),
        "RowsRejected": of(&|step| step.rows.rejected),
        "MachineSeconds": of(&|step| cost(step).machine_ms) as f64 / 1000.0,
        "Dollars": report.steps.iter().map(|step| cost(step).usd).sum::<f64>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> RunReport {
        let step = json!({"step": "s", "generation": 1, "because": "", "state": "done", "items": 2, "committed": 2,
            "rows_raw": 10, "rows_read": 9, "rows_rejected": 1, "rows_written": 9, "files": 1, "bytes": 5,
            "peak_bytes": 5, "cpu_ms": 5, "took_ms": 5, "missing": [], "warnings": [], "notes": [], "failures": [],
            "published": "s3://b/out",
            "cost": {"machines": 1, "machine_ms": 90_500, "usd": 0.25, "on_demand": 0, "on_demand_usd": 0.0, "tail_ms": 0, "tail_usd": 0.0}});
        serde_json::from_value(json!({"v": 1, "run": "flights/2013-01-01", "root": "arn", "outcome": "warned",
            "params": {}, "pipeline_digest": "d", "steps": [step.clone(), step], "took_ms": 61_500,
            "reported_ms": 1_700_000_000_000_u64}))
        .expect("a report")
    }

    #[test]
    fn every_metric_of_the_line_is_defined_and_has_a_value() {
        let line = line(&report(), "acme").expect("a line");
        let definition = &line["_aws"]["CloudWatchMetrics"][0];
        for (name, _) in METRICS {
            assert!(line[name].is_number(), "{name}: {line}");
        }
        assert_eq!(definition["Metrics"].as_array().map(Vec::len), Some(METRICS.len()));
        assert_eq!((&line["Stack"], &line["Pipeline"]), (&json!("acme"), &json!("flights")));
        let values = ["Succeeded", "Seconds", "RowsPublished", "RowsRejected", "MachineSeconds", "Dollars"];
        let found = values.map(|name| line[name].as_f64().expect("a number"));
        assert_eq!(found, [1.0, 61.5, 18.0, 2.0, 181.0, 0.5]);
    }

    #[test]
    fn a_start_that_did_nothing_is_no_run() {
        assert_eq!(line(&RunReport { nothing_to_do: true, ..report() }, "acme"), None);
    }
}
