//! Objects as files under absolute paths. Writes are atomic and durable in order (see `atomic`); an ETag names the
//! version of a file that was seen, and `get`, `head` and `list` give the same for the same file. It never changes a
//! file in place, and never touches a file that it was not asked to.

use super::atomic::{LocationLock, Staged, SwapLock, WriteError, etag as version, sweep};
use super::walk;
use crate::ports::{Created, Hold, Object, ObjectMeta, Store, StoreError, Swapped};
use async_trait::async_trait;
use rustix::io::Errno;
use spotmill_core::digest::Content;
use spotmill_core::ids::Uri;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// In a location that is held: what is there is ours.
const OWN_FOLDER: &str = spotmill_core::destination::FOLDER;

/// Copied at once.
const PAGE_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug, Default)]
pub struct LocalStore;

impl LocalStore {
    pub fn new() -> Self {
        Self
    }

    /// `copy` of a file that need not be an object, or of a range of it; returns what was copied (`digest::Content`).
    pub(crate) async fn copy_file(
        &self,
        from: PathBuf,
        range: Option<Range<u64>>,
        to: &Uri,
    ) -> Result<String, StoreError> {
        writing(to, move |path, _| {
            let content = Cell::new(String::new());
            let staged = Staged::unsynced(path, |file| {
                let (mut source, _) = open(&from)?;
                let range = range.clone().unwrap_or(0..u64::MAX);
                source.seek(SeekFrom::Start(range.start))?;
                content.set(copied(source.take(range.end - range.start), file)?);
                Ok(())
            })?;
            let _lock = SwapLock::take_if_any(path)?;
            staged.replace()?;
            Ok(content.into_inner())
        })
        .await
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        blocking(uri, |path, _| {
            let (mut file, meta) = open(path)?;
            let mut body = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
            file.read_to_end(&mut body)?;
            Ok(Object { etag: version(&meta), body })
        })
        .await
    }

    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        blocking(uri, move |path, _| {
            let (mut file, _) = open(path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut body = Vec::new();
            file.take(to.saturating_sub(from)).read_to_end(&mut body)?;
            Ok(body)
        })
        .await
    }

    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        blocking(uri, |path, uri| {
            let meta = fs::metadata(path)?;
            if !meta.is_file() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            Ok(walk::object(uri.clone(), &meta))
        })
        .await
    }

    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        let body = body.to_vec();
        writing(uri, move |path, _| {
            if fs::symlink_metadata(path).is_ok() || !Staged::bytes(path, &body)?.claim()? {
                return Ok(Created::Already);
            }
            Ok(Created::Now)
        })
        .await
    }

    async fn swap(&self, uri: &Uri, expected: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        let (expected, body) = (expected.to_owned(), body.to_vec());
        blocking(uri, move |path, _| {
            let found = |path: &Path| match fs::metadata(path) {
                Ok(meta) => Ok(Some(version(&meta))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e),
            };
            if found(path)?.as_deref() != Some(expected.as_str()) {
                return Ok(Swapped::No);
            }
            let staged = Staged::bytes(path, &body)?;
            let _lock = SwapLock::take(path)?;
            if found(path)?.as_deref() != Some(expected.as_str()) {
                return Ok(Swapped::No);
            }
            Ok(Swapped::Yes(staged.replace()?))
        })
        .await
    }

    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        let body = body.to_vec();
        writing(uri, move |path, _| {
            let staged = Staged::bytes(path, &body)?;
            let _lock = SwapLock::take_if_any(path)?;
            staged.replace()?;
            Ok(())
        })
        .await
    }

    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        blocking(prefix, |_, prefix| Ok(walk::list(prefix.as_str())?)).await
    }

    async fn real(&self, location: &Uri) -> Result<Uri, StoreError> {
        blocking(location, |path, _| Ok(walk::real(path)?)).await
    }

    async fn links(&self, prefix: &Uri) -> Result<Vec<(Uri, Uri)>, StoreError> {
        blocking(prefix, |_, prefix| Ok(walk::links(prefix.as_str())?)).await
    }

    /// A copy of the bytes, never a link: whoever edits one of the two must not edit the other.
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        let source = path_of(from)?;
        // An error of the source names the source.
        blocking(from, |path, _| Ok(open(path).map(drop)?)).await?;
        self.copy_file(source, None, to).await.map(Some)
    }

    async fn copy_range(&self, from: &Uri, range: Range<u64>, to: &Uri) -> Result<Option<String>, StoreError> {
        let source = path_of(from)?;
        if self.head(from).await?.bytes < range.end {
            return Err(StoreError::Changed(from.clone()));
        }
        self.copy_file(source, Some(range), to).await.map(Some)
    }

    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        blocking(uri, |path, _| {
            let _lock = SwapLock::take_if_any(path)?;
            match fs::remove_file(path) {
                Ok(()) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Ok(());
                }
                Err(e) => return Err(e.into()),
            }
            // An object store has no empty directories. One level only, and never one with anything in it.
            if let Some(parent) = path.parent() {
                let _ = fs::remove_dir(parent);
            }
            Ok(())
        })
        .await
    }

    async fn flush(&self, location: &Uri) -> Result<(), StoreError> {
        blocking(location, |path, _| {
            // The file system of what is there, or of where it was deleted from.
            let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
            match rustix::fs::syncfs(File::open(there)?) {
                Ok(()) | Err(Errno::NOSYS) => Ok(()),
                Err(e) => Err(io::Error::from(e).into()),
            }
        })
        .await
    }

    async fn hold(&self, location: &Uri) -> Result<Hold, StoreError> {
        let folder = location.join(OWN_FOLDER);
        let lock = writing(&folder, |path, _| Ok(LocationLock::try_take(path)?)).await?;
        lock.map(Hold::new).ok_or_else(|| StoreError::Busy(location.clone()))
    }

    async fn sweep(&self, location: &Uri) -> Result<usize, StoreError> {
        blocking(location, |path, _| Ok(sweep(path, OWN_FOLDER, true)?)).await
    }

    async fn download(&self, uri: &Uri, expected: &str, to: &Path) -> Result<u64, StoreError> {
        let (expected, to) = (expected.to_owned(), to.to_owned());
        let copied = blocking(uri, move |path, _| {
            let (mut source, meta) = open(path)?;
            if version(&meta) != expected {
                return Ok(None);
            }
            let bytes = io::copy(&mut source, &mut File::create(&to)?)?;
            // Somebody may have written into the file while it was read.
            Ok((version(&source.metadata()?) == expected).then_some(bytes))
        })
        .await?;
        copied.ok_or_else(|| StoreError::Changed(uri.clone()))
    }

    async fn download_range(&self, uri: &Uri, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError> {
        let (expected, to) = (etag.to_owned(), to.to_owned());
        let copied = blocking(uri, move |path, _| {
            let (mut source, meta) = open(path)?;
            if version(&meta) != expected || meta.len() < range.end {
                return Ok(false);
            }
            source.seek(SeekFrom::Start(range.start))?;
            io::copy(&mut (&source).take(range.end - range.start), &mut File::create(&to)?)?;
            Ok(version(&source.metadata()?) == expected)
        })
        .await?;
        copied.then_some(()).ok_or_else(|| StoreError::Changed(uri.clone()))
    }

    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        let from = from.to_owned();
        writing(to, move |path, _| {
            let staged = Staged::new(path, |file| io::copy(&mut File::open(&from)?, file).map(drop))?;
            let _lock = SwapLock::take_if_any(path)?;
            staged.replace()?;
            Ok(())
        })
        .await
    }
}

/// Operations that write: a name that leads nowhere is no absent object, it is a place that cannot be made.
async fn writing<T: Send + 'static>(
    uri: &Uri,
    work: impl FnOnce(&Path, &Uri) -> Result<T, WriteError> + Send + 'static,
) -> Result<T, StoreError> {
    let in_the_way = |path: &Path| path.ancestors().skip(1).find(|p| p.exists() && !p.is_dir()).map(Path::to_owned);
    blocking(uri, |path, uri| work(path, uri)).await.map_err(|e| match e {
        StoreError::NotFound(uri) => {
            let what = match in_the_way(Path::new(uri.as_str())) {
                Some(file) => format!("cannot be written, because {} is a file and no directory", file.display()),
                None => "cannot be written: its directory cannot be made".to_owned(),
            };
            broken(&uri, &what, io::ErrorKind::NotADirectory.into())
        }
        other => other,
    })
}

/// Copies all; returns the digest of what it was.
fn copied(mut from: impl Read, to: &mut File) -> io::Result<String> {
    let (mut page, mut content) = (vec![0; PAGE_BYTES], Content::default());
    loop {
        match from.read(&mut page) {
            Ok(0) => return Ok(content.hex()),
            Ok(n) => {
                content.update(&page[..n]);
                to.write_all(&page[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Opens a regular file, with what identifies the version that was opened.
fn open(path: &Path) -> io::Result<(File, fs::Metadata)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok((file, meta))
}

impl From<io::Error> for WriteError {
    fn from(e: io::Error) -> Self {
        WriteError::Before(e)
    }
}

fn path_of(uri: &Uri) -> Result<PathBuf, StoreError> {
    let what = if uri.is_s3() {
        "an S3 location where only paths of this machine are taken; give an absolute path"
    } else if uri.as_str().starts_with('/') {
        return Ok(PathBuf::from(uri.as_str()));
    } else {
        "not an absolute path"
    };
    Err(broken(uri, what, io::ErrorKind::InvalidInput.into()))
}

fn broken(uri: &Uri, what: &str, source: io::Error) -> StoreError {
    StoreError::Broken { uri: uri.clone(), what: what.to_owned(), source: source.into() }
}

/// Runs file operations off the async threads. They finish even if nobody waits any more.
async fn blocking<T: Send + 'static>(
    uri: &Uri,
    work: impl FnOnce(&Path, &Uri) -> Result<T, WriteError> + Send + 'static,
) -> Result<T, StoreError> {
    let path = path_of(uri)?;
    let uri = uri.clone();
    let task_uri = uri.clone();
    match tokio::task::spawn_blocking(move || work(&path, &task_uri)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(WriteError::Before(e))) => Err(name_error(uri, e)),
        Ok(Err(WriteError::After(e))) => Err(StoreError::Unknown { uri, source: e.into() }),
        Err(e) => Err(StoreError::Broken { uri, what: "a file operation did not finish".to_owned(), source: e.into() }),
    }
}

fn name_error(uri: Uri, e: io::Error) -> StoreError {
    use io::ErrorKind as K;
    match e.kind() {
        K::NotFound | K::NotADirectory => StoreError::NotFound(uri),
        K::PermissionDenied | K::ReadOnlyFilesystem => StoreError::Denied { uri, source: e.into() },
        K::StorageFull | K::QuotaExceeded => StoreError::Full(uri),
        K::Interrupted | K::ResourceBusy | K::StaleNetworkFileHandle | K::TimedOut | K::WouldBlock => {
            StoreError::Transient { uri, what: "the file system is busy".to_owned(), source: e.into() }
        }
        _ if matches!(Errno::from_io_error(&e), Some(Errno::MFILE | Errno::NFILE)) => {
            StoreError::Transient { uri, what: "too many open files".to_owned(), source: e.into() }
        }
        _ => {
            let what = e.to_string();
            broken(&uri, &what, e)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_a_caller_can_do() {
        let named = |errno: Errno| name_error(Uri::new("/x"), errno.into());
        assert!(matches!(named(Errno::NOSPC), StoreError::Full(_)));
        assert!(matches!(named(Errno::DQUOT), StoreError::Full(_)));
        assert!(matches!(named(Errno::ACCESS), StoreError::Denied { .. }));
        assert!(matches!(named(Errno::PERM), StoreError::Denied { .. }));
        assert!(matches!(named(Errno::ROFS), StoreError::Denied { .. }));
        assert!(matches!(named(Errno::MFILE), StoreError::Transient { .. }));
        assert!(matches!(named(Errno::STALE), StoreError::Transient { .. }));
        assert!(matches!(named(Errno::IO), StoreError::Broken { .. }));
    }
}
