//! How a child ended, named for whoever must react: exit code, signal, time-out, memory, bad outcome file. A table
//! of what was seen, in the order of what it proves.

use super::Why;
use spotmill_core::format::bytes_of;
use spotmill_core::item::{FailureClass, ItemFailure, ItemOutcome, ItemReport, Usage};

/// How the system reported the end of the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It could not be started.
    NotStarted(String),
    Code(i32),
    /// `oom`: the kernel killed something for want of memory while it ran.
    Signal {
        number: i32,
        oom: bool,
    },
}

/// What the child left where its outcome belongs.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Absent,
    Unreadable(String),
    There(Box<ItemOutcome>),
}

/// An attempt that is not to be committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    pub class: FailureClass,
    pub message: String,
    pub remedy: Option<String>,
    pub file: Option<String>,
    /// `exit code 101`, `signal 9`, `time-out after 600 s`, `memory 2.1 GiB over 2.0 GiB`.
    pub ended: String,
    pub usage: Usage,
}

impl Ending {
    pub fn new(class: FailureClass, message: impl Into<String>, ended: impl Into<String>) -> Ending {
        let usage = Usage::default();
        Ending { class, message: message.into(), remedy: None, file: None, ended: ended.into(), usage }
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Ending {
        self.remedy = Some(remedy.into());
        self
    }

    pub fn lost(why: &str) -> Ending {
        Ending::new(FailureClass::Lost, why, why)
    }
}

/// What was observed besides the exit.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// We signalled it for this reason.
    pub why: Option<Why>,
    pub wall_ms: u64,
    pub peak_bytes: u64,
    pub limit_bytes: u64,
    pub timeout_ms: u64,
    /// Another child ran beside it for a while.
    pub shared: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Commit(Box<ItemReport>),
    Settle(Ending),
    /// A signal that the supervisor did not send: a crash unless a notice explains it.
    Unexplained(Ending),
}

pub fn classify(seen: Seen, exit: Exit, outcome: Outcome) -> Verdict {
    let verdict = judge(&seen, exit, outcome);
    let usage = |mut e: Ending| {
        e.usage = Usage { wall_ms: seen.wall_ms, peak_bytes: seen.peak_bytes, cpu_ms: 0 };
        e
    };
    match verdict {
        Verdict::Commit(mut report) => {
            report.usage.wall_ms = report.usage.wall_ms.max(seen.wall_ms);
            report.usage.peak_bytes = report.usage.peak_bytes.max(seen.peak_bytes);
            Verdict::Commit(report)
        }
        Verdict::Settle(ending) => Verdict::Settle(usage(ending)),
        Verdict::Unexplained(ending) => Verdict::Unexplained(usage(ending)),
    }
}

fn judge(seen: &Seen, exit: Exit, outcome: Outcome) -> Verdict {
    // Work that was finished is kept, even if our signal was already on its way.
    let code = match exit {
        Exit::NotStarted(why) => {
            let message = format!("the worker could not be started: {why}");
            return Verdict::Settle(Ending::new(FailureClass::Infra, message, "not started"));
        }
        Exit::Code(0) => match outcome {
            Outcome::There(outcome) => match *outcome {
                ItemOutcome::Done(report) => return Verdict::Commit(Box::new(report)),
                ItemOutcome::Failed(failure) => return Verdict::Settle(reported(seen, failure, "exit code 0")),
            },
            other if seen.why.is_none() => return Verdict::Settle(bad_outcome(&other)),
            _ => Some(0),
        },
        Exit::Code(code) => match outcome {
            Outcome::There(outcome) if seen.why.is_none() => match *outcome {
                ItemOutcome::Failed(failure) => {
                    return Verdict::Settle(reported(seen, failure, &format!("exit code {code}")));
                }
                ItemOutcome::Done(_) => Some(code),
            },
            _ => Some(code),
        },
        Exit::Signal { .. } => None,
    };
    if let Some(why) = seen.why {
        return Verdict::Settle(ours(seen, why));
    }
    match (code, exit) {
        (None, Exit::Signal { number: 9, oom: true }) => Verdict::Settle(killed_by_kernel(seen)),
        (None, Exit::Signal { number, .. }) => {
            let ended = format!("signal {number}{}", name(number));
            Verdict::Unexplained(Ending::new(FailureClass::Crash, format!("the worker was ended by {ended}"), ended))
        }
        (code, _) => {
            let code = code.unwrap_or_default();
            let ended = format!("exit code {code}");
            // 128 and the number, as shells and signal handlers report it.
            if [130, 137, 143].contains(&code) {
                let signal = format!("signal {}{}", code - 128, name(code - 128));
                let message = format!("the worker ended with {ended}, which says {signal}");
                return Verdict::Unexplained(Ending::new(FailureClass::Crash, message, ended));
            }
            let message = format!("the worker ended with {ended} and left no word why; its last lines are in the log");
            Verdict::Settle(Ending::new(FailureClass::Crash, message, ended))
        }
    }
}

fn ours(seen: &Seen, why: Why) -> Ending {
    match why {
        Why::Timeout => {
            let ended = format!("time-out after {} s", seen.timeout_ms.div_ceil(1_000));
            Ending::new(FailureClass::Timeout, format!("no end in sight: {ended}"), ended)
                .remedy("raise `timeout` of the step, or make its items smaller")
        }
        Why::Memory => {
            let ended = format!("memory {} over {}", bytes_of(seen.peak_bytes), bytes_of(seen.limit_bytes));
            out_of_memory(
                format!("out of memory: peak {}, limit {}", bytes_of(seen.peak_bytes), bytes_of(seen.limit_bytes)),
                ended,
            )
        }
        Why::Lost => Ending::lost("the machine goes away, or the run was stopped"),
    }
}

/// Well within its limit and not isolated, it was the victim of a neighbour: that is no evidence against the item.
fn killed_by_kernel(seen: &Seen) -> Ending {
    let peak = bytes_of(seen.peak_bytes);
    let had = format!("the machine had none left when the worker held {peak} of its {}", bytes_of(seen.limit_bytes));
    let ended = format!("killed by the kernel for want of memory at {peak}");
    if seen.shared && seen.peak_bytes / 9 < seen.limit_bytes / 10 {
        return Ending::new(FailureClass::Infra, format!("memory went to its neighbours: {had}"), ended);
    }
    out_of_memory(format!("out of memory: {had}"), ended)
}

fn out_of_memory(message: String, ended: String) -> Ending {
    Ending::new(FailureClass::Memory, message, ended)
        .remedy("raise `max_memory` of the step, or make its items or partitions smaller")
}

fn bad_outcome(outcome: &Outcome) -> Ending {
    let what = match outcome {
        Outcome::Unreadable(why) => format!("an outcome that cannot be read ({why})"),
        _ => "no outcome".to_owned(),
    };
    Ending::new(FailureClass::Crash, format!("the worker ended with exit code 0 and left {what}"), "bad outcome file")
}

/// The failure that the child itself reported.
fn reported(seen: &Seen, failure: ItemFailure, ended: &str) -> Ending {
    match seen.why {
        Some(why) => ours(seen, why),
        None => Ending {
            class: failure.class,
            message: failure.message,
            remedy: failure.remedy,
            file: failure.file,
            ended: ended.to_owned(),
            usage: Usage::default(),
        },
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        4 => " (illegal instruction)",
        6 => " (abort)",
        7 => " (bus error)",
        9 => " (kill)",
        11 => " (segmentation fault)",
        15 => " (terminate)",
        _ => "",
    }
}
