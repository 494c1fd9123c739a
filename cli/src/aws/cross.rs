//! How a worker is built for the machines of AWS with the tools that this machine has: which command of cargo for which
//! architecture, or everything that is missing and how to get it. It decides and looks tools up; it installs and downloads
//! nothing.

use super::elf::GLIBC;
use crate::cargo;
use spotmill_core::fleet::Architecture;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What there is to build with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The architecture of this machine, for which its own linker will do.
    pub host: Option<Architecture>,
    /// `cargo zigbuild`, and the zig that it links with.
    pub zigbuild: bool,
    pub zig: bool,
    /// Architectures whose standard library is installed.
    pub libraries: Vec<Architecture>,
}

/// The words after `cargo` that build for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    pub architecture: Architecture,
    pub words: Vec<String>,
    /// Whether the linker keeps to the machines' glibc; this machine's own takes the one that is here.
    pub keeps_glibc: bool,
}

pub fn triple(architecture: Architecture) -> String {
    format!("{}-unknown-linux-gnu", architecture.machine())
}

/// A command for each, or what is missing: a sentence with its remedy for each thing.
pub fn plan(wanted: &[Architecture], tools: &Tools) -> Result<Vec<Build>, Vec<String>> {
    let by_zig = tools.zigbuild && tools.zig;
    let mut missing = Vec::new();
    let foreign: Vec<&str> = wanted.iter().filter(|a| Some(**a) != tools.host).map(|a| a.machine()).collect();
    if !by_zig && !foreign.is_empty() {
        let what = match tools.zigbuild {
            true => "cargo-zigbuild finds no zig: pip install ziglang",
            false => "cargo-zigbuild is not on PATH: pip install cargo-zigbuild (it brings zig, the linker)",
        };
        missing.push(format!("for {}: {what}", foreign.join(" and ")));
    }
    for architecture in wanted.iter().filter(|a| !tools.libraries.contains(a)) {
        let triple = triple(*architecture);
        missing.push(format!("Rust's standard library for {triple}: rustup target add {triple}"));
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    Ok(wanted.iter().map(|architecture| build(*architecture, by_zig)).collect())
}

fn build(architecture: Architecture, by_zig: bool) -> Build {
    let (major, minor) = GLIBC;
    let (verb, floor) = if by_zig { ("zigbuild", format!(".{major}.{minor}")) } else { ("build", String::new()) };
    let words = [verb, "--release", "--target"].map(str::to_owned).into_iter();
    let words = words.chain([format!("{}{floor}", triple(architecture))]).collect();
    Build { architecture, words, keeps_glibc: by_zig }
}

/// What there is here, as the crate's own toolchain has it.
pub fn tools(manifest: &Path, wanted: &[Architecture]) -> Tools {
    let host = Architecture::ALL.into_iter().find(|a| a.machine() == std::env::consts::ARCH);
    let zigbuild = on_path("cargo-zigbuild").is_some();
    let libraries = wanted.iter().copied().filter(|a| has_library(manifest, *a)).collect();
    Tools { host, zigbuild, zig: zigbuild && has_zig(), libraries }
}

/// As cargo-zigbuild looks for it.
fn has_zig() -> bool {
    let named = std::env::var_os("CARGO_ZIGBUILD_ZIG_PATH").is_some_and(|path| Path::new(&path).is_file());
    named || on_path("zig").is_some() || ends_well(Command::new("python3").args(["-c", "import ziglang"]))
}

fn has_library(manifest: &Path, architecture: Architecture) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut asked = Command::new(rustc);
    asked.args(["--print", "target-libdir", "--target", &triple(architecture)]).current_dir(cargo::folder(manifest));
    let output = asked.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn ends_well(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Architecture::{Arm64, X86_64};

    fn tools(zigbuild: bool, zig: bool, libraries: &[Architecture]) -> Tools {
        Tools { host: Some(X86_64), zigbuild, zig, libraries: libraries.to_vec() }
    }

    #[track_caller]
    fn check(wanted: &[Architecture], tools: &Tools, expected: Result<&[&str], &[&str]>) {
        let found = plan(wanted, tools);
        let found = found.map(|all| all.iter().map(|b| b.words.join(" ")).collect::<Vec<_>>());
        let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(found, expected.map(owned).map_err(owned));
    }

    #[test]
    fn zig_links_for_both_and_this_machines_linker_for_its_own_kind() {
        let both = [
            "zigbuild --release --target x86_64-unknown-linux-gnu.2.34",
            "zigbuild --release --target aarch64-unknown-linux-gnu.2.34",
        ];
        check(&Architecture::ALL, &tools(true, true, &Architecture::ALL), Ok(&both));
        let plain = ["build --release --target x86_64-unknown-linux-gnu"];
        check(&[X86_64], &tools(false, false, &[X86_64]), Ok(&plain));
        check(&[X86_64], &tools(true, false, &[X86_64]), Ok(&plain));
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let no_tool =
            "for aarch64: cargo-zigbuild is not on PATH: pip install cargo-zigbuild (it brings zig, the linker)";
        let no_zig = "for aarch64: cargo-zigbuild finds no zig: pip install ziglang";
        let no_library =
            "Rust's standard library for aarch64-unknown-linux-gnu: rustup target add aarch64-unknown-linux-gnu";
        check(&Architecture::ALL, &tools(false, false, &[X86_64]), Err(&[no_tool, no_library]));
        check(&[Arm64], &tools(true, false, &[Arm64]), Err(&[no_zig]));
        check(&[Arm64], &tools(true, true, &[]), Err(&[no_library]));
        let elsewhere = Tools { host: None, ..tools(false, false, &Architecture::ALL) };
        assert!(plan(&[X86_64], &elsewhere).is_err(), "no other machine's linker is trusted");
    }
}
