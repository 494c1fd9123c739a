//! Lives and attempts out of what records hold: the rounds of a fleet as EC2 showed them, the machines' own records, and
//! the attempts by the name of the machine that made them. What a machine recorded last proves that it lived so long.

use crate::life::{Attempt, Life, Market};
use spotmill_core::fleet::life::{MachineLife, RoundMachines};
use spotmill_core::life::{InstanceRecord, LOCAL_ZONE, State};
use std::collections::BTreeMap;

/// An attempt and who made it, as its record names the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub worker: String,
    pub attempt: Attempt,
}

/// The machines of a step, and attempts of machines that left no record at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    pub lives: Vec<(Life, Vec<Attempt>)>,
    pub strays: Vec<Attempt>,
}

/// What is known of a machine.
#[derive(Default)]
struct Known<'a> {
    /// As EC2 showed it, and when its round ended.
    shown: Option<(&'a MachineLife, Option<u64>)>,
    own: Option<&'a InstanceRecord>,
    attempts: Vec<Attempt>,
}

/// `runs`: somebody works on the step now.
pub fn fleet(
    rounds: &[RoundMachines],
    records: &[InstanceRecord],
    attempts: &[Recorded],
    runs: bool,
    now_ms: u64,
) -> Fleet {
    let mut known: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for round in rounds {
        for (id, machine) in &round.machines {
            known.entry(id).or_default().shown = Some((machine, round.ended_ms));
        }
    }
    // Where rounds follow each other on this machine, only the last may still run.
    let newest_ms = records.iter().map(|record| record.booted_ms).max();
    let is_open = |own: &InstanceRecord| {
        let is_last = own.zone != LOCAL_ZONE || Some(own.booted_ms) == newest_ms;
        runs && is_last && own.state(now_ms) == State::Running
    };
    records.iter().for_each(|record| known.entry(&record.id).or_default().own = Some(record));
    let mut strays = Vec::new();
    for Recorded { worker, attempt } in attempts {
        let id = machine_of(records, worker, attempt.ended_ms);
        match known.get_mut(id) {
            Some(machine) => machine.attempts.push(*attempt),
            None => strays.push(*attempt),
        }
    }
    let lives = known.into_iter().map(|(id, machine)| {
        let is_open = machine.own.is_some_and(is_open);
        (life(id, &machine, is_open, now_ms), machine.attempts)
    });
    Fleet { lives: lives.collect(), strays }
}

/// Machines of one name, as this machine has in each round, are told apart by time. A machine without a record is the
/// first word of its name: `i-0c1… r7g.2xlarge use1-az4`.
fn machine_of<'a>(records: &'a [InstanceRecord], worker: &'a str, at_ms: u64) -> &'a str {
    let named = || records.iter().filter(|record| record.worker == worker);
    let begun = named().filter(|record| record.booted_ms <= at_ms).max_by_key(|record| record.booted_ms);
    let found = begun.or_else(|| named().min_by_key(|record| record.booted_ms));
    found.map_or_else(|| worker.split(' ').next().unwrap_or_default(), |record| record.id.as_str())
}

fn life(id: &str, known: &Known<'_>, is_open: bool, now_ms: u64) -> Life {
    let Known { shown, own, attempts } = known;
    let (shown, round_ended_ms) = shown.map_or((None, None), |(shown, ended_ms)| (Some(shown), ended_ms));
    let heard_ms = own.map_or(0, |own| own.ended_ms.unwrap_or(own.seen_ms));
    let heard_ms = attempts.iter().map(|a| a.ended_ms).fold(heard_ms, u64::max);
    let own_end_ms = own.and_then(|own| own.ended_ms);
    let ended_ms = match shown {
        Some(shown) => shown.ended_ms.or(own_end_ms),
        None => own_end_ms.or((!is_open).then_some(heard_ms)),
    };
    let first_ms = attempts.iter().map(|a| a.ended_ms.saturating_sub(a.slot_ms)).min();
    let with_round = ended_ms.is_some() && ended_ms == round_ended_ms;
    let is_local = shown.is_none() && own.is_some_and(|own| own.zone == LOCAL_ZONE);
    Life {
        id: id.to_owned(),
        kind: shown.map(|s| s.kind.clone()).or(own.map(|o| o.kind.clone())).unwrap_or_default(),
        zone: shown.map(|s| s.zone.clone()).or(own.map(|o| o.zone.clone())).unwrap_or_default(),
        market: match shown {
            _ if is_local => Market::Local,
            Some(shown) if shown.on_demand => Market::OnDemand,
            _ => Market::Spot,
        },
        vcpus: shown.map(|s| s.vcpus).or(own.map(|o| o.vcpus)).unwrap_or_default(),
        memory_bytes: own.map(|own| own.memory_bytes),
        slots: own.map_or(1, |own| own.slots),
        launched_ms: shown.map(|s| s.launched_ms).or(own.map(|o| o.booted_ms)).unwrap_or_default(),
        ready_ms: own.map(|own| own.started_ms).or(first_ms),
        ended_ms: ended_ms.unwrap_or(now_ms).max(heard_ms),
        vanished: own.is_some_and(|own| own.ended_ms.is_none()) && ended_ms.is_some() && !with_round,
        noticed: own.is_some_and(|own| own.noticed_ms.is_some()) && ended_ms.is_some(),
        usd_per_hour: shown.and_then(|shown| shown.usd_per_hour),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::Class;

    fn shown(ended_ms: Option<u64>) -> MachineLife {
        MachineLife {
            kind: "r7g.2xlarge".to_owned(),
            zone: "us-east-1a".to_owned(),
            vcpus: 8,
            on_demand: false,
            usd_per_hour: Some(0.16),
            launched_ms: 1_000,
            ended_ms,
        }
    }

    fn round(machines: &[(&str, Option<u64>)], ended_ms: Option<u64>) -> RoundMachines {
        let machines = machines.iter().map(|(id, ended)| ((*id).to_owned(), shown(*ended))).collect();
        RoundMachines { machines, ended_ms, ..RoundMachines::default() }
    }

    fn record(id: &str, booted_ms: u64, seen_ms: u64, ended_ms: Option<u64>) -> InstanceRecord {
        InstanceRecord {
            worker: format!("{id} r7g.2xlarge use1-az4"),
            id: id.to_owned(),
            slots: 4,
            vcpus: 8,
            booted_ms,
            started_ms: booted_ms + 20_000,
            seen_ms,
            ended_ms,
            ..InstanceRecord::default()
        }
    }

    fn done(worker: &str, ended_ms: u64) -> Recorded {
        Recorded {
            worker: worker.to_owned(),
            attempt: Attempt { item: 0, class: Class::Useful, ended_ms, slot_ms: 500 },
        }
    }

    #[test]
    fn a_machine_lives_as_ec2_showed_it_and_never_less_than_it_recorded() {
        let own = record("i-1", 9_000, 50_000, Some(60_000));
        let found =
            fleet(&[round(&[("i-1", Some(70_000))], Some(70_000))], std::slice::from_ref(&own), &[], false, 99_000);
        let (life, _) = &found.lives[0];
        assert_eq!(
            (life.launched_ms, life.ready_ms, life.ended_ms, life.vanished),
            (1_000, Some(29_000), 70_000, false)
        );
        assert_eq!((life.zone.as_str(), life.slots, life.usd_per_hour), ("us-east-1a", 4, Some(0.16)));
        // It was asked to end and went on for a while.
        let found = fleet(&[round(&[("i-1", Some(55_000))], None)], &[own], &[], true, 99_000);
        assert_eq!(found.lives[0].0.ended_ms, 60_000);
    }

    #[test]
    fn a_machine_without_an_end_of_its_own_vanished_unless_it_ended_with_its_round() {
        let own = [record("i-1", 0, 50_000, None)];
        let of = |ended, round_ended| {
            fleet(&[round(&[("i-1", ended)], round_ended)], &own, &[], false, 99_000).lives[0].0.clone()
        };
        assert!(of(Some(70_000), Some(90_000)).vanished);
        assert!(!of(Some(90_000), Some(90_000)).vanished);
        let lives = of(None, None);
        assert_eq!((lives.vanished, lives.ended_ms), (false, 99_000), "it runs");
    }

    #[test]
    fn a_machine_that_nobody_recorded_is_boot_until_its_first_attempt() {
        let rounds = [round(&[("i-1", Some(70_000)), ("i-2", Some(70_000))], None)];
        let found = fleet(&rounds, &[], &[done("i-2 r7g.2xlarge use1-az4", 30_000), done("i-9 x y", 1)], false, 99_000);
        assert_eq!((found.lives[0].0.ready_ms, found.lives[1].0.ready_ms), (None, Some(29_500)));
        assert_eq!((found.lives[1].1.len(), found.strays.len()), (1, 1));
    }

    #[test]
    fn the_rounds_of_this_machine_are_told_apart_by_time() {
        let local = |id: &str, booted_ms, ended_ms| InstanceRecord {
            worker: "this machine".to_owned(),
            zone: LOCAL_ZONE.to_owned(),
            ..record(id, booted_ms, booted_ms, ended_ms)
        };
        let records = [local("a", 1_000, Some(2_000)), local("b", 3_000, None)];
        let attempts = [done("this machine", 1_900), done("this machine", 3_500), done("this machine", 900)];
        let found = fleet(&[], &records, &attempts, false, 99_000);
        let counts: Vec<usize> = found.lives.iter().map(|(_, attempts)| attempts.len()).collect();
        assert_eq!(counts, [2, 1]);
        let (killed, _) = &found.lives[1];
        assert_eq!((killed.market, killed.ended_ms, killed.vanished), (Market::Local, 3_500, true));
        let running = &fleet(&[], &records, &attempts, true, 99_000).lives[1].0;
        assert_eq!((running.ended_ms, running.vanished), (99_000, false));
        // Killed in an earlier start, while a later one runs.
        let records = [local("a", 1_000, None), local("b", 3_000, None)];
        let found = fleet(&[], &records, &attempts, true, 99_000);
        assert_eq!((found.lives[0].0.ended_ms, found.lives[1].0.ended_ms), (1_900, 99_000));
    }
}
