//! A child writes where its item does and nowhere else, opens no socket unless the pipeline says so, and stays in its
//! process group: what a function of a user does by mistake cannot reach other items, the supervisor's memory and files,
//! or the machine's credentials. The kernel keeps it, Landlock for files and a filter of system calls for the rest, for
//! this process and all that it starts; reading files stays free. A kernel that knows less of Landlock keeps less, and
//! the log says so.

use crate::{filter, rights};
use landlock::{
    ABI, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    path_beneath_rules,
};
use spotmill_core::item::ItemSpec;
use std::fs;
use std::path::{Path, PathBuf};

/// The rights this program asks for: writing since the first version of Landlock (Linux 5.13), truncating since 6.2.
const RIGHTS: ABI = ABI::V5;
const NULL: &str = "/dev/null";

/// Confines this process, which must have one thread; returns a sentence for the log.
pub fn confine(spec: &ItemSpec, outcome: &Path) -> Result<String, String> {
    let folders = writable(spec, outcome)?;
    let status = restrict(&folders).map_err(|e| format!("this child cannot be confined: {e}"))?;
    rights::drop_capabilities().map_err(|e| format!("this child cannot give up root's rights: {e}"))?;
    let network = match filter::install(spec.network) {
        Ok(()) if spec.network => "has a network",
        Ok(()) => "has no network",
        // As of Landlock: an emulated kernel, or an old one, has none.
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => {
            "keeps its network and its calls: this kernel has no filter of system calls (seccomp)"
        }
        Err(e) => return Err(format!("this child's system calls cannot be filtered: {e}")),
    };
    let files = match status {
        RulesetStatus::FullyEnforced => "confined: it writes below its own folders",
        RulesetStatus::PartiallyEnforced => {
            "confined: it writes below its own folders, as far as this kernel's Landlock can"
        }
        RulesetStatus::NotEnforced => "not confined to its folders: this kernel has no Landlock",
    };
    Ok(format!("{files}, and {network}"))
}

/// The folders of the item: its outputs, its temporary files, its answer.
fn writable(spec: &ItemSpec, outcome: &Path) -> Result<Vec<PathBuf>, String> {
    let beside = outcome.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut folders = vec![PathBuf::from(&spec.tmp), beside.to_owned()];
    if !spec.scratch.is_s3() {
        folders.push(PathBuf::from(spec.scratch.as_str()));
    }
    for folder in &folders {
        fs::create_dir_all(folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    }
    Ok(folders)
}

fn restrict(folders: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let write = AccessFs::from_write(RIGHTS);
    let rules = Ruleset::default().handle_access(write)?;
    let mut rules = rules.create()?.add_rules(path_beneath_rules(folders, write))?;
    if let Ok(null) = PathFd::new(NULL) {
        rules = rules.add_rule(PathBeneath::new(null, AccessFs::from_file(RIGHTS) & write))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
