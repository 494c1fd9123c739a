//! `simulate --seeds N --from SEED` plays seeds and prints one line, with `--until-broken` no more than it needs;
//! `simulate --seed S` plays one and tells its story.

use clap::Parser;
use spotmill_simulation::{Until, run, search};
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

/// Plays the whole system under seeds, or tells the story of one
#[derive(Parser)]
struct Arguments {
    /// Tell the story of this seed
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from", "until_broken"])]
    seed: Option<u64>,
    /// Play so many seeds
    #[arg(long, value_name = "N", required_unless_present = "seed")]
    seeds: Option<u64>,
    /// From this seed on
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    from: u64,
    /// Begin no seed after one that broke an invariant
    #[arg(long)]
    until_broken: bool,
}

fn main() -> ExitCode {
    let Arguments { seed, seeds, from, until_broken } = Arguments::parse();
    match seed {
        Some(seed) => tell(seed),
        None => {
            let until = if until_broken { Until::OneFails } else { Until::AllArePlayed };
            many(from, seeds.unwrap_or_default(), until)
        }
    }
}

fn tell(seed: u64) -> ExitCode {
    let played = run(seed);
    let broken = played.broken.iter().map(|broken| format!("{}: {}", broken.id, broken.what));
    let end = format!("story {} of seed {seed}", played.digest);
    print(&played.story.iter().cloned().chain([end]).chain(broken).collect::<Vec<_>>().join("\n"));
    if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, seeds: u64, until: Until) -> ExitCode {
    let began = Instant::now();
    let searched = search(from..from.saturating_add(seeds), until, || began.elapsed());
    print(&searched.to_string());
    if searched.failing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// To a reader who may have gone: `| head`.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
