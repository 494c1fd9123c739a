//! Files that appear whole or not at all. Content goes to a temporary file in the same directory, to the disk, and
//! only then under its name: a process killed at any instruction leaves the old content or the new, and perhaps a
//! temporary file, which listings ignore.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const TMP: &str = ".spotmill-tmp-";
const LOCK: &str = ".spotmill-lock-";

/// Whether a file of this name is an object at all.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with(TMP) || name.starts_with(LOCK)
}

/// Which version of a file this is. Everything this module writes gets a modification time of its own, in nanoseconds,
/// so that even a file of the same size in a reused inode differs; other people's files have what the kernel stamps, of
/// which nobody can set back the time of the last change.
pub(super) fn etag(meta: &fs::Metadata) -> String {
    let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    let (size, inode) = (meta.size(), meta.ino());
    format!("{:x}-{:x}-{size:x}-{inode:x}-{:x}-{:x}", modified.0, modified.1, changed.0, changed.1)
}

/// Where the error happened decides what a caller may conclude from it.
pub(super) enum WriteError {
    /// The name still shows what it showed before.
    Before(io::Error),
    /// The new content stands under its name, but perhaps not yet on the disk.
    After(io::Error),
}

/// A finished temporary file; removed unless it gets its name.
pub(super) struct Staged {
    tmp: PathBuf,
    target: PathBuf,
    synced: bool,
}

impl Staged {
    pub(super) fn new(target: &Path, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<Staged> {
        Staged::filled(target, true, fill)
    }

    /// One that is not on the disk before `LocalStore::flush`.
    pub(super) fn unsynced(target: &Path, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<Staged> {
        Staged::filled(target, false, fill)
    }

    fn filled(target: &Path, synced: bool, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<Staged> {
        let parent = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let (mut file, tmp) = open_tmp(parent)?;
        let staged = Staged { tmp, target: target.to_owned(), synced };
        fill(&mut file)?;
        file.set_modified(SystemTime::now())?;
        if synced {
            file.sync_all()?;
        }
        Ok(staged)
    }

    pub(super) fn bytes(target: &Path, body: &[u8]) -> io::Result<Staged> {
        Staged::new(target, |file| file.write_all(body))
    }

    /// Gives it its name whatever stands there; returns its ETag, which is its own while nobody else may write it.
    pub(super) fn replace(self) -> Result<String, WriteError> {
        fs::rename(&self.tmp, &self.target).map_err(WriteError::Before)?;
        self.sync_directory()?;
        fs::metadata(&self.target).map(|meta| etag(&meta)).map_err(WriteError::After)
    }

    /// Gives it its name if nothing stands there.
    pub(super) fn claim(self) -> Result<bool, WriteError> {
        match renameat_with(CWD, &self.tmp, CWD, &self.target, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(false),
            // File systems without it have hard links: the same promise, and `drop` removes the other name.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match fs::hard_link(&self.tmp, &self.target) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                Err(e) => return Err(WriteError::Before(e)),
            },
            Err(e) => return Err(WriteError::Before(e.into())),
        }
        self.sync_directory()?;
        Ok(true)
    }

    fn sync_directory(&self) -> Result<(), WriteError> {
        let Some(parent) = self.target.parent().filter(|_| self.synced) else {
            return Ok(());
        };
        File::open(parent).and_then(|d| d.sync_all()).map_err(WriteError::After)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.tmp);
    }
}

fn open_tmp(parent: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for _ in 0..8 {
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let tmp = parent.join(format!("{TMP}{:x}-{nanos:x}-{count:x}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&tmp) {
            Ok(file) => return Ok((file, tmp)),
            // Nobody made the directory yet, or a delete has just removed it because it was empty.
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_directories(parent)?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

/// Makes a directory and those above it, each on the disk before what is in it.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(above) = directory.parent() {
        make_directories(above)?;
        match fs::create_dir(directory) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(io::ErrorKind::NotADirectory.into()),
            Err(e) => return Err(e),
            Ok(()) => File::open(above)?.sync_all()?,
        }
    }
    Ok(())
}

/// A location held against other processes that ask for it; the kernel frees it with the process, and with nothing
/// else: a process that is stopped holds it, wherever its number means something and wherever it does not.
pub(super) struct LocationLock {
    _file: File,
}

impl LocationLock {
    /// Nothing if another has it.
    pub(super) fn try_take(folder: &Path) -> io::Result<Option<LocationLock>> {
        make_directories(folder)?;
        let file = super::lock::try_file(&folder.join(format!("{LOCK}location")))?;
        Ok(file.map(|file| LocationLock { _file: file }))
    }
}

/// Removes the temporary files of killed writers below `directory`, but not those below a folder that has a lock of
/// its own: another may be writing there. Links are not followed.
pub(super) fn sweep(directory: &Path, ours: &str, top: bool) -> io::Result<usize> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(0),
        Err(e) => return Err(e),
    };
    if !top && directory.join(ours).is_dir() {
        return Ok(0);
    }
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += sweep(&entry.path(), ours, false)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().starts_with(TMP) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Held while an object is compared and swapped; the kernel frees it with the process.
pub(super) struct SwapLock {
    _file: File,
}

impl SwapLock {
    /// Waits for the lock beside `target`, making the lock file if need be.
    pub(super) fn take(target: &Path) -> io::Result<SwapLock> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(lock_path(target)?)?;
        file.lock()?;
        Ok(SwapLock { _file: file })
    }

    /// Waits for the lock if `target` was ever swapped: other writes must not slip between a swap's two halves.
    pub(super) fn take_if_any(target: &Path) -> io::Result<Option<SwapLock>> {
        match OpenOptions::new().write(true).open(lock_path(target)?) {
            Ok(file) => {
                file.lock()?;
                Ok(Some(SwapLock { _file: file }))
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn lock_path(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().and_then(|n| n.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(target.with_file_name(format!("{LOCK}{name}")))
}
