//! What was seen of a part against what was expected. Pure: facts in, a verdict out. What could not be tried never counts as
//! good, and bears the reason and the way to try it.

use super::plan::Part;
use serde::{Deserialize, Serialize};
use spotmill_core::calls::errors;
use spotmill_core::format::count;
use std::collections::BTreeSet;

/// A run as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSeen {
    /// `SUCCEEDED`, `FAILED`, …; `ENDED BY US` past its time or the limit of dollars.
    pub status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    pub seconds: u64,
    pub items: u32,
    pub committed: u32,
    /// All machines it ever had, and of them those on demand.
    pub machines: u32,
    pub on_demand: u32,
    /// Of the machines, as EC2 says: `x86_64`, `arm64`.
    pub architectures: BTreeSet<String>,
    /// Most that worked at once.
    pub at_once: u32,
    /// Machines that ended while others worked on.
    pub ended_early: u32,
    /// Machines that heard that they will be taken away, and those of which EC2 reported it.
    pub noticed: u32,
    pub reported: u32,
    /// Tries at items that count as failed: handing one back does not.
    pub failed_tries: u32,
    /// From the start of the first machine's kernel to its first item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_to_item_secs: Option<u64>,
}

impl RunSeen {
    fn succeeded(&self) -> bool {
        self.status == "SUCCEEDED" && self.committed == self.items && self.items > 0
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} after {} s, {} of {}, {}",
            self.status,
            self.seconds,
            self.committed,
            count(u64::from(self.items), "item"),
            count(u64::from(self.machines), "machine")
        );
        if !self.architectures.is_empty() {
            let all: Vec<&str> = self.architectures.iter().map(String::as_str).collect();
            text.push_str(&format!(" ({})", all.join(", ")));
        }
        if self.on_demand > 0 {
            text.push_str(&format!(", {} of them on demand", self.on_demand));
        }
        if let Some(secs) = self.boot_to_item_secs {
            text.push_str(&format!(", first item {secs} s after boot"));
        }
        if !self.error.is_empty() {
            text.push_str(&format!("; {}: {}", self.error, self.cause.lines().next().unwrap_or_default()));
        }
        text
    }
}

/// What a part found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Facts {
    /// It could not be tried.
    Blocked {
        why: String,
        remedy: String,
    },
    Run {
        run: RunSeen,
    },
    /// Two executions of one run; `kept`: every receipt of the first is as it was after the second.
    Twice {
        first: RunSeen,
        second: RunSeen,
        kept: bool,
        new_receipts: u32,
    },
    /// `failed`: a run failed, so that there is something to tell. `seen`: as the user says.
    Mail {
        failed: bool,
        email: u32,
        confirmed: u32,
        seen: Option<bool>,
    },
}

impl Facts {
    /// What others said, in their words.
    pub fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Facts::Blocked { why, remedy } => vec![why, remedy],
            Facts::Run { run } => vec![&mut run.error, &mut run.cause],
            Facts::Twice { first, second, .. } => {
                vec![&mut first.error, &mut first.cause, &mut second.error, &mut second.cause]
            }
            Facts::Mail { .. } => Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Different,
    NotTried,
}

impl Verdict {
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Different => "different",
            Verdict::NotTried => "could not be tried",
        }
    }
}

/// A line of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub part: Part,
    pub expected: String,
    pub seen: String,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

pub fn judge(part: Part, facts: &Facts) -> Judged {
    let (verdict, seen, remedy) = match facts {
        Facts::Blocked { why, remedy } => (Verdict::NotTried, why.clone(), Some(remedy.clone())),
        Facts::Run { run } => of_run(part, run),
        Facts::Twice { first, second, kept, new_receipts } => twice(part, first, second, *kept, *new_receipts),
        Facts::Mail { failed, email, confirmed, seen } => mail(*failed, *email, *confirmed, *seen),
    };
    Judged { part, expected: part.expected().to_owned(), seen, verdict, remedy }
}

type Found = (Verdict, String, Option<String>);

fn plain(is_good: bool, seen: String) -> Found {
    (if is_good { Verdict::Ok } else { Verdict::Different }, seen, None)
}

fn of_run(part: Part, run: &RunSeen) -> Found {
    let only =
        |architecture: &str| run.architectures.iter().all(|a| a == architecture) && !run.architectures.is_empty();
    let text = run.text();
    match part {
        // Without a spare machine nothing is proved against the product.
        Part::X86 | Part::Arm | Part::Shrink | Part::Interruption if run.error == errors::NO_CAPACITY => {
            let remedy = "try again later, or in another region; `doctor` tells the quota of spot vCPUs";
            (Verdict::NotTried, text, Some(remedy.to_owned()))
        }
        Part::X86 => plain(run.succeeded() && run.on_demand == 0 && only("x86_64"), text),
        Part::Arm => plain(run.succeeded() && run.on_demand == 0 && only("arm64"), text),
        Part::OnDemand => plain(run.succeeded() && run.on_demand > 0, text),
        Part::Shrink => shrink(run, text),
        Part::Interruption => interruption(run, text),
        Part::Restart | Part::Redrive | Part::Mail => plain(false, text),
    }
}

fn shrink(run: &RunSeen, text: String) -> Found {
    if run.succeeded() && run.at_once < 2 {
        let remedy =
            "raise the quota of spot vCPUs to 12 (`doctor` has the command), then try this part: --only shrink";
        return (
            Verdict::NotTried,
            format!("{text}; one machine at a time, so there was none to end"),
            Some(remedy.to_owned()),
        );
    }
    let seen = format!("{text}; {} at once, {} ended before the run", run.at_once, run.ended_early);
    plain(run.succeeded() && run.ended_early > 0, seen)
}

fn interruption(run: &RunSeen, text: String) -> Found {
    let seen = format!(
        "{text}; {} noticed by the machine, {} reported by EC2, {} tries count as failed",
        run.noticed, run.reported, run.failed_tries
    );
    if run.succeeded() && run.noticed == 0 && run.reported == 0 {
        let remedy = "the run ended before the notice came: try this part again, --only interruption";
        return (Verdict::NotTried, seen, Some(remedy.to_owned()));
    }
    plain(run.succeeded() && run.failed_tries == 0 && run.noticed > 0, seen)
}

fn twice(part: Part, first: &RunSeen, second: &RunSeen, kept: bool, new_receipts: u32) -> Found {
    let new = second.machines.saturating_sub(first.machines);
    let receipts = if kept { "receipts kept" } else { "receipts changed" };
    let seen = format!(
        "first {}; then {}; {receipts}, {new_receipts} new, {} more",
        first.text(),
        second.text(),
        count(u64::from(new), "machine")
    );
    let is_good = match part {
        Part::Restart => second.succeeded() && kept && new_receipts == 0 && new == 0,
        Part::Redrive => {
            first.status == "FAILED"
                && first.error == errors::ITEMS_FAILED
                && second.succeeded()
                && kept
                && new_receipts > 0
        }
        _ => false,
    };
    plain(is_good, seen)
}

fn mail(failed: bool, email: u32, confirmed: u32, seen: Option<bool>) -> Found {
    let blocked = |why: String, remedy: &str| (Verdict::NotTried, why, Some(remedy.to_owned()));
    match (failed, email, confirmed, seen) {
        (false, ..) => blocked("no run failed, so there is nothing to tell".to_owned(), "see `redrive`"),
        (_, 0, _, _) => blocked(
            "nobody gets mails".to_owned(),
            "deploy with --set NotifyEmail=you@example.com, and confirm the mail that AWS sends",
        ),
        (_, of, 0, _) => (
            Verdict::Different,
            format!("{of} by mail, none confirmed"),
            Some("follow the link in the mail that AWS sent, then try this part again: --only mail".to_owned()),
        ),
        (_, _, of, None) => blocked(
            format!("{of} by mail, confirmed; only you see the mailbox"),
            "look into the mailbox, and say what is there: --mail-seen yes (or no)",
        ),
        (_, _, of, Some(true)) => plain(true, format!("{of} by mail, confirmed; the mail came")),
        (_, _, of, Some(false)) => plain(false, format!("{of} by mail, confirmed; no mail came")),
    }
}
