//! Attribute-based instance type selection over the catalogue. An attribute that is not simulated is refused by name,
//! never ignored. Price protection is applied only when the request asks for it.

use crate::catalogue::{Arch, InstanceType, types};
use crate::wire::{Ec2Error, Tree};

const SIMULATED: [&str; 15] = [
    "VCpuCount",
    "MemoryMiB",
    "MemoryGiBPerVCpu",
    "CpuManufacturer",
    "AllowedInstanceType",
    "ExcludedInstanceType",
    "InstanceGeneration",
    "BareMetal",
    "BurstablePerformance",
    "LocalStorage",
    "TotalLocalStorageGB",
    "AcceleratorCount",
    "SpotMaxPricePercentageOverLowestPrice",
    "OnDemandMaxPricePercentageOverLowestPrice",
    "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice",
];

/// The types that meet `asked`, of one architecture.
pub fn matching(asked: &Tree, arch: Arch) -> Result<Vec<InstanceType>, Ec2Error> {
    check(asked)?;
    let mut found = Vec::new();
    for candidate in types() {
        if candidate.arch == arch && meets(asked, &candidate)? {
            found.push(candidate);
        }
    }
    protect_price(asked, found)
}

fn check(asked: &Tree) -> Result<(), Ec2Error> {
    if let Some((name, _)) = asked.members().find(|(name, _)| !SIMULATED.contains(name)) {
        return Err(Ec2Error::not_simulated(format!("InstanceRequirements.{name}")));
    }
    asked.need("VCpuCount.Min")?;
    asked.need("MemoryMiB.Min")?;
    both(asked, "AllowedInstanceType", "ExcludedInstanceType")?;
    both(asked, "SpotMaxPricePercentageOverLowestPrice", "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice")
}

fn both(asked: &Tree, one: &str, other: &str) -> Result<(), Ec2Error> {
    if asked.at(one).is_some() && asked.at(other).is_some() {
        let message = format!("{one}s and {other}s cannot both be specified in InstanceRequirements");
        return Err(Ec2Error::new("InvalidParameterCombination", message));
    }
    Ok(())
}

fn meets(asked: &Tree, t: &InstanceType) -> Result<bool, Ec2Error> {
    let gib_per_vcpu = t.memory_mib as f64 / 1024.0 / f64::from(t.vcpus);
    let makers = asked.texts("CpuManufacturer");
    let allowed = asked.texts("AllowedInstanceType");
    let generations = asked.texts("InstanceGeneration");
    Ok(within(asked, "VCpuCount", f64::from(t.vcpus))?
        && within(asked, "MemoryMiB", t.memory_mib as f64)?
        && within(asked, "MemoryGiBPerVCpu", gib_per_vcpu)?
        && within(asked, "TotalLocalStorageGB", t.local_storage_gb as f64)?
        && within(asked, "AcceleratorCount", 0.0)?
        && (makers.is_empty() || makers.contains(&t.maker))
        && (allowed.is_empty() || allowed.iter().any(|pattern| fits(pattern, &t.name)))
        && !asked.texts("ExcludedInstanceType").iter().any(|pattern| fits(pattern, &t.name))
        && (generations.is_empty() || generations.contains(&"current"))
        && presence(asked, "BareMetal", "excluded", false)?
        && presence(asked, "BurstablePerformance", "excluded", t.burstable)?
        && presence(asked, "LocalStorage", "included", t.local_storage_gb > 0)?)
}

fn within(asked: &Tree, name: &str, value: f64) -> Result<bool, Ec2Error> {
    let min = asked.parsed::<f64>(&format!("{name}.Min"))?;
    let max = asked.parsed::<f64>(&format!("{name}.Max"))?;
    Ok(min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max))
}

fn presence(asked: &Tree, name: &str, default: &str, has: bool) -> Result<bool, Ec2Error> {
    match asked.text(name).unwrap_or(default) {
        "included" => Ok(true),
        "excluded" => Ok(!has),
        "required" => Ok(has),
        other => Err(Ec2Error::invalid(format!("Value ({other}) for parameter {name} is invalid."))),
    }
}

fn protect_price(asked: &Tree, found: Vec<InstanceType>) -> Result<Vec<InstanceType>, Ec2Error> {
    let lowest = |price: fn(&InstanceType) -> f64| found.iter().map(price).fold(f64::INFINITY, f64::min);
    let spot = |t: &InstanceType| t.spot(0) / f64::from(t.vcpus);
    let over = asked.parsed::<f64>("SpotMaxPricePercentageOverLowestPrice")?;
    let share = asked.parsed::<f64>("MaxSpotPriceAsPercentageOfOptimalOnDemandPrice")?;
    let most = match (over, share) {
        (Some(over), _) => lowest(|t| t.spot(0) / f64::from(t.vcpus)) * (1.0 + over / 100.0),
        (None, Some(share)) => lowest(|t| t.on_demand / f64::from(t.vcpus)) * share / 100.0,
        (None, None) => f64::INFINITY,
    };
    // A hair of tolerance: sizes of a family have the same price a vCPU, but for the last bit.
    Ok(found.iter().filter(|t| spot(t) <= most * 1.000_001).cloned().collect())
}

/// `r7*` fits `r7g.large`; `*` is any run of characters, `?` any one.
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| fits(&pattern[1..], &name[at..]))
        }
        Some(c) => {
            let mut rest = name.chars();
            rest.next().is_some_and(|n| c == '?' || c == n) && fits(&pattern[c.len_utf8()..], rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn names(asked: Value, arch: Arch) -> Vec<String> {
        matching(&Tree::from_json(&asked), arch).unwrap().into_iter().map(|t| t.name).collect()
    }

    #[test]
    fn by_size_memory_and_pattern() {
        let asked = json!({"VCpuCount": {"Min": 8, "Max": 16}, "MemoryMiB": {"Min": 1}, "MemoryGiBPerVCpu": {"Min": 8},
            "AllowedInstanceTypes": ["r7*"]});
        let expected = ["r7i.2xlarge", "r7i.4xlarge", "r7a.2xlarge", "r7a.4xlarge"];
        assert_eq!(names(asked.clone(), Arch::X86_64), expected);
        assert_eq!(names(asked, Arch::Arm64), ["r7g.2xlarge", "r7g.4xlarge"]);
    }

    #[test]
    fn burstable_only_when_asked() {
        let mut asked = json!({"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192, "Max": 8192}});
        assert!(!names(asked.clone(), Arch::X86_64).contains(&"t3.large".to_owned()));
        asked["BurstablePerformance"] = json!("required");
        assert_eq!(names(asked, Arch::X86_64), ["t3.large"]);
    }

    #[test]
    fn price_protection() {
        let asked = json!({"VCpuCount": {"Min": 4, "Max": 4}, "MemoryMiB": {"Min": 32768}, "SpotMaxPricePercentageOverLowestPrice": 10});
        assert_eq!(names(asked, Arch::X86_64), ["r7i.xlarge"]);
    }

    #[test]
    fn what_is_not_simulated_is_refused() {
        let asked = json!({"VCpuCount": {"Min": 4}, "MemoryMiB": {"Min": 1}, "NetworkBandwidthGbps": {"Min": 10}});
        let error = matching(&Tree::from_json(&asked), Arch::X86_64).unwrap_err();
        assert!(error.message.contains("NetworkBandwidthGbps"), "{error:?}");
        let missing = matching(&Tree::from_json(&json!({"VCpuCount": {"Min": 4}})), Arch::X86_64).unwrap_err();
        assert_eq!(missing.code, "MissingParameter");
    }
}
