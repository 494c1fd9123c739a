//! `simulate --seeds N --from SEED` plays seeds and prints one line, `--until-broken` no more than it needs; `simulate --seed S` plays one and tells its story.

use spotmill_simulation::{INVARIANTS, KINDS, Played, run};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    match (number("--seed"), number("--seeds")) {
        (Some(seed), None) => tell(seed),
        (None, Some(seeds)) => {
            many(number("--from").unwrap_or(1), seeds, arguments.iter().any(|argument| argument == "--until-broken"))
        }
        _ => {
            eprintln!("usage: simulate --seeds N [--from SEED] [--until-broken] | simulate --seed SEED");
            ExitCode::from(2)
        }
    }
}

fn tell(seed: u64) -> ExitCode {
    let played = run(seed);
    played.story.iter().for_each(|line| println!("{line}"));
    println!("story {} of seed {seed}", played.digest);
    verdict(&played)
}

fn verdict(played: &Played) -> ExitCode {
    for broken in &played.broken {
        println!("{}: {}", broken.id, broken.what);
    }
    if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, seeds: u64, until_broken: bool) -> ExitCode {
    let began = Instant::now();
    let (next, threads) = (AtomicU64::new(from), std::thread::available_parallelism().map_or(1, usize::from));
    let (post, posted) = mpsc::channel::<Played>();
    let (mut pass, mut checks, mut all) = (0, 0, 0);
    let (mut faults, mut points, mut hit) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, post) = (&next, post.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || post.send(run(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(post);
        for played in posted {
            all += 1;
            checks += played.checks;
            pass += u64::from(played.broken.is_empty());
            if !played.broken.is_empty() {
                println!("seed {} fails; simulate --seed {}", played.seed, played.seed);
                let _ = verdict(&played);
                if until_broken {
                    next.store(from + seeds, Ordering::Relaxed);
                }
            }
            for (fault, n) in played.faults {
                *faults.entry(fault).or_insert(0) += n;
            }
            points.extend(played.points);
            hit.extend(played.hit);
        }
    });
    let total: u64 = faults.values().sum();
    println!(
        "sim: seeds={all} pass={pass} faults={total} ({} of {KINDS} kinds) points={}/{} invariants={} checks={checks} runtime={:.1}s",
        faults.len(),
        hit.len(),
        points.len(),
        INVARIANTS.len(),
        began.elapsed().as_secs_f64(),
    );
    if pass == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
