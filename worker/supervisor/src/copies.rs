//! Files of a store as files of this machine, for programs that read only those: each location has a copy below a folder,
//! whole, in the version that was asked for. Files that adjoin in a bundle come in one request and are cut apart here.

use spotmill_core::bundle::{Fetch, fetches};
use spotmill_core::ids::Uri;
use spotmill_core::item::InputFile;
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::several::several;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Requests at once.
const AT_ONCE: usize = 8;
const S3: &str = "s3://";

/// Why a file is not on this machine.
#[derive(Debug)]
pub enum NotCopied {
    /// No file can have its name.
    Unnameable(String),
    /// This machine cannot keep it.
    Here(PathBuf, io::Error),
    /// The store does not give it.
    There(Uri, StoreError),
}

/// Is a file one of this machine that needs no copy?
fn is_here(file: &InputFile) -> bool {
    !file.uri.is_s3() && file.bundled.is_none()
}

/// Copies all that are not here below `folder` and lets them name their copies.
pub async fn bring<'a>(
    store: &Arc<dyn Store>,
    folder: &Path,
    files: impl IntoIterator<Item = &'a mut InputFile>,
) -> Result<(), NotCopied> {
    let files: Vec<&mut InputFile> = files.into_iter().filter(|file| !is_here(file)).collect();
    let wanted: Vec<InputFile> = files.iter().map(|file| (**file).clone()).collect();
    let copies: BTreeMap<Uri, PathBuf> = wanted
        .iter()
        .map(|file| Ok((file.uri.clone(), copy_of(folder, &file.uri)?)))
        .collect::<Result<_, _>>()
        .map_err(NotCopied::Unnameable)?;
    for parent in copies.values().filter_map(|path| path.parent()).collect::<BTreeSet<_>>() {
        std::fs::create_dir_all(parent).map_err(|e| NotCopied::Here(parent.to_owned(), e))?;
    }
    let named = fetches(&wanted).into_iter().map(|fetch| {
        let to: Vec<PathBuf> = fetch.files.iter().filter_map(|file| copies.get(&file.uri).cloned()).collect();
        (fetch, to)
    });
    several(AT_ONCE, named.collect::<Vec<_>>(), |(wanted, to)| fetch(Arc::clone(store), wanted, to)).await?;
    for file in files {
        if let Some(copy) = copies.get(&file.uri) {
            file.uri = Uri::new(copy.to_string_lossy());
            file.bundled = None;
        }
    }
    Ok(())
}

/// `to`: a path for each file.
async fn fetch(store: Arc<dyn Store>, wanted: Fetch, to: Vec<PathBuf>) -> Result<(), NotCopied> {
    let Fetch { object, etag, range, files } = wanted;
    let Some(first) = to.first() else { return Ok(()) };
    let fetched = match range {
        Some(range) => store.download_range(&object, &etag, range, first).await,
        None => store.download(&object, &etag, first).await.map(drop),
    };
    // A file is named by its own location, also where it is not an object.
    fetched.map_err(|e| NotCopied::There(files.first().map_or(object, |file| file.uri.clone()), e))?;
    if to.len() < 2 {
        return Ok(());
    }
    let (sizes, whole) = (files.iter().map(|file| file.bytes).collect::<Vec<u64>>(), first.clone());
    let cut = tokio::task::spawn_blocking(move || cut(&to, &sizes)).await;
    cut.map_err(io::Error::other).and_then(|cut| cut).map_err(|e| NotCopied::Here(whole, e))
}

/// The first file holds what all of them do: each gets its own, from the last on, so that little is held twice.
fn cut(paths: &[PathBuf], sizes: &[u64]) -> io::Result<()> {
    let Some((first, others)) = paths.split_first() else { return Ok(()) };
    let mut whole = OpenOptions::new().read(true).write(true).open(first)?;
    let mut end: u64 = sizes.iter().sum();
    for (path, bytes) in others.iter().zip(sizes.iter().skip(1)).rev() {
        end -= bytes;
        whole.seek(SeekFrom::Start(end))?;
        let copied = io::copy(&mut (&whole).take(*bytes), &mut File::create(path)?)?;
        if copied != *bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        whole.set_len(end)?;
    }
    Ok(())
}

/// The path of the copy of `s3://bucket/key` is `bucket/key` below `folder`, so that folders of the key, such as
/// `dt=2024-03-10`, are folders of the copy. An error says why no file can have that path.
pub fn copy_of(folder: &Path, uri: &Uri) -> Result<PathBuf, String> {
    let name = uri.as_str().strip_prefix(S3).unwrap_or(uri.as_str().trim_start_matches('/'));
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.len() > 255;
    match name.split('/').find(|part| bad(part)) {
        None => Ok(folder.join(name)),
        Some(part) => Err(format!("{uri} cannot be read: no file can have `{part}` as a part of its name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::item::Bundled;
    use spotmill_platform::local::LocalStore;

    #[test]
    fn a_copy_keeps_the_folders_of_its_key() {
        let of = |uri: &str| copy_of(Path::new("/in"), &Uri::new(uri));
        assert_eq!(of("s3://b/dt=2024-03-10/x.csv"), Ok(PathBuf::from("/in/b/dt=2024-03-10/x.csv")));
        assert_eq!(of("/state/x.csv"), Ok(PathBuf::from("/in/state/x.csv")), "never the file itself");
        let long = format!("s3://b/{}", "x".repeat(256));
        for impossible in ["s3://b/../x", "s3://b/./x", "s3://b//x", "s3://b/x/", long.as_str()] {
            assert!(of(impossible).expect_err("no path").starts_with(impossible), "{impossible}");
        }
    }

    #[tokio::test]
    async fn files_of_a_bundle_come_apart_as_they_were_put_together() {
        let dir = tempfile::tempdir().expect("a directory");
        let (store, prefix): (Arc<dyn Store>, _) =
            (Arc::new(LocalStore::new()), Uri::new(dir.path().join("away").to_string_lossy()));
        store.put(&prefix.join("bundle"), b"onetwothreefour").await.expect("put");
        let etag = store.head(&prefix.join("bundle")).await.expect("head").etag;
        let file = |name: &str, offset, bytes| InputFile {
            uri: prefix.join(&format!("k={name}/0")),
            etag: etag.clone(),
            bytes,
            rows: None,
            bundled: Some(Bundled { offset, names: 2 }),
        };
        // Not the second; one twice; one that is empty.
        let all = [file("one", 0, 3), file("four", 11, 4), file("none", 6, 0), file("three", 6, 5), file("one", 0, 3)];
        let (mut read, here) = (all.clone(), dir.path().join("here"));
        bring(&store, &here, &mut read).await.expect("copies");
        let texts: Vec<String> =
            read.iter().map(|f| std::fs::read_to_string(f.uri.as_str()).expect("a copy")).collect();
        assert_eq!(texts, ["one", "four", "", "three", "one"]);
        assert!(read.iter().all(|f| f.uri.as_str().starts_with(&*here.to_string_lossy()) && is_here(f)));
        // Another version is nobody's.
        store.put(&prefix.join("bundle"), b"onetwothreefive").await.expect("put");
        let stale = bring(&store, &dir.path().join("there"), &mut all.clone()).await;
        assert!(matches!(&stale, Err(NotCopied::There(_, StoreError::Changed(_)))), "{stale:?}");
    }
}
