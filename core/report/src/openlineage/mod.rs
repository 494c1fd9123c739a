//! What a run came to, as OpenLineage events: one that it started and one how it ended, of the run and of each of its steps.
//! Everything in them follows from the records of the run, ids and times too: compiled again they are the same, so that
//! whoever gets them twice has them once. What the records do not hold is left out.

mod assertions;
mod columns;
mod datasets;
mod facet;
mod facts;

pub use facts::{Dataset, InputFacts, OutputFacts, RunFacts, StepFacts};

use crate::words::iso_millis;
use facet::Facets;
use serde::Serialize;
use serde_json::{Value, json};
use spotmill_core::digest::sha256;
use spotmill_core::format::bare_cause;
use spotmill_core::model::Transform;
use spotmill_core::records::{FailureRecord, StepState};

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// A line of `openlineage.ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineageEvent {
    pub event_type: &'static str,
    pub event_time: String,
    run: Value,
    job: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<Value>,
    producer: String,
    #[serde(rename = "schemaURL")]
    schema_url: &'static str,
}

/// Of a run: its start, of each step that was begun its start and its end, and the end of the run. What goes on has no end.
pub fn events(facts: &RunFacts) -> Vec<LineageEvent> {
    let of = Events { facts, run_id: run_id(facts) };
    let begun = facts.steps.iter().filter(|step| step.report.state != StepState::NotStarted);
    let mut events = vec![of.of_run("START", facts.begun_ms, None)];
    events.extend(begun.flat_map(|step| of.of_step(step)));
    events.extend(of.end_of_run());
    events
}

/// A line an event.
pub fn lines(events: &[LineageEvent]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for event in events {
        text.push_str(&serde_json::to_string(event)?);
        text.push('\n');
    }
    Ok(text)
}

/// The same for the same words, and for no others: a UUID of version 8, whose bits are those of a SHA-256.
fn uuid(words: &[&str]) -> String {
    let digest = sha256(words.join("\n").as_bytes());
    let variant = ["8", "9", "a", "b"][usize::from(digest.as_bytes()[16] % 4)];
    format!("{}-{}-8{}-{variant}{}-{}", &digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32])
}

/// A run that is resumed is the same run. One of which a step has a new generation is another.
fn run_id(facts: &RunFacts) -> String {
    let generations: Vec<String> = facts.generations.iter().map(|(step, n)| format!("{step} g{n}")).collect();
    uuid(&["run", facts.report.run.as_str(), &facts.started_ms.to_string(), &generations.join(",")])
}

fn step_id(facts: &RunFacts, step: &StepFacts) -> String {
    let (name, generation) = (step.report.step.as_str(), step.report.generation.to_string());
    uuid(&["step", facts.report.run.as_str(), &facts.started_ms.to_string(), name, &generation])
}

/// Begin and end of a day in a time zone; in UTC where none is named.
fn day(date: &str, zone: Option<&str>) -> Option<(String, String)> {
    let date: jiff::civil::Date = date.parse().ok()?;
    let zone = match zone {
        Some(name) => jiff::tz::TimeZoneDatabase::bundled().get(name).ok()?,
        None => jiff::tz::TimeZone::UTC,
    };
    let begin = |date: jiff::civil::Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp().to_string());
    Some((begin(date)?, begin(date.tomorrow().ok()?)?))
}

struct Events<'a> {
    facts: &'a RunFacts,
    run_id: String,
}

impl Events<'_> {
    fn producer(&self) -> String {
        format!("urn:spotmill:{}", self.facts.version)
    }

    fn job(&self, name: &str, kind: &str, sql: Option<&str>) -> Value {
        let mut facets = Facets::new(self.producer());
        let kind = json!({"processingType": "BATCH", "integration": "SPOTMILL", "jobType": kind});
        facets.add("jobType", facet::JOB_TYPE, kind);
        if let Some(query) = sql {
            facets.add("sql", facet::SQL, json!({"query": query, "dialect": "duckdb"}));
        }
        json!({"namespace": self.facts.namespace, "name": name, "facets": facets.done()})
    }

    fn day(&self) -> Option<(String, String)> {
        day(self.facts.date.as_deref()?, self.facts.timezone.as_deref())
    }

    /// Facets that every event of a run has.
    fn run(&self, id: &str, engine: &str, is_step: bool, error: Option<&str>) -> Value {
        let mut facets = Facets::new(self.producer());
        if let Some((start, end)) = self.day() {
            facets.add("nominalTime", facet::NOMINAL_TIME, json!({"nominalStartTime": start, "nominalEndTime": end}));
        }
        let engine = json!({"name": "Spotmill", "version": engine, "openlineageAdapterVersion": self.facts.version});
        facets.add("processing_engine", facet::ENGINE, engine);
        if is_step {
            let run = json!({"runId": self.run_id});
            let job = json!({"namespace": self.facts.namespace, "name": self.facts.pipeline});
            facets.add("parent", facet::PARENT, json!({"run": run, "job": job, "root": {"run": run, "job": job}}));
        }
        if let Some(message) = error {
            facets.add("errorMessage", facet::ERROR, json!({"message": message, "programmingLanguage": "Rust"}));
        }
        json!({"runId": id, "facets": facets.done()})
    }

    fn event(&self, kind: &'static str, at_ms: u64, run: Value, job: Value) -> LineageEvent {
        LineageEvent {
            event_type: kind,
            event_time: iso_millis(at_ms),
            run,
            job,
            inputs: Vec::new(),
            outputs: Vec::new(),
            producer: self.producer(),
            schema_url: EVENT,
        }
    }

    fn of_run(&self, kind: &'static str, at_ms: u64, error: Option<&str>) -> LineageEvent {
        let run = self.run(&self.run_id, &self.facts.worker, false, error);
        self.event(kind, at_ms, run, self.job(&self.facts.pipeline, "PIPELINE", None))
    }

    fn end_of_run(&self) -> Option<LineageEvent> {
        let facts = self.facts;
        let end = facts.report.end.as_ref();
        let of_steps = facts.steps.iter().filter_map(|step| step.ended_ms()).max();
        let at_ms = |own: Option<u64>| own.or(of_steps).unwrap_or(facts.report.reported_ms).max(facts.begun_ms);
        let ended_ms = at_ms(end.map(|end| end.ended_ms));
        match facts.report.state() {
            "succeeded" | "warned" | "skipped" => Some(self.of_run("COMPLETE", at_ms(None), None)),
            "failed" => Some(self.of_run("FAIL", ended_ms, Some(&self.cause()))),
            "stopped" | "late" | "waiting" => Some(self.of_run("ABORT", ended_ms, Some(&self.cause()))),
            _ => None,
        }
    }

    /// Why the run ended early.
    fn cause(&self) -> String {
        match &self.facts.report.end {
            Some(end) => bare_cause(&end.cause).to_owned(),
            None => "not every step that was to run is complete".to_owned(),
        }
    }

    fn of_step(&self, step: &StepFacts) -> Vec<LineageEvent> {
        let (facts, id) = (self.facts, step_id(self.facts, step));
        let name = format!("{}.{}", facts.pipeline, step.report.step);
        let (kind, sql) = match &step.step.transform {
            Transform::Sql { text, .. } => ("QUERY", Some(text.as_str())),
            Transform::Function { .. } => ("TASK", None),
        };
        let event = |kind_of_event, at_ms, error: Option<&str>| {
            let run = self.run(&id, &step.worker, true, error);
            self.event(kind_of_event, at_ms, run, self.job(&name, kind, sql))
        };
        let mut events = vec![event("START", step.planned_ms, None)];
        let failed = |kind| LineageEvent {
            inputs: datasets::inputs(self, step),
            outputs: datasets::refused(self, step).into_iter().collect(),
            ..event(kind, self.failed_ms(step), Some(&self.failure(step)))
        };
        events.extend(match (step.report.state, facts.report.state()) {
            (StepState::Done, _) => Some(LineageEvent {
                inputs: datasets::inputs(self, step),
                outputs: datasets::output(self, step).into_iter().collect(),
                ..event("COMPLETE", step.ended_ms().unwrap_or(step.planned_ms), None)
            }),
            (StepState::Failed, "stopped" | "late" | "waiting") => Some(failed("ABORT")),
            (StepState::Failed, "running" | "interrupted") | (StepState::NotStarted, _) => None,
            (StepState::Failed, _) => Some(failed("FAIL")),
        });
        events
    }

    fn failed_ms(&self, step: &StepFacts) -> u64 {
        let last = step.report.failures.iter().map(|failure| failure.failed_ms).max();
        let end = self.facts.report.end.as_ref().map(|end| end.ended_ms);
        end.or(last).unwrap_or(self.facts.report.reported_ms).max(step.planned_ms)
    }

    fn failure(&self, step: &StepFacts) -> String {
        let sentence = |failure: &FailureRecord| {
            let remedy = failure.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
            format!("item {}: {}{remedy}", failure.item, failure.message)
        };
        match step.report.failures.as_slice() {
            [] => self.cause(),
            [first] => sentence(first),
            [first, more @ ..] => format!("{}; and {} more items failed", sentence(first), more.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_its_words() {
        let id = uuid(&["run", "p/1"]);
        assert_eq!(id, uuid(&["run", "p/1"]));
        assert_ne!(id, uuid(&["run", "p/2"]));
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('8') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
    }

    #[test]
    fn a_day_begins_and_ends_where_it_is_one() {
        let cases = [
            ("2013-01-01", None, "2013-01-01T00:00:00Z", "2013-01-02T00:00:00Z"),
            // A day of 23 hours.
            ("2013-03-10", Some("America/New_York"), "2013-03-10T05:00:00Z", "2013-03-11T04:00:00Z"),
        ];
        for (date, zone, begin, end) in cases {
            assert_eq!(day(date, zone), Some((begin.to_owned(), end.to_owned())));
        }
        assert_eq!(day("2013-13-01", None), None);
    }
}
