//! What machines reported of the tries at items that they made, from their consoles: independent of what the workers
//! wrote down about themselves.

use super::*;
use spotmill_local_ec2::InstanceView;

/// One try at an item, from its child's start to its last word, or to the end of its machine.
#[derive(Clone, Debug)]
pub struct Try {
    pub item: u64,
    pub machine: String,
    pub began_ms: u64,
    pub ended_ms: Option<u64>,
    /// `done`, `handed back`, `failed`; none if nothing was heard of its end.
    pub end: Option<String>,
}

impl Try {
    pub fn is_done(&self) -> bool {
        self.end.as_deref() == Some("done")
    }

    pub fn ms(&self) -> u64 {
        self.ended_ms.unwrap_or(self.began_ms).saturating_sub(self.began_ms)
    }
}

/// Of the machines that are not among the `old`.
pub fn tries(aws: &LocalAws, old: &BTreeSet<String>) -> Vec<Try> {
    let seen = aws.ec2.snapshot();
    seen.instances.iter().filter(|i| !old.contains(&i.id)).flat_map(of_machine).collect()
}

fn of_machine(machine: &InstanceView) -> Vec<Try> {
    let console = std::fs::read_to_string(machine.dir.join("console.log")).unwrap_or_default();
    let mut tries: Vec<(String, Try)> = Vec::new();
    for line in console.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (Some(attempt), Some(item)) = (line["attempt"].as_str(), line["item"].as_u64()) else { continue };
        let at_ms = instant_ms(line["timestamp"].as_str().expect("a line has its time"));
        let what = line["message"].as_str().unwrap_or_default();
        if what == "started" {
            let new = Try { item, machine: machine.id.clone(), began_ms: at_ms, ended_ms: machine.ended_ms, end: None };
            tries.push((attempt.to_owned(), new));
        } else if let Some((_, begun)) = tries.iter_mut().find(|(of, _)| of == attempt) {
            begun.ended_ms = Some(at_ms);
            begun.end = Some(what.to_owned());
        }
    }
    tries.into_iter().map(|(_, one)| one).collect()
}

fn instant_ms(text: &str) -> u64 {
    let instant: jiff::Timestamp = text.parse().expect("RFC 3339");
    u64::try_from(instant.as_millisecond()).expect("after 1970")
}
