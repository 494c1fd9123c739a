//! What a program for Linux needs of a machine: its architecture, and the glibc its symbols are bound to. Machines and
//! functions run Amazon Linux 2023; a program that needs a newer glibc would end there before its first line.

use crate::exit::{Code, Stop, io};
use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64};
use object::read::elf::{ElfFile64, FileHeader};
use spotmill_core::fleet::Architecture;
use std::path::Path;

/// glibc of Amazon Linux 2023, of Lambda's `provided.al2023` too.
pub const GLIBC: (u32, u32) = (2, 34);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub architecture: Architecture,
    /// None of a program that is linked without it.
    pub glibc: Option<(u32, u32)>,
}

impl Needs {
    pub fn glibc_text(&self) -> Option<String> {
        self.glibc.map(|(major, minor)| format!("{major}.{minor}"))
    }
}

/// Reads a program, and refuses it if it cannot run there, unless `any_glibc`.
pub fn read(path: &Path, any_glibc: bool) -> Result<Needs, Stop> {
    let bytes = std::fs::read(path).map_err(io("read", path))?;
    let needs = of(&bytes).map_err(|what| Stop::usage(format!("{}: {what}", path.display())))?;
    match needs.glibc {
        Some(found) if found > GLIBC && !any_glibc => {
            let (major, minor) = found;
            let what = format!("{} needs glibc {major}.{minor}; Amazon Linux 2023 has 2.34", path.display());
            Err(Stop::new(Code::Invalid, what).remedy(
                "build it against an older one, which `worker build` does with cargo-zigbuild (pip install cargo-zigbuild); \
                 or deploy with --allow-any-glibc if your machines' image has a newer one",
            ))
        }
        _ => Ok(needs),
    }
}

fn of(bytes: &[u8]) -> Result<Needs, String> {
    let wrong = |e: object::Error| format!("is no program for Linux: {e}");
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(wrong)?;
    let endian = file.endian();
    let architecture = match file.elf_header().e_machine(endian) {
        EM_X86_64 => Architecture::X86_64,
        EM_AARCH64 => Architecture::Arm64,
        other => {
            return Err(format!("is for another architecture (ELF machine {other:?}); x86_64 or aarch64 is needed"));
        }
    };
    let sections = file.elf_section_table();
    let mut glibc = None;
    if let Some((mut needed, link)) = sections.gnu_verneed(endian, bytes).map_err(wrong)? {
        let names = sections.strings(endian, bytes, link).map_err(wrong)?;
        while let Some((_, mut versions)) = needed.next().map_err(wrong)? {
            while let Some(version) = versions.next().map_err(wrong)? {
                glibc = glibc.max(glibc_version(version.name(endian, names).map_err(wrong)?));
            }
        }
    }
    Ok(Needs { architecture, glibc })
}

/// `GLIBC_2.34`, and of `GLIBC_2.2.5` the first two; nothing of `GCC_3.0` or `GLIBC_PRIVATE`.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?.split('.').map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_text() {
        assert_eq!(glibc_version(b"GLIBC_2.9"), Some((2, 9)));
        assert!(glibc_version(b"GLIBC_2.34") > glibc_version(b"GLIBC_2.9"));
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version(b"GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version(b"GCC_3.0"), None);
    }

    #[test]
    fn this_very_program_is_read() {
        let needs = of(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert_eq!(needs.architecture.machine(), std::env::consts::ARCH);
        assert!(needs.glibc.is_some_and(|v| v >= (2, 17)), "{needs:?}");
    }

    #[test]
    fn what_is_no_program_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("script");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let stop = read(&path, false).expect_err("refused");
        assert!(stop.message.contains("script") && stop.message.contains("no program for Linux"), "{}", stop.message);
    }
}
