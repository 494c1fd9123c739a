//! Seeds in CI: first that a seed tells one story, then those that once failed, then forty, or as many as
//! `SPOTMILL_SIMULATION_SEEDS` and `SPOTMILL_SIMULATION_SECONDS` allow, from where `SPOTMILL_SIMULATION_FROM` says. `docs/semantics.md` says what they prove.

use spotmill_simulation::{Until, run, search};
use std::time::{Duration, Instant};

/// Seeds that once broke an invariant, each with what it found.
const CORPUS: &str = include_str!("../corpus.txt");

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn corpus() -> Vec<u64> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

#[test]
fn the_same_seed_tells_the_same_story_to_the_byte() {
    for seed in [1, 2, 5, 8] {
        let (one, other) = (run(seed), run(seed));
        let differing = one.story.iter().zip(&other.story).find(|(a, b)| a != b);
        assert_eq!(differing, None, "seed {seed}");
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert!(one.story.len() > 100, "seed {seed} tells nothing");
    }
}

#[test]
fn seeds_that_once_failed_pass() {
    assert!(!corpus().is_empty(), "the corpus cannot be read");
    for seed in corpus() {
        let played = run(seed);
        assert_eq!(played.broken, [], "simulate --seed {seed} tells the story");
    }
}

#[test]
fn no_seed_breaks_an_invariant() {
    let (from, seconds) = (number("SPOTMILL_SIMULATION_FROM", 1_000_000), number("SPOTMILL_SIMULATION_SECONDS", 60));
    let most = number("SPOTMILL_SIMULATION_SEEDS", 40);
    let began = Instant::now();
    let until = Until::Passed(Duration::from_secs(seconds));
    let searched = search(from..from + most, until, || began.elapsed());
    println!("from seed {from}\n{searched}");
    assert!(searched.failing.is_empty(), "from seed {from}\n{searched}");
    assert!(searched.played > 0, "no seed was played in {seconds} s");
}
