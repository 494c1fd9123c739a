//! Which machine types a step may land on: general, compute and memory families of the last generations, on which at
//! least one item fits, in as many pools as a fleet may have. Chosen by name, so that what has another quota or another
//! price (X, burstable, GPU, bare metal) is left out, and the number of pools is known before AWS is asked.

use super::{Architecture, FleetProblem};
use crate::bounds::{MAX_POOLS, MIN_MACHINE_VCPUS, SYSTEM_MEMORY_MIB};
use std::collections::BTreeMap;

/// Letters of a family and its MiB a vCPU.
const CLASSES: [(char, u64); 3] = [('c', 2_048), ('m', 4_096), ('r', 8_192)];

/// Sizes by vCPUs.
const SIZES: [(u32, &str); 11] = [
    (2, "large"),
    (4, "xlarge"),
    (8, "2xlarge"),
    (16, "4xlarge"),
    (32, "8xlarge"),
    (48, "12xlarge"),
    (64, "16xlarge"),
    (96, "24xlarge"),
    (128, "32xlarge"),
    (192, "48xlarge"),
    (384, "96xlarge"),
];

struct Generation {
    name: &'static str,
    architecture: Architecture,
    /// vCPUs of the largest.
    largest: u32,
}

const fn generation(name: &'static str, architecture: Architecture, largest: u32) -> Generation {
    Generation { name, architecture, largest }
}

/// First what is deep and everywhere, then what adds pools: older, with local disks, or not yet in every zone.
const TIERS: [&[Generation]; 2] = [
    &[
        generation("7g", Architecture::Arm64, 64),
        generation("7i", Architecture::X86_64, 192),
        generation("6g", Architecture::Arm64, 64),
        generation("6i", Architecture::X86_64, 128),
        generation("8g", Architecture::Arm64, 192),
        generation("7a", Architecture::X86_64, 192),
        generation("6a", Architecture::X86_64, 192),
        generation("8i", Architecture::X86_64, 384),
    ],
    &[
        generation("7gd", Architecture::Arm64, 64),
        generation("5", Architecture::X86_64, 96),
        generation("6gd", Architecture::Arm64, 64),
        generation("5a", Architecture::X86_64, 96),
        generation("8gd", Architecture::Arm64, 192),
        generation("6id", Architecture::X86_64, 128),
        generation("9g", Architecture::Arm64, 192),
        generation("5d", Architecture::X86_64, 96),
        generation("8a", Architecture::X86_64, 192),
    ],
];

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
}

impl Need {
    /// MiB a vCPU that a machine should have: the item's own, as far as any family has it.
    fn mib_per_vcpu(&self) -> u64 {
        (self.memory_mib / u64::from(self.vcpus.max(1))).min(CLASSES[CLASSES.len() - 1].1)
    }

    /// vCPUs that a slot takes of a machine: memory can need more of them than the step asks for.
    fn slot_vcpus(&self) -> u64 {
        u64::from(self.vcpus.max(1)).max(self.memory_mib.div_ceil(CLASSES[CLASSES.len() - 1].1))
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

/// Types for `need` on these architectures, in `zones` zones, best first.
pub fn choose(need: &Need, architectures: &[Architecture], zones: usize) -> Result<Machines, FleetProblem> {
    let slot = need.slot_vcpus();
    let total_vcpus = u32::try_from(slot * u64::from(need.slots.max(1))).unwrap_or(u32::MAX);
    let smallest = MIN_MACHINE_VCPUS.min(total_vcpus);
    let ladder: Vec<_> = SIZES.into_iter().filter(|(vcpus, _)| *vcpus >= smallest).collect();
    let first = ladder.iter().position(|(vcpus, _)| !group(need, architectures, *vcpus, 0).is_empty());
    let ladder = &ladder[first.ok_or_else(|| too_big(need, architectures))?..];
    // The second size adds pools even where one machine would do; the third only where there is work for it.
    let useful = ladder.iter().take(3).enumerate().filter(|(n, (vcpus, _))| *n < 2 || *vcpus <= total_vcpus);
    let sizes: Vec<_> = useful.map(|(_, size)| *size).collect();

    let most = MAX_POOLS / zones.max(1);
    let named: Vec<_> = order(sizes.len())
        .flat_map(|(tier, n)| group(need, architectures, sizes[n].0, tier).into_iter().map(move |t| (t, n)))
        .take(most)
        .collect();
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
        mib_per_vcpu: need.mib_per_vcpu(),
        total_vcpus,
        zones,
    })
}

/// (tier, size) in order of preference: small machines lose less when they go.
fn order(sizes: usize) -> impl Iterator<Item = (usize, usize)> {
    [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)].into_iter().filter(move |(_, n)| *n < sizes)
}

/// Families of a tier whose machines of that size take an item, those with the least memory to spare first.
fn group(need: &Need, architectures: &[Architecture], vcpus: u32, tier: usize) -> Vec<(Architecture, String)> {
    let classes = CLASSES.iter().filter(|(_, ratio)| *ratio >= need.mib_per_vcpu() && need.fits(vcpus, *ratio));
    classes
        .flat_map(|(class, _)| {
            let fit = TIERS[tier].iter().filter(|g| vcpus <= g.largest && architectures.contains(&g.architecture));
            fit.map(move |g| (g.architecture, format!("{class}{}", g.name)))
        })
        .collect()
}

fn too_big(need: &Need, architectures: &[Architecture]) -> FleetProblem {
    let fit = TIERS.iter().flat_map(|t| t.iter()).filter(|g| architectures.contains(&g.architecture));
    let vcpus = fit.map(|g| g.largest).max().unwrap_or(0);
    let memory = usable(u64::from(vcpus) * CLASSES[CLASSES.len() - 1].1) >> 10;
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
            "up to {} pools in {} zones ({} types) of {} to {} vCPUs with {} MiB a vCPU or more, for {} vCPUs; left \
             out: burstable, GPU, bare metal and X types, and what no item fits on",
            self.pools(),
            self.zones,
            types.join(", "),
            self.min_vcpus,
            self.max_vcpus,
            self.mib_per_vcpu,
            self.total_vcpus,
        )
    }
}
