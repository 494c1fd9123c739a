//! The record of a smoke test, `smoke/AT.json`: there before anything else is made, and gone once all of it is removed. While the
//! program lives it renews the record, so that nobody takes its runs for left ones; when the record goes, the program stops.

use crate::answers::{of_record, of_store};
use crate::exit::Stop;
use serde::{Deserialize, Serialize};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::records::RECORD_VERSION;
use spotmill_lambdas::Ctx;
use spotmill_platform::records::{self, RecordError};
use std::time::Duration;

/// How often it is renewed, and how long after the last time the program counts as living.
const BEAT: Duration = Duration::from_secs(10);
pub const SILENCE_MS: u64 = 60_000;

/// A smoke test has begun, and has not removed all that it made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub v: u32,
    pub began_ms: u64,
    /// Its last sign of life; none of an older program, and 0 once it has ended and left something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ms: Option<u64>,
    /// It may have made templates of experiments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub faults: bool,
}

impl Begun {
    pub fn new(began_ms: u64, faults: bool) -> Begun {
        Begun { v: RECORD_VERSION, began_ms, seen_ms: Some(began_ms), faults }
    }

    pub fn last_ms(&self) -> u64 {
        self.seen_ms.unwrap_or(self.began_ms)
    }

    pub fn lives(&self, now_ms: u64) -> bool {
        self.last_ms() > 0 && now_ms.saturating_sub(self.last_ms()) < SILENCE_MS
    }
}

/// Before anything else is made.
pub async fn write(ctx: &Ctx, at: &str, begun: &Begun) -> Result<(), Stop> {
    records::put(&*ctx.store, &keys::smoke(&ctx.root, at), begun).await.map_err(of_record)
}

/// Smoke tests that have begun and not ended.
pub async fn all(ctx: &Ctx) -> Result<Vec<(Uri, Begun)>, Stop> {
    let mut all = Vec::new();
    for object in ctx.store.list(&keys::smokes(&ctx.root)).await.map_err(of_store)? {
        let found = records::load::<Begun>(&*ctx.store, &object.uri).await.map_err(of_record)?;
        all.extend(found.map(|(begun, _)| (object.uri, begun)));
    }
    Ok(all)
}

pub async fn remove(ctx: &Ctx, at: &str) -> Result<(), Stop> {
    ctx.store.delete(&keys::smoke(&ctx.root, at)).await.map_err(of_store)
}

/// Renews it until somebody else has removed it. What has no answer is tried again at the next beat.
pub async fn keep(ctx: &Ctx, at: &str) {
    loop {
        tokio::time::sleep(BEAT).await;
        if let Ok(false) = change(ctx, at, ctx.clock.now_ms()).await {
            return;
        }
    }
}

/// The program ends, and something is left: whoever removes it need not wait.
pub async fn leave(ctx: &Ctx, at: &str) {
    // Without an answer it counts as living for a minute.
    let _ = tokio::time::timeout(BEAT, change(ctx, at, 0)).await;
}

/// False if it is not there any more; it is never made anew.
async fn change(ctx: &Ctx, at: &str, seen_ms: u64) -> Result<bool, RecordError> {
    let uri = keys::smoke(&ctx.root, at);
    let Some((begun, etag)) = records::load::<Begun>(&*ctx.store, &uri).await? else { return Ok(false) };
    let begun = Begun { seen_ms: Some(seen_ms), ..begun };
    // Nobody else writes it; if it has gone meanwhile, the next beat sees that.
    records::swap(&*ctx.store, &uri, &etag, &begun).await.map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smoke_test_lives_for_a_minute_after_its_last_sign() {
        let begun = Begun { seen_ms: Some(50_000), ..Begun::new(1_000, false) };
        assert!(begun.lives(50_001) && begun.lives(109_999) && !begun.lives(110_000));
        assert!(begun.lives(40_000), "another machine's clock is behind");
        assert!(!Begun { seen_ms: Some(0), ..begun.clone() }.lives(50_001), "it said that it ends");
        // Of a program that does not renew it.
        let old: Begun = serde_json::from_str(r#"{"v":1,"began_ms":1000}"#).expect("as it was written");
        assert!(old.lives(60_999) && !old.lives(61_000));
    }
}
