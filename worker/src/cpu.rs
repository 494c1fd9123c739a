//! The processor this program was built for, asked about before anything else: an older one would die of an
//! illegal instruction in the middle of an item and say nothing.

/// What the processor lacks, if it does.
pub fn missing() -> Option<String> {
    let lacks = lacking();
    if lacks.is_empty() {
        return None;
    }
    Some(format!(
        "this worker needs {}; this processor lacks {}: use a machine of this decade (every EC2 generation from 5 on)",
        if cfg!(target_arch = "x86_64") { "x86-64-v3" } else { "ARMv8.2 with LSE atomics" },
        lacks.join(", ")
    ))
}

#[cfg(target_arch = "x86_64")]
fn lacking() -> Vec<&'static str> {
    let has = [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("bmi1", std::is_x86_feature_detected!("bmi1")),
        ("bmi2", std::is_x86_feature_detected!("bmi2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("f16c", std::is_x86_feature_detected!("f16c")),
        ("lzcnt", std::is_x86_feature_detected!("lzcnt")),
        ("movbe", std::is_x86_feature_detected!("movbe")),
    ];
    has.into_iter().filter(|(_, here)| !here).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn lacking() -> Vec<&'static str> {
    let has = [
        ("lse", std::arch::is_aarch64_feature_detected!("lse")),
        ("crc", std::arch::is_aarch64_feature_detected!("crc")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
    ];
    has.into_iter().filter(|(_, here)| !here).map(|(name, _)| name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn lacking() -> Vec<&'static str> {
    Vec::new()
}
