//! Many seeds, on every processor: what they came to together, and the line that says so.

use crate::faults::{Fault, KINDS};
use crate::play::{Played, run};
use crate::watched::INVARIANTS;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

/// When a search ends before its seeds do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    AllArePlayed,
    OneFails,
    /// No seed is begun after it.
    Passed(Duration),
}

#[derive(Default)]
pub struct Searched {
    pub played: u64,
    pub failing: Vec<Played>,
    faults: BTreeMap<Fault, u64>,
    points: BTreeSet<String>,
    hit: BTreeSet<String>,
    checks: u64,
    took: Duration,
}

/// Plays seeds. `time` says how long this has taken so far: a search is the only thing here that looks at a clock.
pub fn search(seeds: Range<u64>, until: Until, time: impl Fn() -> Duration + Sync) -> Searched {
    let (next, is_over) = (Mutex::new(seeds), AtomicBool::new(false));
    let take = || {
        let is_late = matches!(until, Until::Passed(most) if time() >= most);
        let stops = is_over.load(Ordering::Relaxed) || is_late;
        next.lock().ok().filter(|_| !stops).and_then(|mut seeds| seeds.next())
    };
    let (post, posted) = mpsc::channel();
    let mut searched = Searched::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (take, post) = (&take, post.clone());
            scope.spawn(move || while take().is_some_and(|seed| post.send(run(seed)).is_ok()) {});
        }
        drop(post);
        for played in posted {
            if until == Until::OneFails && !played.broken.is_empty() {
                is_over.store(true, Ordering::Relaxed);
            }
            searched.add(played);
        }
    });
    searched.failing.sort_by_key(|played| played.seed);
    searched.took = time();
    searched
}

impl Searched {
    fn add(&mut self, played: Played) {
        self.played += 1;
        self.checks += played.checks;
        for (fault, n) in &played.faults {
            *self.faults.entry(*fault).or_default() += n;
        }
        self.points.extend(played.points.iter().cloned());
        self.hit.extend(played.hit.iter().cloned());
        if !played.broken.is_empty() {
            self.failing.push(played);
        }
    }
}

impl Display for Searched {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for played in &self.failing {
            writeln!(f, "seed {} fails; its story: simulate --seed {}", played.seed, played.seed)?;
            for broken in &played.broken {
                writeln!(f, "{}: {}", broken.id, broken.what)?;
            }
        }
        let (pass, faults) = (self.played - self.failing.len() as u64, self.faults.values().sum::<u64>());
        write!(
            f,
            "sim: seeds={} pass={pass} faults={faults} ({} of {KINDS} kinds) points={}/{} invariants={} checks={} runtime={:.1}s",
            self.played,
            self.faults.len(),
            self.hit.len(),
            self.points.len(),
            INVARIANTS.len(),
            self.checks,
            self.took.as_secs_f64(),
        )
    }
}
