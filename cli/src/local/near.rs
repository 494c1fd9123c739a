//! Files of S3 as files of this machine, for workers that read only files: the part of a result that is shown, and the
//! inputs of one item.

use crate::answers::of_store;
use crate::event::Published;
use crate::exit::{Stop, io};
use crate::ui::format::bytes;
use spotmill_core::ids::Uri;
use spotmill_core::item::{InputFile, ItemSpec};
use spotmill_platform::ports::Store;
use spotmill_platform::several::several;
use spotmill_supervisor::copies::{self, NotCopied};
use spotmill_supervisor::copy_of;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A larger result is not fetched to be shown.
const MOST_BYTES: u64 = 64 << 20;
/// Objects that are fetched at once.
const AT_ONCE: usize = 8;

/// Paths of this machine; the copies among them go with this.
pub struct Copies {
    pub paths: Vec<String>,
    _kept: Option<TempDir>,
}

/// The files of a result, with copies in place of objects. A result that is too large is refused before any of it is
/// fetched.
pub async fn files(store: &Arc<dyn Store>, published: &[&Published]) -> Result<Copies, Stop> {
    let mut paths: Vec<String> = published.iter().flat_map(|p| p.files.iter().cloned()).collect();
    let away = away_bytes(published);
    if away > MOST_BYTES {
        return Err(Stop::failed(format!("its files are larger than {}", bytes(MOST_BYTES))));
    }
    let objects: BTreeSet<Uri> = paths.iter().map(|path| Uri::new(path.as_str())).filter(Uri::is_s3).collect();
    if objects.is_empty() {
        return Ok(Copies { paths, _kept: None });
    }
    let kept = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let copies = fetch(store, kept.path(), objects).await?;
    for path in &mut paths {
        if let Some(copy) = copies.get(&Uri::new(path.as_str())) {
            *path = copy.to_string_lossy().into_owned();
        }
    }
    Ok(Copies { paths, _kept: Some(kept) })
}

/// Bytes that are not on this machine, as the manifests have them.
fn away_bytes(published: &[&Published]) -> u64 {
    let away = published.iter().filter(|p| Uri::new(p.destination.as_str()).is_s3());
    away.map(|p| p.bytes).fold(0, u64::saturating_add)
}

/// The spec with copies below `folder` in place of objects.
pub async fn inputs(store: &Arc<dyn Store>, spec: &mut ItemSpec, folder: &Path) -> Result<(), Stop> {
    copies::bring(store, folder, reads(spec)).await.map_err(|why| match why {
        NotCopied::Unnameable(what) => Stop::failed(what).remedy("give the object another key"),
        NotCopied::Here(path, e) => io("copy an input to", &path)(e),
        NotCopied::There(_, e) => of_store(e),
    })
}

fn reads(spec: &mut ItemSpec) -> impl Iterator<Item = &mut InputFile> {
    spec.inputs.iter_mut().chain(spec.tables.values_mut().flat_map(|table| &mut table.files))
}

/// Copies objects below `folder` as they are now, several at once. Returns the copies' paths.
async fn fetch(store: &Arc<dyn Store>, folder: &Path, objects: BTreeSet<Uri>) -> Result<BTreeMap<Uri, PathBuf>, Stop> {
    let copies = several(AT_ONCE, objects, |uri| {
        let (store, copy) = (Arc::clone(store), copy_path(folder, &uri));
        async move {
            let copy = copy?;
            let etag = store.head(&uri).await.map_err(of_store)?.etag;
            store.download(&uri, &etag, &copy).await.map_err(of_store)?;
            Ok::<_, Stop>((uri, copy))
        }
    });
    Ok(copies.await?.into_iter().collect())
}

/// The path of an object's copy below `folder`; its own folder is made.
pub fn copy_path(folder: &Path, uri: &Uri) -> Result<PathBuf, Stop> {
    let copy = copy_of(folder, uri).map_err(|what| Stop::failed(what).remedy("give the object another key"))?;
    let parent = copy.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(io("create", parent))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(destination: &str, bytes: u64) -> Published {
        let files = vec![format!("{destination}/part-0.parquet")];
        Published { step: "s".into(), destination: destination.into(), files, rows: 1, bytes }
    }

    #[test]
    fn a_copy_lies_in_the_folders_of_its_object() {
        let dir = tempfile::tempdir().expect("a directory");
        let copy = copy_path(dir.path(), &Uri::new("s3://b/in/dt=2024-03-10/x.parquet")).expect("a path");
        assert_eq!(copy, dir.path().join("b/in/dt=2024-03-10/x.parquet"));
        assert!(copy.parent().is_some_and(Path::is_dir), "it can be written");
        let stop = copy_path(dir.path(), &Uri::new("s3://b/../x")).expect_err("no path");
        assert!(stop.message.contains("`..`"), "{}", stop.message);
    }

    #[tokio::test]
    async fn a_large_result_is_refused_before_it_is_fetched() {
        // A store of files: it would refuse to read an object.
        let store: Arc<dyn Store> = Arc::new(spotmill_platform::local::LocalStore::new());
        let (half, more) = (published("s3://b/one", MOST_BYTES / 2), published("s3://b/two", MOST_BYTES / 2 + 1));
        let stop = files(&store, &[&half, &more]).await.err().expect("refused");
        assert_eq!(stop.message, "its files are larger than 64.0 MiB");
        let local = published("/out", MOST_BYTES + 1);
        let copies = files(&store, &[&local]).await.expect("nothing is fetched");
        assert_eq!(copies.paths, ["/out/part-0.parquet"]);
    }
}
