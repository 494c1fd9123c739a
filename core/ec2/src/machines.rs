//! Which machine types a step may land on: those of the catalogue that `[fleet]` allows and at least one item fits on,
//! in as many pools as a fleet may have. What was left out is reported, with the reason.

use super::allowed::Allowed;
use super::catalogue::{self, CLASSES, SIZES, TIERS};
use spotmill_core::bounds::{MAX_POOLS, MIN_MACHINE_VCPUS, SYSTEM_MEMORY_MIB};
use spotmill_core::fleet::{Architecture, FleetProblem, FleetRequest};
use spotmill_core::format::count;
use std::collections::BTreeMap;

/// What one item needs, and all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub vcpus: u32,
    pub memory_mib: u64,
    pub slots: u32,
}

/// The machine types of a request, and what follows from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Machines {
    pub types: BTreeMap<Architecture, Vec<String>>,
    pub min_vcpus: u32,
    pub max_vcpus: u32,
    pub min_memory_mib: u64,
    /// At most the step's own ratio; less where no family has as much.
    pub mib_per_vcpu: u64,
    /// vCPUs that all slots take.
    pub total_vcpus: u32,
    pub zones: usize,
    pub left_out: Vec<LeftOut>,
}

/// Machines that could have been asked for and are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `c*`, `generations 5, 9`.
    pub what: String,
    pub why: String,
}

impl LeftOut {
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// vCPUs that a slot of a request takes of a machine.
pub fn slot_vcpus(request: &FleetRequest) -> u32 {
    Need::of(request).slot_vcpus(&Allowed::by(&request.knobs))
}

impl Need {
    pub fn of(request: &FleetRequest) -> Need {
        Need {
            vcpus: request.vcpus_per_item.max(1),
            memory_mib: request.memory_bytes_per_item.div_ceil(1 << 20),
            slots: request.max_slots.max(1),
        }
    }

    /// MiB a vCPU that a machine should have: the item's own, as far as any family has it.
    fn mib_per_vcpu(&self, richest: u64) -> u64 {
        (self.memory_mib / u64::from(self.vcpus.max(1))).min(richest)
    }

    /// vCPUs that a slot takes of a machine: memory can need more of them than the step asks for.
    fn slot_vcpus(&self, allowed: &Allowed) -> u32 {
        let slot = u64::from(self.vcpus.max(1)).max(self.memory_mib.div_ceil(allowed.richest()));
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    fn fits(&self, vcpus: u32, mib_per_vcpu: u64) -> bool {
        vcpus >= self.vcpus && usable(u64::from(vcpus) * mib_per_vcpu) >= self.memory_mib
    }
}

/// What programs get of a machine's memory: the kernel keeps a part, the system and the supervisor another.
fn usable(mib: u64) -> u64 {
    (mib - mib / 32).saturating_sub(SYSTEM_MEMORY_MIB)
}

/// The least memory of a machine on which `mib` are usable.
fn nominal(mib: u64) -> u64 {
    ((mib + SYSTEM_MEMORY_MIB) * 32).div_ceil(31)
}

/// Does one item fit on any machine that is allowed?
pub fn takes(need: &Need, allowed: &Allowed) -> bool {
    SIZES.iter().any(|(vcpus, _)| of_size(need, allowed, *vcpus))
}

/// Is there a machine of so many vCPUs that takes an item?
fn of_size(need: &Need, allowed: &Allowed, vcpus: u32) -> bool {
    (0..TIERS.len()).any(|tier| !group(need, allowed, vcpus, tier).is_empty())
}

/// Types for `need` among those that are allowed, in `zones` zones, best first.
pub fn choose(need: &Need, allowed: &Allowed, zones: usize) -> Result<Machines, FleetProblem> {
    if let Some(knob) = allowed.blamed() {
        return Err(FleetProblem(format!("`fleet.{}` leaves no machine type: widen it or remove it", knob.key())));
    }
    let total_vcpus = need.slot_vcpus(allowed).saturating_mul(need.slots.max(1));
    let smallest = MIN_MACHINE_VCPUS.min(total_vcpus);
    let ladder: Vec<_> = SIZES.into_iter().filter(|(vcpus, _)| *vcpus >= smallest).collect();
    let first = ladder.iter().position(|(vcpus, _)| of_size(need, allowed, *vcpus));
    let ladder = &ladder[first.ok_or_else(|| too_big(need, allowed))?..];
    // The second size adds pools even where one machine would do; the third only where there is work for it.
    let useful = ladder.iter().take(3).enumerate().filter(|(n, (vcpus, _))| *n < 2 || *vcpus <= total_vcpus);
    let sizes: Vec<_> = useful.map(|(_, size)| *size).collect();

    let most = MAX_POOLS / zones.max(1);
    let mut named: Vec<_> = order(sizes.len())
        .flat_map(|(tier, n)| group(need, allowed, sizes[n].0, tier).into_iter().map(move |t| (t, n)))
        .collect();
    let mut left_out = left_out(need, allowed);
    if named.len() > most {
        let further = count((named.len() - most) as u64, "further type");
        left_out.push(LeftOut::new(further, format!("a fleet takes {MAX_POOLS} pools")));
    }
    named.truncate(most);
    let mut types: BTreeMap<Architecture, Vec<String>> = BTreeMap::new();
    for ((architecture, family), n) in &named {
        types.entry(*architecture).or_default().push(format!("{family}.{}", sizes[*n].1));
    }
    let largest = named.iter().map(|(_, n)| sizes[*n].0).max();
    Ok(Machines {
        types,
        min_vcpus: sizes[0].0,
        max_vcpus: largest.unwrap_or(sizes[0].0),
        min_memory_mib: nominal(need.memory_mib),
        mib_per_vcpu: need.mib_per_vcpu(allowed.richest()),
        total_vcpus,
        zones,
        left_out,
    })
}

/// (tier, size) in order of preference: small machines lose less when they go.
fn order(sizes: usize) -> impl Iterator<Item = (usize, usize)> {
    [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)].into_iter().filter(move |(_, n)| *n < sizes)
}

/// Families of a tier whose machines of that size take an item, those with the least memory to spare first.
fn group(need: &Need, allowed: &Allowed, vcpus: u32, tier: usize) -> Vec<(Architecture, String)> {
    let least = need.mib_per_vcpu(allowed.richest());
    let classes = CLASSES.iter().filter(|(_, ratio)| *ratio >= least && need.fits(vcpus, *ratio));
    classes
        .flat_map(|(class, _)| {
            let fit = TIERS[tier].iter().filter(|g| vcpus <= g.largest && allowed.has(*class, g));
            fit.map(move |g| (g.architecture, format!("{class}{}", g.name)))
        })
        .collect()
}

/// By what the pipeline allows, by what an item needs, and what no fleet asks for.
fn left_out(need: &Need, allowed: &Allowed) -> Vec<LeftOut> {
    let mut all = Vec::new();
    if !allowed.families.is_empty() {
        let named = allowed.families.join(", ");
        all.push(LeftOut::new(format!("families but {named}"), "`fleet.families`"));
    }
    if !allowed.generations.is_empty() {
        let kept = |n: &u32| allowed.generations.contains(n);
        let out: Vec<String> = catalogue::generations().iter().filter(|n| !kept(n)).map(ToString::to_string).collect();
        if !out.is_empty() {
            let generations = if out.len() == 1 { "generation" } else { "generations" };
            all.push(LeftOut::new(format!("{generations} {}", out.join(", ")), "`fleet.generations`"));
        }
    }
    let least = need.mib_per_vcpu(allowed.richest());
    let poor = CLASSES.iter().filter(|(class, ratio)| *ratio < least && allowed.all().any(|(c, _)| c == *class));
    let poor: Vec<String> = poor.map(|(class, _)| format!("{class}*")).collect();
    if !poor.is_empty() {
        all.push(LeftOut::new(poor.join(", "), format!("under {:.1} GiB a vCPU", least as f64 / 1_024.0)));
    }
    all.push(LeftOut::new("t*", "burstable"));
    all.push(LeftOut::new("x*", "a spot quota of their own, 0 in a new account"));
    all.push(LeftOut::new("*.metal and GPUs", "boot slowly, cost more"));
    all
}

fn too_big(need: &Need, allowed: &Allowed) -> FleetProblem {
    let vcpus = allowed.all().map(|(_, g)| g.largest).max().unwrap_or(0);
    let memory = usable(u64::from(vcpus) * allowed.richest()) >> 10;
    FleetProblem(format!(
        "an item needs {} vCPUs and {} GiB; the largest machine has {vcpus} vCPUs and {memory} GiB to use; make the \
         step's items smaller (`item_bytes`) or lower its `vcpus`, `memory` or `max_memory`",
        need.vcpus,
        need.memory_mib.div_ceil(1_024),
    ))
}

impl Machines {
    /// Types times zones.
    pub fn pools(&self) -> usize {
        self.types.values().map(Vec::len).sum::<usize>() * self.zones
    }

    /// For people.
    pub fn explain(&self) -> String {
        let by = |(architecture, types): (&Architecture, &Vec<String>)| format!("{} {architecture}", types.len());
        let types: Vec<String> = self.types.iter().map(by).collect();
        format!(
            "{} in {} ({} types) of {} to {} vCPUs with {:.1} GiB a vCPU or more, for {} vCPUs; left out: {}",
            count(self.pools() as u64, "pool"),
            count(self.zones as u64, "zone"),
            types.join(", "),
            self.min_vcpus,
            self.max_vcpus,
            self.mib_per_vcpu as f64 / 1_024.0,
            self.total_vcpus,
            self.describe_left_out(),
        )
    }

    /// `t* (burstable); x* (a spot quota of their own, 0 in a new account)`
    pub fn describe_left_out(&self) -> String {
        self.left_out.iter().map(|l| format!("{} ({})", l.what, l.why)).collect::<Vec<_>>().join("; ")
    }
}
