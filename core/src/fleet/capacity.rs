//! vCPUs that all fleets of a stack may have together, across runs and backfills, and who holds them. A fleet that EC2
//! shows counts with what EC2 reports; one that was granted room and is not to be seen yet counts with its grant, for
//! as long as EC2 may take to show it. Grants are written by compare-and-swap, so that two launches at once do not both
//! take the last room.

use crate::bounds::GRANT_SECS;
use crate::fleet::LivingFleet;
use crate::format::count;
use crate::ids::{RunId, StepName, Uri};
use crate::version::RECORD_VERSION;
use serde::{Deserialize, Serialize};

/// `capacity.json`: the grants of the last minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    pub v: u32,
    pub grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// The fleet's name.
    pub fleet: String,
    pub run: RunId,
    pub step: StepName,
    pub vcpus: u32,
    pub granted_ms: u64,
    /// What stands once the fleet and its queue are gone.
    pub ended: Uri,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    pub fleet: &'a str,
    pub run: &'a RunId,
    pub step: &'a StepName,
    pub slots: u32,
    pub slot_vcpus: u32,
    pub ended: Uri,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Room {
    Granted {
        slots: u32,
        /// Why there are fewer than were asked for.
        because: Option<String>,
        capacity: Capacity,
    },
    /// Nothing is free now; it names who holds what.
    Full(String),
    /// A single slot takes more than there ever is.
    Never(String),
}

impl Capacity {
    /// Without the grants that EC2 has had the time to show, and those whose fleet has ended.
    pub fn recent(mut self, now_ms: u64, ended: impl Fn(&Grant) -> bool) -> Capacity {
        self.grants.retain(|g| now_ms.saturating_sub(g.granted_ms) < GRANT_SECS * 1_000 && !ended(g));
        self
    }
}

/// Room under `most` for a fleet, beside those that live and the recent grants.
pub fn room(most: u32, living: &[LivingFleet], recent: Capacity, ask: &Ask<'_>, now_ms: u64) -> Room {
    let slot = ask.slot_vcpus.max(1);
    if slot > most {
        return Room::Never(format!(
            "a slot of step {} takes {} and `MaxVcpus` of the stack is {most}: raise it, or lower the step's `vcpus` \
             or `memory`",
            ask.step,
            count(u64::from(slot), "vCPU"),
        ));
    }
    let holders = holders(living, &recent, ask.fleet);
    let held = holders.iter().fold(0_u32, |sum, (_, vcpus)| sum.saturating_add(*vcpus));
    let free = most.saturating_sub(held);
    let slots = ask.slots.max(1).min(free / slot);
    let usage = || {
        let each = holders.iter().map(|(who, vcpus)| format!("{who} {vcpus}")).collect::<Vec<_>>().join(", ");
        format!("`MaxVcpus` of the stack is {most}, and {held} are held: {each}")
    };
    if slots == 0 {
        return Room::Full(format!("{}; a slot takes {slot}", usage()));
    }
    let grant = Grant {
        fleet: ask.fleet.to_owned(),
        run: ask.run.clone(),
        step: ask.step.clone(),
        vcpus: slots.saturating_mul(slot),
        granted_ms: now_ms,
        ended: ask.ended.clone(),
    };
    let others = recent.grants.into_iter().filter(|g| g.fleet != ask.fleet);
    let because = (slots < ask.slots).then(|| match holders.is_empty() {
        true => format!("`MaxVcpus` of the stack is {most}"),
        false => usage(),
    });
    Room::Granted { slots, because, capacity: Capacity { v: RECORD_VERSION, grants: others.chain([grant]).collect() } }
}

/// Everybody else, by name, with their vCPUs; the largest first.
fn holders(living: &[LivingFleet], recent: &Capacity, own: &str) -> Vec<(String, u32)> {
    let granted = |name: &str| recent.grants.iter().find(|g| g.fleet == name).map_or(0, |g| g.vcpus);
    let seen = living.iter().filter(|f| f.name != own).map(|f| {
        // A fleet of which only the template stands yet has no number of its own.
        let vcpus = if f.vcpus > 0 { f.vcpus } else { granted(&f.name) };
        (format!("{} {}", f.run, f.step), vcpus)
    });
    let unseen = recent.grants.iter().filter(|g| g.fleet != own && living.iter().all(|f| f.name != g.fleet));
    let mut all: Vec<_> = seen.chain(unseen.map(|g| (format!("{} {}", g.run, g.step), g.vcpus))).collect();
    all.retain(|(_, vcpus)| *vcpus > 0);
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn living(name: &str, vcpus: u32) -> LivingFleet {
        LivingFleet { name: name.into(), run: "p/1".into(), step: name.into(), execution: "x".into(), vcpus }
    }

    fn granted(name: &str, vcpus: u32, granted_ms: u64) -> Grant {
        let (run, ended) = ("p/2".into(), format!("/ended/{name}").as_str().into());
        Grant { fleet: name.into(), run, step: name.into(), vcpus, granted_ms, ended }
    }

    /// Slots of 4 vCPUs under a limit of 64.
    fn ask(slots: u32, living: &[LivingFleet], grants: Vec<Grant>) -> Room {
        let (run, step) = ("p/3".into(), "s".into());
        let ask = Ask { fleet: "own", run: &run, step: &step, slots, slot_vcpus: 4, ended: "/ended/own".into() };
        room(64, living, Capacity { v: 1, grants }, &ask, 9)
    }

    #[track_caller]
    fn granted_slots(room: Room, want: u32, why: Option<&str>) -> Capacity {
        let Room::Granted { slots, because, capacity } = room else { panic!("{room:?}") };
        assert_eq!((slots, because.as_deref()), (want, why));
        capacity
    }

    #[test]
    fn what_fits_is_granted_and_written_down() {
        let capacity = granted_slots(ask(10, &[living("a", 24)], Vec::new()), 10, None);
        assert_eq!(capacity.grants.len(), 1);
        assert_eq!((capacity.grants[0].fleet.as_str(), capacity.grants[0].vcpus), ("own", 40));
        granted_slots(ask(16, &[], vec![granted("own", 64, 1)]), 16, None);
    }

    #[test]
    fn what_does_not_fit_is_made_smaller() {
        let why = "`MaxVcpus` of the stack is 64, and 50 are held: p/1 a 30, p/2 b 20";
        granted_slots(ask(10, &[living("a", 30)], vec![granted("b", 20, 1)]), 3, Some(why));
        granted_slots(ask(20, &[], Vec::new()), 16, Some("`MaxVcpus` of the stack is 64"));
    }

    #[test]
    fn who_holds_everything_is_named() {
        let Room::Full(cause) = ask(10, &[living("a", 61)], Vec::new()) else { panic!("there is no room") };
        assert_eq!(cause, "`MaxVcpus` of the stack is 64, and 61 are held: p/1 a 61; a slot takes 4");
    }

    #[test]
    fn a_fleet_counts_once_and_with_what_ec2_says() {
        granted_slots(ask(10, &[living("a", 24)], vec![granted("a", 64, 1)]), 10, None);
        let Room::Full(_) = ask(10, &[living("a", 0)], vec![granted("a", 64, 1)]) else { panic!("it is not up yet") };
    }

    #[test]
    fn what_can_never_fit_is_refused() {
        let (run, step) = ("p/3".into(), "s".into());
        let ask = Ask { fleet: "own", run: &run, step: &step, slots: 1, slot_vcpus: 65, ended: "/e".into() };
        let Room::Never(cause) = room(64, &[], Capacity::default(), &ask, 9) else { panic!("65 of 64") };
        assert!(cause.contains("takes 65 vCPUs and `MaxVcpus` of the stack is 64: raise it"), "{cause}");
    }

    #[test]
    fn grants_are_forgotten_when_they_are_old_or_over() {
        let all =
            Capacity { v: 1, grants: vec![granted("old", 1, 0), granted("over", 1, 9_000), granted("new", 1, 9_000)] };
        let kept = all.recent(GRANT_SECS * 1_000, |g| g.fleet == "over");
        assert_eq!(kept.grants.iter().map(|g| g.fleet.as_str()).collect::<Vec<_>>(), ["new"]);
    }
}
