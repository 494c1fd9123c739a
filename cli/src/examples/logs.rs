//! Web logs of two days from three servers, as NDJSON: visitors come, read some pages and may come back; some lines are
//! broken, as they are after a server was restarted in the middle of one.

use super::File;
use super::random::Random;
use std::io::Write;

const DAYS: [&str; 2] = ["2026-03-01", "2026-03-02"];
const SERVERS: [&str; 3] = ["web1", "web2", "web3"];
const VISITS: u64 = 400;
const SECTIONS: [&str; 5] = ["products", "products", "search", "blog", "help"];
const AGENTS: [&str; 3] = ["Firefox/139.0", "Chrome/142.0", "curl/8.14"];
/// One line in so many is broken.
const BROKEN: u64 = 400;

pub fn files() -> Vec<File> {
    let mut random = Random::new(2_026);
    DAYS.iter().flat_map(|day| day_of(day, &mut random)).collect()
}

fn day_of(day: &str, random: &mut Random) -> Vec<File> {
    let mut lines: Vec<(u64, usize, String)> = Vec::new();
    for _ in 0..VISITS {
        visit(day, random, &mut lines);
    }
    lines.sort();
    let of = |server: usize| lines.iter().filter(move |(_, on, _)| *on == server).map(|(_, _, line)| line.as_str());
    let file = |(server, name): (usize, &&str)| {
        let text: String = of(server).flat_map(|line| [line, "\n"]).collect();
        (format!("data/{day}/{name}.ndjson.gz"), packed(text.as_bytes()))
    };
    SERVERS.iter().enumerate().map(file).collect()
}

/// A visitor reads a few pages, a minute or so each, and some come back hours later.
fn visit(day: &str, random: &mut Random, lines: &mut Vec<(u64, usize, String)>) {
    let visitor = random.skewed(300);
    let agent = random.of(&AGENTS);
    let mut second = random.below(80_000);
    for _ in 0..=random.skewed(12) {
        let server = random.below(SERVERS.len() as u64) as usize;
        let mut line = request(day, second, visitor, agent, random);
        if random.below(BROKEN) == 0 {
            line.truncate(line.len() * 2 / 3);
        }
        lines.push((second, server, line));
        let pause = if random.below(10) == 0 { 2_400 } else { random.between(2, 90) };
        second = (second + pause).min(86_399);
    }
}

fn request(day: &str, second: u64, visitor: u64, agent: &str, random: &mut Random) -> String {
    let (hour, minute, rest) = (second / 3_600, second / 60 % 60, second % 60);
    let section = random.of(&SECTIONS);
    let page = random.skewed(40);
    let status = match random.below(60) {
        0 => 404,
        1 => 500,
        _ => 200,
    };
    let took = 4 + random.skewed(120) + if status == 500 { 900 } else { 0 };
    let bytes = if status == 200 { random.between(900, 60_000) } else { 312 };
    format!(
        r#"{{"time":"{day}T{hour:02}:{minute:02}:{rest:02}Z","visitor":"v{visitor:04}","method":"GET","path":"/{section}/{page}","status":{status},"bytes":{bytes},"took_ms":{took},"headers":{{"user-agent":"{agent}"}}}}"#
    )
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Into memory: it cannot fail.
    let _ = packer.write_all(text);
    packer.finish().unwrap_or_default()
}
