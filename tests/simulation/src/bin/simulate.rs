//! `simulate --seeds N --from SEED` plays seeds and prints one line, with `--until-broken` no more than it needs;
//! `simulate --seed S` plays one and tells its story.

use spotmill_simulation::{Until, run, search};
use std::process::ExitCode;
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
            let until_broken = arguments.iter().any(|argument| argument == "--until-broken");
            many(number("--from").unwrap_or(1), seeds, if until_broken { Until::OneFails } else { Until::AllArePlayed })
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
    played.broken.iter().for_each(|broken| println!("{}: {}", broken.id, broken.what));
    if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, seeds: u64, until: Until) -> ExitCode {
    let began = Instant::now();
    let searched = search(from..from.saturating_add(seeds), until, || began.elapsed());
    println!("{searched}");
    if searched.failing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
