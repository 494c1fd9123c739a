//! Instance types and their prices: a few families of the real ones, with plausible numbers. On-demand prices a vCPU are
//! near us-east-1's; spot prices differ by zone and never move.

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    #[serde(rename = "x86_64")]
    X86_64,
    Arm64,
}

impl Arch {
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
        }
    }

    /// Of this machine: only instances of it can run here.
    pub fn of_host() -> Arch {
        if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::X86_64 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct InstanceType {
    pub name: String,
    pub arch: Arch,
    pub maker: &'static str,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub local_storage_gb: u64,
    pub burstable: bool,
    /// Dollars an hour.
    pub on_demand: f64,
    spot_share: f64,
}

impl InstanceType {
    /// Dollars an hour in the zone of this index.
    pub fn spot(&self, zone: usize) -> f64 {
        const BY_ZONE: [f64; 6] = [1.0, 1.04, 0.97, 1.09, 1.15, 0.99];
        self.on_demand * self.spot_share * BY_ZONE[zone % BY_ZONE.len()]
    }
}

/// Name, architecture, maker, GiB a vCPU, on-demand dollars a vCPU-hour, share of that paid on spot, disk GB a vCPU.
type Family = (&'static str, Arch, &'static str, u64, f64, f64, u64);

const INTEL: &str = "intel";
const AMD: &str = "amd";
const AWS: &str = "amazon-web-services";

const FAMILIES: [Family; 19] = [
    ("c6i", Arch::X86_64, INTEL, 2, 0.0425, 0.39, 0),
    ("c7i", Arch::X86_64, INTEL, 2, 0.0446, 0.37, 0),
    ("c7a", Arch::X86_64, AMD, 2, 0.0513, 0.36, 0),
    ("m6i", Arch::X86_64, INTEL, 4, 0.0480, 0.38, 0),
    ("m7i", Arch::X86_64, INTEL, 4, 0.0504, 0.38, 0),
    ("m7a", Arch::X86_64, AMD, 4, 0.0580, 0.37, 0),
    ("r6i", Arch::X86_64, INTEL, 8, 0.0630, 0.35, 0),
    ("r7i", Arch::X86_64, INTEL, 8, 0.0662, 0.21, 0),
    ("r7a", Arch::X86_64, AMD, 8, 0.0761, 0.42, 0),
    ("m6id", Arch::X86_64, INTEL, 4, 0.0593, 0.40, 59),
    ("t3", Arch::X86_64, INTEL, 4, 0.0416, 0.40, 0),
    ("c7g", Arch::Arm64, AWS, 2, 0.0363, 0.31, 0),
    ("c8g", Arch::Arm64, AWS, 2, 0.0399, 0.36, 0),
    ("m7g", Arch::Arm64, AWS, 4, 0.0408, 0.36, 0),
    ("m8g", Arch::Arm64, AWS, 4, 0.0449, 0.37, 0),
    ("r7g", Arch::Arm64, AWS, 8, 0.0536, 0.33, 0),
    ("r8g", Arch::Arm64, AWS, 8, 0.0589, 0.35, 0),
    ("m7gd", Arch::Arm64, AWS, 4, 0.0534, 0.39, 59),
    ("t4g", Arch::Arm64, AWS, 4, 0.0336, 0.40, 0),
];

const SIZES: [(&str, u32); 5] = [("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16), ("8xlarge", 32)];

/// All types, in the order of the table.
pub fn types() -> Vec<InstanceType> {
    let mut all = Vec::new();
    for family in FAMILIES {
        let burstable = family.0.starts_with('t');
        let sizes = SIZES.iter().filter(|(_, vcpus)| !burstable || *vcpus <= 8);
        all.extend(sizes.map(|size| one(family, *size, burstable)));
    }
    all
}

fn one(family: Family, (size, vcpus): (&str, u32), burstable: bool) -> InstanceType {
    let (name, arch, maker, gib, price, spot_share, disk) = family;
    InstanceType {
        name: format!("{name}.{size}"),
        arch,
        maker,
        vcpus,
        memory_mib: u64::from(vcpus) * gib * 1024,
        local_storage_gb: u64::from(vcpus) * disk,
        burstable,
        on_demand: f64::from(vcpus) * price,
        spot_share,
    }
}

pub fn find(name: &str) -> Option<InstanceType> {
    types().into_iter().find(|t| t.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_spot_is_cheaper() {
        let all = types();
        let names: std::collections::BTreeSet<_> = all.iter().map(|t| &t.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|t| (0..6).all(|zone| t.spot(zone) < t.on_demand / 1.5)));
        assert_eq!(find("r7g.2xlarge").map(|t| (t.vcpus, t.memory_mib)), Some((8, 64 * 1024)));
    }
}
