//! A range of dates: which of its keys are run, by how each stands (`--pick`), how many at once (`--parallel`), and what
//! they come to.

use crate::args::{Pick, RangeArgs};
use crate::event::{Event, RunEnded};
use crate::exit::{Code, Stop};
use crate::lease;
use crate::standing::Standing;
use crate::ui::format::bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use spotmill_core::calls::RunInput;
use spotmill_core::command::Command;
use spotmill_core::model::{LeastBytes, Step};
use spotmill_core::records::{DeployedWorker, Foreseen, RunOutcome};
use spotmill_lambdas::preview::{StepPreview, Work, preview};
use spotmill_lambdas::{Ctx, Program};
use spotmill_supervisor::config::{Machine, Share};
use std::collections::BTreeSet;

/// A key of a range, and what a start of it would run.
pub type Key = (RunInput, Program);

/// The keys that `pick` takes; without any, all. `frozen` and `worker` are what a start would run.
pub async fn picked(
    ctx: &Ctx,
    pick: &[Pick],
    (frozen, worker): (&[u8], &DeployedWorker),
    keys: Vec<Key>,
) -> Result<Vec<Key>, Stop> {
    if pick.is_empty() {
        return Ok(keys);
    }
    let mut taken = Vec::new();
    for (input, program) in keys {
        let lease = lease::read(&*ctx.store, &ctx.root, &program.run_id()).await?;
        let outcome = lease.map(|lease| lease.outcome);
        let finished = outcome.flatten().is_some_and(RunOutcome::is_complete);
        let redone = finished && pick.contains(&Pick::Stale) && {
            let steps = preview(ctx, frozen, worker, &input, &Foreseen::default()).await.map_err(Stop::from)?;
            redoes(&steps)
        };
        if takes(pick, Standing::of(outcome, redone)) {
            taken.push((input, program));
        }
    }
    Ok(taken)
}

/// Whether a start would do more than find every step complete.
pub fn redoes(steps: &[StepPreview]) -> bool {
    steps.iter().any(|step| !matches!(step.work, Work::Complete { .. }))
}

/// Whether a key that stands so is taken; without any pick, each is.
pub fn takes(pick: &[Pick], standing: Standing) -> bool {
    pick.is_empty() || pick.iter().any(|pick| pick.standing() == standing)
}

/// As they are typed.
fn names(pick: &[Pick]) -> Vec<&'static str> {
    pick.iter().map(|pick| pick.standing().name()).collect()
}

/// The command that goes on with a range that was interrupted: the dates that were under way count as failed now.
pub fn again(command: Command, range: &RangeArgs) -> Command {
    let mut picked = range.pick.clone();
    if !picked.is_empty() && !picked.contains(&Pick::Failed) {
        picked.push(Pick::Failed);
    }
    let options = [
        ("--pick", Some(names(&picked).join(",")).filter(|names| !names.is_empty())),
        ("--parallel", range.parallel.map(|parallel| parallel.to_string())),
        ("--max-failed", range.max_failed.map(|most| most.to_string())),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.fold(command, |command, (name, value)| command.option(name, &value))
}

/// Says that no key was taken.
pub fn none(json: bool, pick: &[Pick]) -> Code {
    let message = format!("nothing to do: no date is {}", names(pick).join(" or "));
    match json {
        true => Event::note(message).print(),
        false => say!("✓ {message}"),
    }
    Code::Done
}

/// The keys that have ended.
#[derive(Default)]
pub struct Sum {
    all: Vec<One>,
}

struct One {
    code: Code,
    /// None of a key that was refused, or whose run goes on elsewhere.
    ended: Option<RunEnded>,
    refused: bool,
}

/// Runs the keys, so many at once and in their order, until one was interrupted or `max_failed` have failed. An error that
/// `is_of_all` says is of every key ends the command.
pub async fn all<'k, F>(
    keys: Vec<&'k Key>,
    parallel: u32,
    max_failed: Option<u32>,
    is_of_all: impl Fn(Code) -> bool,
    run: impl Fn(&'k Key) -> F,
) -> Result<Sum, Stop>
where
    F: Future<Output = Result<(Code, Option<RunEnded>), Stop>>,
{
    let (mut sum, mut waiting, mut under_way) = (Sum::default(), keys.into_iter(), FuturesUnordered::new());
    loop {
        while sum.goes_on(max_failed)
            && under_way.len() < parallel as usize
            && let Some(key) = waiting.next()
        {
            under_way.push(run(key));
        }
        match under_way.next().await {
            None => return Ok(sum),
            Some(Err(stop)) if is_of_all(stop.code) => return Err(stop),
            Some(ended) => sum.add(ended),
        }
    }
}

impl Sum {
    fn add(&mut self, ended: Result<(Code, Option<RunEnded>), Stop>) {
        self.all.push(match ended {
            Ok((code, ended)) => One { code, ended, refused: false },
            Err(stop) => {
                warn_of!("{stop}");
                One { code: stop.code, ended: None, refused: true }
            }
        });
    }

    pub fn add_all(&mut self, other: Sum) {
        self.all.extend(other.all);
    }

    pub fn goes_on(&self, max_failed: Option<u32>) -> bool {
        let is_failed = |one: &&One| one.refused || one.ended.as_ref().is_some_and(|run| run.outcome == "failed");
        let failed = self.all.iter().filter(is_failed).count();
        self.worst() != Code::Interrupted && max_failed.is_none_or(|most| failed < most as usize)
    }

    /// Takes out the runs that wait for their input; their names.
    pub fn without_waiting(&mut self) -> BTreeSet<String> {
        let waits = |one: &mut One| one.ended.as_ref().is_some_and(|run| run.outcome == "waiting");
        self.all.extract_if(.., waits).filter_map(|one| one.ended.map(|run| run.run)).collect()
    }

    pub fn worst(&self) -> Code {
        self.all.iter().fold(Code::Done, |worst, one| worse(worst, one.code))
    }

    /// In the order of their names: dates at once end in any order.
    pub fn ended(&self) -> Vec<RunEnded> {
        let mut ended: Vec<RunEnded> = self.all.iter().filter_map(|one| one.ended.clone()).collect();
        ended.sort_by(|a, b| a.run.cmp(&b.run));
        ended
    }
}

/// An interruption is worse than a failure, a failure than an input that is not there, and the first failure's code stays.
fn worse(a: Code, b: Code) -> Code {
    match (a, b) {
        (Code::Interrupted, _) | (_, Code::Interrupted) => Code::Interrupted,
        (Code::Done | Code::InputNotThere, other) if other != Code::Done => other,
        (one, _) => one,
    }
}

/// How many of so many keys run at once on this machine unless somebody says: one for each slot that the step with the largest
/// items has there. Short dates leave no processor without work, and each date has room for an item.
pub fn at_once(machine: Machine, keys: usize, shares: impl Iterator<Item = Share>) -> u32 {
    let slots = shares.map(|share| share.slots(machine)).min().unwrap_or(1);
    slots.min(u32::try_from(keys).unwrap_or(u32::MAX)).max(1)
}

/// Does what comes of a key depend on those that ended before it? A wait that compares with the last runs does, and so may a
/// command that hears of each publication.
pub fn has_order(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        let least = step.input.wait_for.as_ref().and_then(|wait| wait.bytes.as_ref());
        matches!(least, Some(LeastBytes::OfMedian { .. })) || step.output.after_publish.is_some()
    })
}

/// The part of the machine that each of so many dates gets. Refused where `largest`, the step with the largest items and
/// their memory, fits the machine and not such a part.
pub fn part(machine: Machine, parallel: u32, largest: (&str, u64)) -> Result<Machine, Stop> {
    let vcpus = (machine.vcpus / parallel).max(1);
    let part = Machine { vcpus, memory_bytes: machine.memory_bytes / u64::from(parallel) };
    let (step, needs) = largest;
    if parallel == 1 || needs <= part.memory_bytes {
        return Ok(part);
    }
    let (needed, has) = (bytes(needs), bytes(part.memory_bytes));
    let what =
        format!("--parallel {parallel}: an item of `{step}` needs {needed}, and each date has {has} of this machine");
    Err(Stop::usage(what).remedy(format!("say at most --parallel {}", (machine.memory_bytes / needs).max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::command::Caller;

    fn ended(outcome: &str) -> RunEnded {
        RunEnded { outcome: outcome.to_owned(), ..RunEnded::default() }
    }

    #[test]
    fn dates_at_once_share_the_machine_and_each_has_room_for_an_item() {
        let machine = Machine { vcpus: 8, memory_bytes: 16 << 30 };
        let of = |parallel, needs: u64| part(machine, parallel, ("load", needs << 30));
        assert_eq!(of(1, 64).ok(), Some(machine), "one date has the machine, however small it is");
        assert_eq!(of(4, 4).ok(), Some(Machine { vcpus: 2, memory_bytes: 4 << 30 }));
        assert_eq!(of(16, 1).ok().map(|part| part.vcpus), Some(1));
        let refused = of(4, 5).expect_err("no room");
        assert_eq!(refused.remedy.as_deref(), Some("say at most --parallel 3"));
        assert!(refused.message.contains("`load` needs 5.0 GiB, and each date has 4.0 GiB"), "{}", refused.message);
    }

    #[test]
    fn so_many_dates_run_at_once_as_there_are_slots_for_the_largest_items() {
        let machine = Machine { vcpus: 8, memory_bytes: 16 << 30 };
        let share = |(vcpus, gib): &(u32, u64)| Share {
            vcpus_per_item: *vcpus,
            memory_bytes_per_item: gib << 30,
            max_slots: u32::MAX,
        };
        let of = |keys, needs: &[(u32, u64)]| at_once(machine, keys, needs.iter().map(share));
        assert_eq!(of(31, &[(1, 1), (2, 2)]), 4, "two processors an item");
        assert_eq!(of(31, &[(1, 1), (1, 5)]), 3, "memory for three");
        assert_eq!((of(2, &[(1, 1)]), of(1, &[(1, 1)])), (2, 1), "no more than there are");
        assert_eq!((of(31, &[(16, 1)]), of(31, &[(1, 64)]), of(31, &[])), (1, 1, 1), "an item larger than the machine");
    }

    #[test]
    fn dates_have_an_order_where_a_wait_or_a_command_knows_the_ones_before() {
        let of = |wait: &str, output: &str| {
            let toml = format!(
                "format = 1\n[pipeline]\nname = \"p\"\n[params]\ndate = {{ type = \"date\" }}\n[[step]]\nname = \"a\"\n\
                 sql = \"SELECT * FROM input\"\n[step.input]\npath = \"in/{{date}}/*.csv\"\n{wait}\n[step.output]\n\
                 destination = \"out/{{date}}\"\n{output}\n"
            );
            let sources = spotmill_spec::Sources {
                path: "pipeline.toml".into(),
                toml,
                sql_files: std::collections::BTreeMap::new(),
            };
            has_order(&spotmill_spec::parse(&sources).expect("a pipeline").pipeline.steps)
        };
        assert!(!of("", "") && !of("wait_for = { bytes = { min = \"1 MB\" }, up_to = \"2h\" }", ""));
        assert!(of("wait_for = { bytes = { min = \"70% of median(7)\" }, up_to = \"2h\" }", ""));
        assert!(of("", "after_publish = { command = [\"load\"] }"));
    }

    #[test]
    fn an_interrupted_range_goes_on_with_the_dates_that_were_under_way() {
        let of = |pick: &[Pick], parallel, max_failed| {
            let range = RangeArgs { pick: pick.to_vec(), max_failed, parallel };
            again(Caller::new("local").command("run"), &range).to_string()
        };
        assert_eq!(of(&[], None, None), "spotmill run");
        assert_eq!(
            of(&[Pick::Missing], Some(2), Some(3)),
            "spotmill run --pick missing,failed --parallel 2 --max-failed 3"
        );
        assert_eq!(of(&[Pick::Failed, Pick::Stale], Some(1), None), "spotmill run --pick failed,stale --parallel 1");
    }

    #[test]
    fn a_range_goes_on_until_it_is_interrupted_or_enough_have_failed() {
        let mut sum = Sum::default();
        sum.add(Ok((Code::Done, Some(ended("succeeded")))));
        assert!(sum.goes_on(Some(1)) && sum.worst() == Code::Done);
        sum.add(Ok((Code::InputNotThere, Some(ended("waiting")))));
        assert!(sum.goes_on(Some(1)) && sum.worst() == Code::InputNotThere, "what waits has not failed");
        sum.add(Err(Stop::new(Code::Held, "held")));
        assert!(sum.goes_on(None) && sum.goes_on(Some(2)) && !sum.goes_on(Some(1)), "what is refused has failed");
        sum.add(Ok((Code::ItemsFailed, Some(ended("failed")))));
        assert!(!sum.goes_on(Some(2)) && sum.worst() == Code::Held, "the first failure's code stays");
        sum.add(Ok((Code::Interrupted, None)));
        assert!(!sum.goes_on(None) && sum.worst() == Code::Interrupted);
        assert_eq!(sum.without_waiting().len(), 1);
        assert_eq!(sum.ended().len(), 2, "what waited is taken out");
    }
}
