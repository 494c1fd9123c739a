//! A child may write where its item does and nowhere else, and opens no connection unless the pipeline says so: what a
//! function of a user does by mistake cannot reach other items, the supervisor's files, or the machine's credentials.
//! The kernel keeps it (Landlock), for this process and all that it starts; reading files stays free. A kernel that
//! knows less keeps less, and the log says so.

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, path_beneath_rules,
};
use spotmill_core::item::ItemSpec;
use std::fs;
use std::path::{Path, PathBuf};

/// The rights this program asks for: writing since the first version of Landlock, TCP since the fourth (Linux 6.7).
const RIGHTS: ABI = ABI::V5;
const NULL: &str = "/dev/null";

/// Confines this process, which must have one thread; returns a sentence for the log.
pub fn confine(spec: &ItemSpec, outcome: &Path) -> Result<&'static str, String> {
    let folders = writable(spec, outcome)?;
    let status = restrict(&folders, spec.network).map_err(|e| format!("this child cannot be confined: {e}"))?;
    Ok(match (status, spec.network) {
        (RulesetStatus::FullyEnforced, false) => "confined: it writes below its own folders and has no network",
        (RulesetStatus::FullyEnforced, true) => "confined: it writes below its own folders",
        (RulesetStatus::PartiallyEnforced, _) => "confined as far as this kernel can (see Landlock)",
        (RulesetStatus::NotEnforced, _) => "not confined: this kernel has no Landlock",
    })
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

fn restrict(folders: &[PathBuf], network: bool) -> Result<RulesetStatus, RulesetError> {
    let write = AccessFs::from_write(RIGHTS);
    let mut rules = Ruleset::default().handle_access(write)?;
    if !network {
        rules = rules.handle_access(AccessNet::from_all(RIGHTS))?;
    }
    let mut rules = rules.create()?.add_rules(path_beneath_rules(folders, write))?;
    if let Ok(null) = PathFd::new(NULL) {
        rules = rules.add_rule(PathBeneath::new(null, AccessFs::from_file(RIGHTS) & write))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
