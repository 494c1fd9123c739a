//! `reports/ends.json`: how the last runs of each pipeline ended, in a few numbers each: what the list of reports draws as
//! bars, and what a run is compared with. It informs; nothing depends on it, and a run that is missing in it is only not
//! drawn.

use crate::model::Report;
use serde::{Deserialize, Serialize};
use spotmill_core::ids::RunId;
use spotmill_core::records::RECORD_VERSION;
use std::collections::BTreeMap;

/// Runs that are kept of a pipeline.
pub const KEPT: usize = 60;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    pub v: u32,
    /// By pipeline, oldest end first, each run once.
    pub pipelines: BTreeMap<String, Vec<End>>,
}

/// How a run ended, the last time it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub run: RunId,
    pub state: String,
    pub ended_ms: u64,
    pub took_ms: u64,
    pub items: u64,
    pub committed: u64,
    /// Nothing where a price was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_nanos: Option<u64>,
    /// Rows that each complete step wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, u64>,
}

impl Default for Ends {
    fn default() -> Self {
        Ends { v: RECORD_VERSION, pipelines: BTreeMap::new() }
    }
}

impl End {
    /// Nothing of a run that has not ended.
    pub fn of(report: &Report) -> Option<End> {
        let complete = report.steps.iter().filter(|step| step.state == "done");
        Some(End {
            run: report.run.clone(),
            state: report.state.clone(),
            ended_ms: report.ended_ms?,
            took_ms: report.took_ms,
            items: report.items,
            committed: report.committed,
            usd_nanos: report.money.as_ref().and_then(|money| {
                let total = &money.total.total;
                (total.unpriced_ms == 0 && total.machine_ms > 0).then_some(total.usd_nanos)
            }),
            rows: complete.map(|step| (step.step.clone(), step.rows.written)).collect(),
        })
    }
}

impl Ends {
    /// With this end; of one run only the latest end counts, whichever comes first.
    pub fn with(mut self, pipeline: &str, end: End) -> Ends {
        self.v = RECORD_VERSION;
        let all = self.pipelines.entry(pipeline.to_owned()).or_default();
        if all.iter().any(|other| other.run == end.run && other.ended_ms > end.ended_ms) {
            return self;
        }
        all.retain(|other| other.run != end.run);
        let place = all.partition_point(|other| other.ended_ms <= end.ended_ms);
        all.insert(place, end);
        let surplus = all.len().saturating_sub(KEPT);
        all.drain(..surplus);
        self
    }

    /// Without the runs of these pipelines.
    pub fn without(mut self, is_one: impl Fn(&str) -> bool) -> Ends {
        self.pipelines.retain(|name, _| !is_one(name));
        self
    }

    pub fn of(&self, pipeline: &str) -> &[End] {
        self.pipelines.get(pipeline).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(run: &str, ended_ms: u64) -> End {
        End {
            run: run.into(),
            state: "succeeded".to_owned(),
            ended_ms,
            took_ms: 1,
            items: 1,
            committed: 1,
            usd_nanos: None,
            rows: BTreeMap::new(),
        }
    }

    fn runs(ends: &Ends) -> Vec<(&str, u64)> {
        ends.of("p").iter().map(|end| (end.run.as_str(), end.ended_ms)).collect()
    }

    #[test]
    fn each_run_is_there_once_in_the_order_of_the_ends() {
        let ends = Ends::default().with("p", end("p/1", 10)).with("p", end("p/2", 30)).with("p", end("p/3", 20));
        assert_eq!(runs(&ends), [("p/1", 10), ("p/3", 20), ("p/2", 30)]);
        let again = ends.with("p", end("p/1", 40));
        assert_eq!(runs(&again), [("p/3", 20), ("p/2", 30), ("p/1", 40)]);
        assert_eq!(runs(&again.with("p", end("p/1", 10)))[2], ("p/1", 40), "an older end came late");
    }

    #[test]
    fn pipelines_are_forgotten_whole() {
        let ends = Ends::default().with("p", end("p/1", 10)).with("q", end("q/1", 10));
        let left = ends.without(|name| name == "p");
        assert!(left.of("p").is_empty());
        assert_eq!(left.of("q").len(), 1);
    }

    #[test]
    fn the_oldest_go_first() {
        let all = (0..100).fold(Ends::default(), |ends, n| ends.with("p", end(&format!("p/{n}"), n)));
        assert_eq!((all.of("p").len(), all.of("p")[0].ended_ms), (KEPT, 40));
        assert!(all.of("q").is_empty());
    }
}
