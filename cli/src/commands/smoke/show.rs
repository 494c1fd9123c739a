//! What a smoke test says: before it begins, of each part, and at its end; and its page, as files.

use super::judge::{Facts, Judged, Verdict};
use super::page::SmokePage;
use super::plan::{self, Part};
use super::record::{Begun, SILENCE_MS};
use crate::args::{Global, SmokeArgs};
use crate::aws::{World, names};
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use std::path::{Path, PathBuf};

/// One line a part.
pub fn part(global: &Global, one: &Judged) {
    if global.json {
        return event(one).print();
    }
    let sign = match one.verdict {
        Verdict::Ok => "✓",
        Verdict::Different => "✗",
        Verdict::NotTried => "?",
    };
    say!("{sign} {:13} {}: expected {}; seen {}", one.part.name(), one.verdict.text(), one.expected, one.seen);
    one.remedy.iter().for_each(|remedy| say!("  {:13} {remedy}", ""));
}

fn event(one: &Judged) -> Event {
    let verdict = match one.verdict {
        Verdict::Ok => "ok",
        Verdict::Different => "different",
        Verdict::NotTried => "not_tried",
    };
    Event::Smoked {
        part: one.part.name().to_owned(),
        verdict: verdict.to_owned(),
        expected: one.expected.clone(),
        seen: one.seen.clone(),
        remedy: one.remedy.clone(),
    }
}

pub fn announce(global: &Global, world: &World, parts: &[Part], limit: f64) {
    say_to(global, format!("smoke test of stack {} in {}:", world.stack, world.aws.region().unwrap_or_default()));
    for part in parts {
        say_to(global, format!("  {:13} {}; at most ${:.2}", part.name(), part.expected(), part.most_usd()));
    }
    let minutes: u32 = parts.iter().map(|part| part.minutes()).sum();
    say_to(
        global,
        format!(
            "  Machines cost at most ${:.2} together and are ended at ${limit:.2}; it ends after {minutes} minutes at the latest, \
             usually after a third of that. What it makes is named {}…, and is removed at the end.",
            plan::most_usd(parts),
            plan::PREFIX
        ),
    );
}

pub fn say_to(global: &Global, text: String) {
    match global.json {
        true => Event::note(text.trim_start()).print(),
        false => say!("{text}"),
    }
}

/// Why nothing is done while another one lives.
pub fn lives(global: &Global, begun: &Begun, now_ms: u64, found: &[String]) -> Stop {
    let silent = now_ms.saturating_sub(begun.last_ms()) / 1000;
    let began = names::moment(begun.began_ms);
    let has =
        if found.is_empty() { "nothing is seen of it".to_owned() } else { format!("it has {}", found.join(", ")) };
    let what = format!("a smoke test that began {began} lives: its last sign came {silent} s ago; {has}");
    let force = global.command("smoke").word("--clean").word("--force");
    let secs = SILENCE_MS / 1000;
    let remedy = format!("let it end; if it was killed, try again {secs} s after its last sign; to end it: {force}");
    Stop::new(Code::Held, what).remedy(remedy)
}

pub fn remains(global: &Global, left: &[String]) -> Stop {
    let what = format!("what an earlier smoke test left is not gone yet: {}", left.join(", "));
    Stop::failed(what).remedy(format!("run it again: {}", global.command("smoke").word("--clean")))
}

pub fn cleaned(global: &Global) {
    match global.json {
        true => {
            let (ok, different, not_tried, usd) = (0, 0, 0, 0.0);
            Event::SmokeEnded { ok, different, not_tried, usd, left: Vec::new(), page: None }.print();
        }
        false => say!("✓ nothing of a smoke test is left"),
    }
}

pub fn end(global: &Global, page: &SmokePage, file: Option<&Path>) {
    let file = file.map(|file| file.display().to_string());
    if global.json {
        let of = |verdict| page.count(verdict);
        let (ok, different, not_tried) = (of(Verdict::Ok), of(Verdict::Different), of(Verdict::NotTried));
        return Event::SmokeEnded { ok, different, not_tried, usd: page.usd, left: page.left.clone(), page: file }
            .print();
    }
    say!("{}", page.summary());
    page.left.iter().for_each(|left| say!("  left: {left}"));
    if !page.left.is_empty() {
        say!("  Remove it: {}", global.command("smoke").word("--clean"));
    }
    file.iter().for_each(|file| say!("  Page   {file}"));
}

/// What could not be tried never counts as passed.
pub fn code(page: &SmokePage) -> Code {
    if page.count(Verdict::Different) > 0 || !page.left.is_empty() {
        return Code::ItemsFailed;
    }
    if page.count(Verdict::NotTried) > 0 { Code::Permission } else { Code::Done }
}

fn data(output: &Path) -> PathBuf {
    output.join("smoke.json")
}

/// The page as Markdown; what it is made of goes before it.
pub fn write(output: &Path, page: &SmokePage) -> Result<PathBuf, Stop> {
    let (data, file) = (data(output), output.join("smoke.md"));
    let json = serde_json::to_string_pretty(page).map_err(|e| Stop::failed(e.to_string()))?;
    std::fs::write(&data, json + "\n").map_err(io("write", &data))?;
    std::fs::write(&file, page.markdown()).map_err(io("write", &file))?;
    Ok(file)
}

/// Adds what only the reader of a mailbox can say to the page of the last smoke test.
pub fn mail_seen(global: &Global, args: &SmokeArgs, came: bool) -> Result<Code, Stop> {
    let data = data(&args.output);
    let text = std::fs::read_to_string(&data).map_err(io("read", &data))?;
    let invalid = |e: serde_json::Error| Stop::usage(format!("{} is no page of a smoke test: {e}", data.display()));
    let mut page: SmokePage = serde_json::from_str(&text).map_err(invalid)?;
    match page.facts.get_mut(&Part::Mail) {
        Some(Facts::Mail { seen, .. }) => *seen = Some(came),
        _ => {
            let what = format!("{} says nothing of a mail", data.display());
            return Err(
                Stop::usage(what).remedy(format!("try it: {}", global.command("smoke").word("--only").word("mail")))
            );
        }
    }
    let file = write(&args.output, &page)?;
    end(global, &page, Some(&file));
    Ok(code(&page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_exit_code_says_whether_all_was_seen_as_expected() {
        let page = |facts: Facts, left: &[&str]| SmokePage {
            v: 1,
            spotmill: String::new(),
            release: String::new(),
            worker: String::new(),
            region: String::new(),
            began_ms: 0,
            ended_ms: 0,
            usd: 0.0,
            facts: BTreeMap::from([(Part::Mail, facts)]),
            left: left.iter().map(|l| (*l).to_owned()).collect(),
        };
        let mail = |seen| Facts::Mail { failed: true, email: 1, confirmed: 1, seen };
        assert_eq!(code(&page(mail(Some(true)), &[])), Code::Done);
        assert_eq!(code(&page(mail(Some(true)), &["a fleet"])), Code::ItemsFailed);
        assert_eq!(code(&page(mail(Some(false)), &[])), Code::ItemsFailed);
        assert_eq!(code(&page(mail(None), &[])), Code::Permission);
    }
}
