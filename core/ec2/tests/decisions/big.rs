//! Machines for the largest items that a step may have.

use spotmill_core::fleet::FleetRequest;
use spotmill_ec2::{FleetPlace, create_fleet};
use std::collections::BTreeMap;

/// Types for one item of so many bytes, by architecture of the workers that there are.
fn types(memory_bytes: u64, architectures: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let workers: BTreeMap<&str, String> = architectures.iter().map(|(_, machine)| (*machine, "a".repeat(64))).collect();
    let templates: BTreeMap<&str, &str> = architectures.iter().map(|(name, _)| (*name, "lt-1")).collect();
    let request: FleetRequest = serde_json::from_value(serde_json::json!({
        "v": 1, "name": "n", "queue": "n", "callbacks": "c", "run": "p/1", "step": "s", "vcpus_per_item": 8,
        "memory_bytes_per_item": memory_bytes, "max_slots": 1, "execution": "e", "workers": workers,
        "valid_until_ms": 1_796_000_000_000u64,
    }))
    .expect("a request");
    let place: FleetPlace = serde_json::from_value(serde_json::json!({
        "stack": "etl", "root": "s3://b", "region": "eu-west-1", "templates": templates, "subnets": ["subnet-1"],
        "visibility_secs": 120,
    }))
    .expect("a place");
    let versions = place.templates.keys().map(|a| (*a, 1)).collect();
    let fleet = create_fleet(&request, &place, &versions).map_err(|e| e.to_string())?;
    let overrides = fleet.launch_template_configs.into_iter().flat_map(|c| c.overrides);
    Ok(overrides.flat_map(|o| o.instance_requirements.allowed_instance_types).collect())
}

const X86: (&str, &str) = ("x86_64", "x86_64");
const ARM: (&str, &str) = ("arm64", "aarch64");

#[test]
fn a_terabyte_and_a_half_has_machines_of_both_architectures_on_the_standard_quota() {
    let memory = 1_500_000_000_000;
    for architecture in [X86, ARM] {
        let found = types(memory, &[architecture]).expect("machines");
        // Eight GiB a vCPU: 192 of them and more.
        let fits = |t: &String| t.starts_with('r') && (t.ends_with(".48xlarge") || t.ends_with(".96xlarge"));
        assert!(!found.is_empty() && found.iter().all(fits), "{found:?}");
    }
    assert!(types(memory, &[ARM]).expect("machines").contains(&"r8g.48xlarge".to_owned()));
}

#[test]
fn all_of_a_machine_with_a_tebibyte_and_a_half_is_not_an_items() {
    // The system keeps a part of its 1,536 GiB: only twice as large ones are left, and arm64 has none.
    let memory = 1_536 << 30;
    assert_eq!(types(memory, &[X86, ARM]).expect("machines"), ["r8i.96xlarge"]);
    let refused = types(memory, &[ARM]).expect_err("too large");
    assert!(refused.contains("1536 GiB") && refused.contains("`max_memory`"), "{refused}");
}
