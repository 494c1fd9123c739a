//! Users of the system that children run as, where this process may choose them: each child that runs has a number of its
//! own, of no name, no shell and no group but its own, so that it reads nothing that is not for everybody, signals
//! nobody, and no other child reaches what it has. Its attempt's directory is handed to it when it starts and taken back
//! when it has ended, before its number is another's.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// More than a machine has slots.
const MOST: u32 = 1_000;
/// What it takes to make, serve, end and clean up after a child of another user, by number and name.
const NEEDED: [(u32, &str); 6] = [
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (3, "CAP_FOWNER"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
];
/// Version 3 of `struct __user_cap_header_struct`.
const CAPABILITIES: u32 = 0x2008_0522;

/// The numbers from `first` on, and those of them that are taken.
#[derive(Clone, Debug)]
pub struct Users {
    first: u32,
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

impl Users {
    /// Nothing for root, and for a number that is none.
    pub fn from(first: u32) -> Option<Users> {
        (first > 0 && first < u32::MAX - MOST).then(|| Users { first, taken: Arc::default() })
    }

    /// Whether this process may have children of other users; the error says what it lacks. Asked at the start: later each
    /// item would fail by it.
    pub fn allowed() -> std::result::Result<(), String> {
        let status = fs::read_to_string("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
        match lacking(&status) {
            None => Err("/proc/self/status does not say which capabilities this process has".to_owned()),
            Some(lacking) if lacking.is_empty() => Ok(()),
            Some(lacking) => Err(format!("this process lacks {}", lacking.join(", "))),
        }
    }

    /// The lowest number that is free.
    pub fn take(&self) -> Result<User> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (self.first..self.first + MOST).find(|id| !taken.contains(id));
        let id = id.ok_or_else(|| Error::other(format!("{MOST} children run at once")))?;
        taken.insert(id);
        Ok(User { id, of: self.clone() })
    }
}

/// A child's user, and its group of the same number; free again when dropped.
#[derive(Debug)]
pub struct User {
    id: u32,
    of: Users,
}

impl Drop for User {
    fn drop(&mut self) {
        self.of.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl User {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// It may read the attempt's directory, nobody else may; and it owns these folders below it.
    pub fn hand_over<'a>(&self, attempt: &Path, folders: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
        for folder in folders {
            if !folder.starts_with(attempt) {
                return Err(Error::other(format!("{} is not the attempt's to hand over", folder.display())));
            }
            fs::create_dir_all(folder)?;
            chown(folder, Some(self.id), Some(self.id))?;
        }
        chown(attempt, None, Some(self.id))?;
        fs::set_permissions(attempt, Permissions::from_mode(0o750))
    }
}

/// Capabilities that a process of this status needs and has not; nothing if the status does not say.
fn lacking(status: &str) -> Option<Vec<&'static str>> {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let has = u64::from_str_radix(set.trim(), 16).ok()?;
    Some(NEEDED.iter().filter(|(bit, _)| has & (1 << bit) == 0).map(|(_, name)| *name).collect())
}

/// No child reaches what is below any more, whoever owns it.
pub fn take_back(attempt: &Path) -> Result<()> {
    fs::set_permissions(attempt, Permissions::from_mode(0o700))
}

/// A file that a child wrote is read as what it is: a link, also of a folder on the way to it, would lead to files that
/// are not the child's.
pub fn is_plain_file(folder: &Path, path: &str) -> Result<()> {
    let below: Vec<&Path> = Path::new(path).ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
    for (up, part) in below.into_iter().enumerate() {
        let meta = fs::symlink_metadata(folder.join(part))?;
        let plain = if up == 0 { meta.is_file() && meta.nlink() == 1 } else { meta.is_dir() };
        if !plain {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{} is a link, or no file", part.display())));
        }
    }
    Ok(())
}

/// Makes the calling process, which has one thread, another user's for good, without groups and capabilities.
#[expect(unsafe_code, reason = "between fork and exec, where only system calls are allowed")]
pub fn become_user(id: u32) -> Result<()> {
    let (header, none) = ([CAPABILITIES, 0], [0_u32; 6]);
    // SAFETY: system calls that take numbers, or read the arrays above, which have the sizes that the kernel asks for.
    let steps = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setresgid(id, id, id) == 0
            && libc::setresuid(id, id, id) == 0
            && libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) == 0
            && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    };
    if steps { Ok(()) } else { Err(Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_to_have_children_of_other_users_is_named() {
        let of = |set: &str| lacking(&format!("Name:\tworker\nCapEff:\t{set}\n"));
        assert_eq!(of("000001ffffffffff"), Some(vec![]));
        assert_eq!(of("00000000000000eb"), Some(vec![]), "what the worker's unit has");
        assert_eq!(of("000000000000006b"), Some(vec!["CAP_SETUID"]));
        assert_eq!(of("0000000000000000").map(|all| all.len()), Some(NEEDED.len()));
        assert_eq!((of("none"), lacking("")), (None, None));
    }

    #[test]
    fn each_child_has_a_number_of_its_own_and_none_is_roots() {
        assert!(Users::from(0).is_none() && Users::from(u32::MAX).is_none());
        let users = Users::from(70_000).expect("users");
        let (a, b) = (users.take().expect("one"), users.take().expect("another"));
        assert_eq!((a.id(), b.id()), (70_000, 70_001));
        drop(a);
        assert_eq!(users.take().expect("the first again").id(), 70_000);
        let all: Vec<User> = (1..MOST).map(|_| users.take().expect("free")).collect();
        assert!(users.take().is_err(), "{} are taken", all.len() + 1);
    }
}
