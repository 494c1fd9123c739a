//! The processor the programs are built for (`.cargo/config.toml`), compared with what Linux reports of this one. An
//! older one would die of an illegal instruction in the middle of an item without a message. The language's own feature
//! test cannot be used: in a program built for a feature it is the constant `true`.

/// What x86-64-v3 adds, by the names of `/proc/cpuinfo` (`abm` is lzcnt).
pub const X86_64: &[&str] = &["avx2", "bmi1", "bmi2", "fma", "f16c", "abm", "movbe"];
/// What Neoverse N1 has beyond ARMv8.0.
pub const AARCH64: &[&str] = &["atomics", "crc32", "asimddp"];

/// What the program was built with and the processor lacks, as a sentence; none where Linux reports nothing of it.
pub fn lacking(cpuinfo: &str, needed: &[&'static str]) -> Option<String> {
    let is_flags = |line: &&str| line.starts_with("flags") || line.starts_with("Features");
    let flags: Vec<&str> = cpuinfo.lines().find(is_flags)?.split_whitespace().collect();
    let lacks: Vec<&str> = needed.iter().filter(|f| !flags.contains(f)).copied().collect();
    (!lacks.is_empty()).then(|| {
        format!(
            "this program was built for a newer processor than this one, which lacks {}; use a machine of this \
             decade (every EC2 generation from 5 on), or build without .cargo/config.toml",
            lacks.join(", ")
        )
    })
}

/// What this very program was built with.
pub fn needed() -> &'static [&'static str] {
    if cfg!(all(target_arch = "x86_64", target_feature = "avx2")) {
        X86_64
    } else if cfg!(all(target_arch = "aarch64", target_feature = "lse")) {
        AARCH64
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_processor_is_named_by_what_it_lacks() {
        let old = "processor : 0\nflags\t\t: fpu sse4_2 avx abm movbe\n";
        let message = lacking(old, X86_64).expect("lacks");
        assert!(message.contains("avx2, bmi1, bmi2, fma, f16c;"), "{message}");
        assert_eq!(lacking("flags : avx2 bmi1 bmi2 fma f16c abm movbe sse", X86_64), None);
        assert!(lacking("Features : fp asimd crc32", AARCH64).expect("lacks").contains("atomics, asimddp"));
        assert_eq!(lacking("", X86_64), None);
    }
}
