//! The machine types that a fleet may name: general, compute and memory families of the last generations. A list by
//! name, so that what has another quota or another price (X, burstable, GPU, bare metal) can never slip in, and the
//! number of pools is fixed before AWS is asked.

use spotmill_core::fleet::Architecture;
use std::collections::BTreeSet;

/// Letters of a class of families and its MiB a vCPU.
pub const CLASSES: [(char, u64); 3] = [('c', 2_048), ('m', 4_096), ('r', 8_192)];

/// Sizes by vCPUs.
pub(super) const SIZES: [(u32, &str); 11] = [
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

/// What every class has of one generation and processor: `7g` makes `c7g`, `m7g` and `r7g`.
pub(super) struct Generation {
    pub(super) name: &'static str,
    pub(super) architecture: Architecture,
    /// vCPUs of the largest.
    pub(super) largest: u32,
}

impl Generation {
    pub(super) fn number(&self) -> u32 {
        self.name.bytes().take_while(u8::is_ascii_digit).fold(0, |n, digit| n * 10 + u32::from(digit - b'0'))
    }
}

const fn generation(name: &'static str, architecture: Architecture, largest: u32) -> Generation {
    Generation { name, architecture, largest }
}

/// First what is deep and everywhere, then what adds pools: older, with local disks, or not yet in every zone.
pub(super) const TIERS: [&[Generation]; 2] = [
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

pub(super) fn all() -> impl Iterator<Item = (char, &'static Generation)> {
    CLASSES.iter().flat_map(|(class, _)| TIERS.iter().flat_map(|tier| tier.iter()).map(move |g| (*class, g)))
}

/// What `fleet.families` may name: a class (`r`), or one family (`r7g`).
pub fn families() -> Vec<String> {
    let classes = CLASSES.iter().map(|(class, _)| class.to_string());
    classes.chain(all().map(|(class, g)| format!("{class}{}", g.name))).collect()
}

/// What `fleet.generations` may name.
pub fn generations() -> Vec<u32> {
    all().map(|(_, g)| g.number()).collect::<BTreeSet<_>>().into_iter().collect()
}
