//! The page of a smoke test: what was seen against what was expected, to be sent to whoever asks. It bears no account, no ARN,
//! no name of a stack or bucket and no address, unless it was asked to. Pure.

use super::judge::{Facts, Judged, Verdict, judge};
use super::plan::Part;
use crate::aws::names;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that the page says; `smoke.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmokePage {
    pub v: u32,
    /// Of this program, the release that the stack has, and the worker.
    pub spotmill: String,
    pub release: String,
    pub worker: String,
    pub region: String,
    pub began_ms: u64,
    pub ended_ms: u64,
    /// Machines cost at most this, as far as was seen.
    pub usd: f64,
    /// By part, in their order; what was not asked for is not there.
    pub facts: BTreeMap<Part, Facts>,
    /// What it made and could not remove.
    pub left: Vec<String>,
}

impl SmokePage {
    pub fn judged(&self) -> Vec<Judged> {
        self.facts.iter().map(|(part, facts)| judge(*part, facts)).collect()
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.judged().iter().filter(|one| one.verdict == verdict).count()
    }

    pub fn summary(&self) -> String {
        let of = |verdict| self.count(verdict);
        let left = if self.left.is_empty() { "nothing is left" } else { "something is left" };
        format!(
            "{} ok, {} different, {} could not be tried; at most ${:.2}; {left}",
            of(Verdict::Ok),
            of(Verdict::Different),
            of(Verdict::NotTried),
            self.usd
        )
    }

    /// Without what `redacted` replaces.
    pub fn without_names(mut self, named: &[(&str, &str)]) -> SmokePage {
        let edit = |text: &mut String| *text = redacted(text, named);
        [&mut self.release, &mut self.worker].into_iter().for_each(edit);
        self.left.iter_mut().for_each(edit);
        self.facts.values_mut().flat_map(Facts::texts).for_each(edit);
        self
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut page = format!(
            "# Smoke test\n\n{}\n\n| | |\n|---|---|\n| spotmill | {} |\n| release | {} |\n| worker | {} |\n| region | {} |\n| began | {} |\n| ended | {} |\n\n",
            self.summary(),
            cell(&self.spotmill),
            cell(&self.release),
            cell(&self.worker),
            cell(&self.region),
            names::moment(self.began_ms),
            names::moment(self.ended_ms)
        );
        page.push_str("| part | verdict | expected | seen |\n|---|---|---|---|\n");
        for one in self.judged() {
            let remedy = one.remedy.map(|remedy| format!(". To try it: {remedy}")).unwrap_or_default();
            page.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                one.part.name(),
                one.verdict.text(),
                cell(&one.expected),
                cell(&format!("{}{remedy}", one.seen))
            ));
        }
        if !self.left.is_empty() {
            page.push_str("\nLeft, to be removed by `smoke --clean`:\n\n");
            self.left.iter().for_each(|left| page.push_str(&format!("- {}\n", cell(left))));
        }
        page
    }
}

/// On one line of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The text without what names an account: ARNs, numbers of twelve digits, addresses, and the names that are given with the
/// word that stands for each.
pub fn redacted(text: &str, named: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    let mut named: Vec<&(&str, &str)> = named.iter().filter(|(name, _)| !name.is_empty()).collect();
    // The longest first: a bucket's name begins with the stack's.
    named.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    text = words(&text, |word| {
        if let Some(at) = word.find("arn:aws") {
            return Some(format!("{}ARN", &word[..at]));
        }
        let mail = word.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
        mail.then(|| "ADDRESS".to_owned())
    });
    for (name, word) in named {
        text = whole(&text, name, word);
    }
    without_accounts(&text)
}

/// Replaces what `edit` has another word for, between characters that end a word.
fn words(text: &str, edit: impl Fn(&str) -> Option<String>) -> String {
    let ends = |c: char| c.is_whitespace() || "\"'`,;()<>[]{}|\\".contains(c);
    text.split_inclusive(ends)
        .map(|part| {
            let end = part.chars().last().filter(|c| ends(*c));
            let word = end.map_or(part, |c| &part[..part.len() - c.len_utf8()]);
            match edit(word) {
                Some(new) => new + &end.map(String::from).unwrap_or_default(),
                None => part.to_owned(),
            }
        })
        .collect()
}

/// Replaces a name where it is not a part of a longer one.
fn whole(text: &str, name: &str, word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let joined =
            before.chars().last().or(out.chars().last()).is_some_and(plain) || after.chars().next().is_some_and(plain);
        out.push_str(before);
        out.push_str(if joined { name } else { word });
        rest = after;
    }
    out + rest
}

fn without_accounts(text: &str) -> String {
    let (mut out, mut digits) = (String::new(), String::new());
    let flush = |digits: &mut String, out: &mut String| {
        out.push_str(if digits.len() == 12 { "ACCOUNT" } else { digits });
        digits.clear();
    };
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        flush(&mut digits, &mut out);
        out.push(c);
    }
    flush(&mut digits, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::super::judge::RunSeen;
    use super::*;

    fn smoke() -> SmokePage {
        let blocked = Facts::Blocked { why: "no role | given".to_owned(), remedy: "give one".to_owned() };
        SmokePage {
            v: 1,
            spotmill: "0.1.0".to_owned(),
            release: "r".to_owned(),
            worker: "w".to_owned(),
            region: "eu-central-1".to_owned(),
            began_ms: 0,
            ended_ms: 60_000,
            usd: 0.034,
            facts: BTreeMap::from([(Part::Interruption, blocked)]),
            left: Vec::new(),
        }
    }

    #[test]
    fn the_page_has_a_line_a_part() {
        let page = smoke().markdown();
        assert!(page.contains("0 ok, 0 different, 1 could not be tried; at most $0.03; nothing is left"), "{page}");
        assert!(page.contains("| interruption | could not be tried | a machine is taken away"), "{page}");
        assert!(page.contains("no role \\| given. To try it: give one |\n"), "{page}");
        let left = SmokePage { left: vec!["a fleet".to_owned()], ..smoke() }.markdown();
        assert!(left.contains("something is left") && left.contains("- a fleet\n"), "{left}");
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let text = serde_json::to_string(&smoke()).unwrap();
        assert!(text.contains(r#""interruption":{"kind":"blocked""#), "{text}");
        assert_eq!(serde_json::from_str::<SmokePage>(&text).unwrap(), smoke());
    }

    #[test]
    fn no_text_of_the_page_keeps_a_name() {
        let run = RunSeen {
            status: "FAILED".to_owned(),
            error: "run".to_owned(),
            cause: "of run".to_owned(),
            ..RunSeen::default()
        };
        let twice = Facts::Twice { first: run.clone(), second: run.clone(), kept: true, new_receipts: 0 };
        let blocked = Facts::Blocked { why: "run".to_owned(), remedy: "run it".to_owned() };
        let facts = BTreeMap::from([(Part::X86, Facts::Run { run }), (Part::Redrive, twice), (Part::Mail, blocked)]);
        let page = SmokePage { facts, release: "run/1".to_owned(), left: vec!["fleet run".to_owned()], ..smoke() };
        // A stack named as a word of ours.
        let text = serde_json::to_string(&page.without_names(&[("run", "STACK")])).unwrap();
        assert_eq!(text.matches("STACK").count(), 10, "{text}");
        assert!(serde_json::from_str::<SmokePage>(&text).is_ok(), "{text}");
    }

    #[test]
    fn strangers_learn_no_names() {
        let named = [("acme", "STACK"), ("acme-123456789012-eu-central-1", "BUCKET"), ("", "NOTHING")];
        for (text, expected) in [
            ("s3://acme-123456789012-eu-central-1/runs", "s3://BUCKET/runs"),
            ("role arn:aws:iam::123456789012:role/acme-Fleet, denied", "role ARN, denied"),
            ("\"arn:aws-cn:states:x\"", "\"ARN\""),
            ("account 123456789012.", "account ACCOUNT."),
            ("1234567890123 rows, 12 s", "1234567890123 rows, 12 s"),
            ("to ops@acme.example: no", "to ADDRESS no"),
            ("stack acme, not acmeology", "stack STACK, not acmeology"),
            ("spotmill --stack acme start", "spotmill --stack STACK start"),
        ] {
            assert_eq!(redacted(text, &named), expected);
        }
    }
}
