//! Counting rows as they stream by. The counter is a plan node that keeps projections flowing down and filters
//! above it, and costs an addition a batch.

use polars::prelude::{Engine, IdxSize, LazyFrame, OptFlags, PolarsResult, len};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// `frame`, counted when it is run.
    pub fn count(&self, frame: LazyFrame) -> LazyFrame {
        let rows = self.0.clone();
        frame.map(
            move |df| {
                rows.fetch_add(df.height() as u64, Ordering::SeqCst);
                Ok(df)
            },
            OptFlags::PROJECTION_PUSHDOWN | OptFlags::STREAMING,
            None,
            Some("rows counted"),
        )
    }
}

/// The rows of `frame`, by a query of its own.
pub fn rows_of(frame: &LazyFrame) -> PolarsResult<u64> {
    let df = frame.clone().select([len()]).collect_with_engine(Engine::Streaming)?.unwrap_single();
    let rows: Option<IdxSize> = df.columns()[0].idx()?.get(0);
    Ok(rows.unwrap_or(0))
}
