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

/// Which version of a file this is. Everything written here gets a modification time of its own, in nanoseconds, so
/// that even a file of the same size in a reused inode differs; other people's files have what the kernel stamps.
pub(super) fn etag(meta: &fs::Metadata) -> String {
    format!("{:x}-{:x}-{:x}-{:x}", meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino())
}

/// Where the error happened decides what a caller may conclude from it.
pub(super) enum WriteError {
    /// The name still shows what it showed before.
    Before(io::Error),
    /// The new content stands under its name, but perhaps not yet on the disk.
    After(io::Error),
}

/// A finished temporary file; removed again unless it gets its name.
pub(super) struct Staged {
    tmp: PathBuf,
    target: PathBuf,
    etag: String,
}

impl Staged {
    pub(super) fn new(target: &Path, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<Staged> {
        let parent = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let (mut file, tmp) = open_tmp(parent)?;
        let mut staged = Staged { tmp, target: target.to_owned(), etag: String::new() };
        fill(&mut file)?;
        file.set_modified(SystemTime::now())?;
        file.sync_all()?;
        staged.etag = etag(&file.metadata()?);
        Ok(staged)
    }

    pub(super) fn bytes(target: &Path, body: &[u8]) -> io::Result<Staged> {
        Staged::new(target, |file| file.write_all(body))
    }

    /// Gives it its name whatever stands there; returns its ETag.
    pub(super) fn replace(self) -> Result<String, WriteError> {
        fs::rename(&self.tmp, &self.target).map_err(WriteError::Before)?;
        self.sync_directory()?;
        Ok(self.etag.clone())
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
        let Some(parent) = self.target.parent() else {
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(parent)?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
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
