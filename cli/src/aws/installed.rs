//! What a release has beside its programs for the machines of AWS: the stock worker for the other architecture, and the
//! functions' program. A tarball has them; of the wheels the one that the extra `aws` brings. The folder is named by the
//! version, so that what another release left is never taken for this one's.

use crate::worker::STOCK;
use spotmill_core::fleet::Architecture;
use std::path::{Path, PathBuf};

/// A wheel and the installer put programs into `bin` and this beside it; a tarball that was only unpacked has both in one folder.
fn folders(program: &Path) -> Vec<PathBuf> {
    let share = Path::new("share/spotmill").join(env!("CARGO_PKG_VERSION"));
    let bin = program.parent();
    [bin.and_then(Path::parent), bin].into_iter().flatten().map(|home| home.join(&share)).collect()
}

fn shares() -> Vec<PathBuf> {
    std::env::current_exe().map(|exe| folders(&exe)).unwrap_or_default()
}

/// What brings them to an installation that has only the programs.
pub fn install_command() -> String {
    format!("pip install 'spotmill[aws]=={}'", env!("CARGO_PKG_VERSION"))
}

/// The stock worker for machines of another kind than this one.
pub fn worker(architecture: Architecture) -> Option<PathBuf> {
    shares().into_iter().map(|home| home.join(architecture.machine()).join(STOCK)).find(|program| program.is_file())
}

/// Where the functions' program may be.
pub fn functions() -> Vec<PathBuf> {
    shares().into_iter().map(|home| home.join("lambda")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_lies_beside_its_programs_or_above_them() {
        let version = env!("CARGO_PKG_VERSION");
        let at = |home: &str| PathBuf::from(format!("{home}/share/spotmill/{version}"));
        assert_eq!(folders(Path::new("/venv/bin/spotmill")), [at("/venv"), at("/venv/bin")]);
        assert_eq!(folders(Path::new("/spotmill")), [at("")]);
    }
}
