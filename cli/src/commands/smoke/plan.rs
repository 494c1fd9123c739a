//! What a smoke test consists of: its parts in their order, what each needs and expects, and what it costs at most. Pure.

use serde::{Deserialize, Serialize};
use spotmill_core::bounds::USD_PER_VCPU_HOUR;

/// What the names of all pipelines of a smoke test begin with, and its folders under `input/` and `output/`. Nothing else may
/// have such a name: all of it is removed.
pub use spotmill_core::keys::SMOKE_PIPELINES as PREFIX;
pub const FOLDER: &str = "spotmill_smoke";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    #[serde(rename = "x86_64")]
    X86,
    #[serde(rename = "aarch64")]
    Arm,
    Restart,
    Redrive,
    OnDemand,
    Shrink,
    Interruption,
    Mail,
}

impl Part {
    pub const ALL: [Part; 8] = [
        Part::X86,
        Part::Arm,
        Part::Restart,
        Part::Redrive,
        Part::OnDemand,
        Part::Shrink,
        Part::Interruption,
        Part::Mail,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Part::X86 => "x86_64",
            Part::Arm => "aarch64",
            Part::Restart => "restart",
            Part::Redrive => "redrive",
            Part::OnDemand => "on-demand",
            Part::Shrink => "shrink",
            Part::Interruption => "interruption",
            Part::Mail => "mail",
        }
    }

    /// Its pipeline's name; nothing of a part that uses another's run.
    pub fn pipeline(self) -> Option<String> {
        match self {
            Part::Restart | Part::Mail => None,
            own => Some(format!("{PREFIX}{}", own.name().replace('-', "_"))),
        }
    }

    /// What must have been tried before: without it there is nothing to restart, to be told of, or to measure by.
    pub fn needs(self) -> &'static [Part] {
        match self {
            Part::X86 | Part::Arm | Part::Redrive | Part::OnDemand => &[],
            Part::Restart | Part::Shrink | Part::Interruption => &[Part::X86, Part::Arm],
            Part::Mail => &[Part::Redrive],
        }
    }

    pub fn expected(self) -> &'static str {
        match self {
            Part::X86 => "one item succeeds on a spot machine with an x86_64 processor",
            Part::Arm => "one item succeeds on a spot machine with an aarch64 processor",
            Part::Restart => {
                "a second execution with the same input succeeds, without a machine and without a new receipt"
            }
            Part::Redrive => {
                "a run with a bad file fails by name; once the file is mended a redrive succeeds and keeps what was done"
            }
            Part::OnDemand => "where no spot pool is cheap enough, a machine comes on demand and the item succeeds",
            Part::Shrink => "with one item left, machines that have nothing to do end before the run does",
            Part::Interruption => {
                "a machine is taken away after a notice; its items are done elsewhere and none counts as failed"
            }
            Part::Mail => "a mail says that the run of `redrive` failed",
        }
    }

    /// vCPUs that its machines have at most, together.
    pub fn vcpus(self) -> u32 {
        match self {
            Part::Restart | Part::Mail => 0,
            Part::X86 | Part::Arm | Part::Redrive | Part::OnDemand | Part::Interruption => 4,
            Part::Shrink => 12,
        }
    }

    /// Minutes after which its run is ended.
    pub fn minutes(self) -> u32 {
        match self {
            Part::X86 | Part::Arm | Part::Redrive => 15,
            Part::Shrink => 12,
            Part::OnDemand => 25,
            Part::Interruption => 20,
            Part::Restart => 5,
            Part::Mail => 0,
        }
    }

    /// Dollars that its machines cost at most: all of them, all the time, at a price that no machine passes.
    pub fn most_usd(self) -> f64 {
        f64::from(self.vcpus()) * f64::from(self.minutes()) / 60.0 * USD_PER_VCPU_HOUR
    }
}

/// Those that were named with what they need, in their order; the error names what is none.
pub fn chosen(named: &[String]) -> Result<Vec<Part>, String> {
    if named.is_empty() {
        return Ok(Part::ALL.to_vec());
    }
    let mut all = Vec::new();
    for name in named {
        let Some(part) = Part::ALL.into_iter().find(|part| part.name() == name) else {
            let names = Part::ALL.map(Part::name).join(", ");
            return Err(format!("`{name}` is no part of a smoke test; there are {names}"));
        };
        all.extend(part.needs());
        all.push(part);
    }
    Ok(Part::ALL.into_iter().filter(|part| all.contains(part)).collect())
}

pub fn most_usd(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.most_usd()).sum()
}

/// Why a part may not begin; `spent`: by the parts before it.
pub fn over(part: Part, spent: f64, limit: f64) -> Option<String> {
    let most = part.most_usd();
    (spent + most > limit)
        .then(|| format!("${spent:.2} are spent, it may cost ${most:.2}, and the limit is ${limit:.2}"))
}

/// Rows of an item that is to take so long, by what a row was measured to take. Bounded: a measurement may be odd.
pub fn rows(secs: u64, row_ms: f64) -> usize {
    let rows = secs as f64 * 1000.0 / row_ms.clamp(1.0, 5_000.0);
    (rows as usize).clamp(1, 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_cost_less_than_a_dollar() {
        assert!(most_usd(&Part::ALL) < 1.0, "{}", most_usd(&Part::ALL));
    }

    #[test]
    fn parts_bring_along_what_they_build_on() {
        let of = |names: &[&str]| chosen(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]).unwrap(), Part::ALL);
        assert_eq!(of(&["mail"]).unwrap(), [Part::Redrive, Part::Mail]);
        assert_eq!(of(&["shrink", "x86_64"]).unwrap(), [Part::X86, Part::Arm, Part::Shrink]);
        assert!(of(&["lunch"]).unwrap_err().contains("there are x86_64, aarch64"));
    }

    #[test]
    fn nothing_begins_that_could_pass_the_limit() {
        assert_eq!(over(Part::X86, 0.0, 2.0), None);
        assert!(over(Part::X86, 1.95, 2.0).unwrap().contains("the limit is $2.00"));
        assert_eq!(over(Part::Restart, 2.0, 2.0), None, "it has no machine");
    }

    #[test]
    fn items_are_as_long_as_was_measured() {
        assert_eq!(rows(30, 30.0), 1_000);
        assert_eq!((rows(30, 0.0), rows(30, f64::INFINITY), rows(3_000, 1.0)), (30_000, 6, 60_000));
    }
}
